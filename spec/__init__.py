# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The reference model of Linux XDP redirection, in plain standard-library Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spec.model import ModelLab

__all__ = ["ModelLab"]


def __getattr__(name: str) -> Any:
    """``ModelLab`` is imported on first use, so that ``spec`` alone is imported at once."""
    if name == "ModelLab":
        from spec.model import ModelLab

        return ModelLab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
