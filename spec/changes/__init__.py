# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What changed in XDP redirection from release to release: one table, in two files."""

from __future__ import annotations

from spec.changes.change import Change
from spec.changes.maps_and_programs import CHANGES as _OF_MAPS_AND_PROGRAMS
from spec.changes.ways_of_frames import CHANGES as _OF_WAYS_OF_FRAMES

CHANGES: tuple[Change, ...] = (*_OF_MAPS_AND_PROGRAMS, *_OF_WAYS_OF_FRAMES)
