# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The areas that there are, by name."""

from __future__ import annotations

from spec.testing.differential.area import Area
from spec.testing.differential.maps.area import MapsArea
from spec.testing.differential.programs.area import ProgramsArea
from spec.testing.differential.redirect.area import RedirectArea

AREAS: dict[str, Area] = {area.name: area for area in (MapsArea(), RedirectArea(), ProgramsArea())}
