"""Defects of movement between the volumes of a series."""

from __future__ import annotations

from mriloop.model.quality import Defect, Severity
from mriloop.model.quantity import Quantity
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.motion import Moved


def motion_defects(moved: Moved, limits: Limits = SHIPPED) -> list[Defect]:
    """Return whether the patient moved between volumes: minor beyond the limit on average or under 90 % still."""
    mean, most, free = (moved.measures.get(n) for n in ("displacement_mean", "displacement_max", "motion_free"))
    if not (isinstance(mean, Quantity) and isinstance(most, Quantity) and isinstance(free, Quantity)):
        return []
    limit = moved.limit_mm
    severity = None
    if mean.value > limit or free.value < limits.still_minor:
        severity = Severity.MINOR
    if (
        mean.value > limits.mean_major * limit
        or free.value < limits.still_major
        or (severity is not None and most.value > limits.jump_major_mm)
    ):
        severity = Severity.MAJOR
    if severity is None:
        return []
    return [
        defect(
            "motion",
            severity,
            f"The patient moved {mean.value:.1f} mm on average between volumes, {most.value:.1f} mm at most; "
            f"{free.value:.0f} % of the volumes were still (moved less than {limit:.2f} mm)." + _guessed(moved),
            number("displacement_mean", mean.value, "mm", limit),
            number("displacement_max", most.value, "mm", limits.jump_major_mm),
            number("motion_free", free.value, "%", limits.still_minor),
        )
    ]


def _guessed(moved: Moved) -> str:
    """Say how many of the volumes fit no pose, so that nobody takes their millimetres for measured ones."""
    count = len(moved.trace.untrusted) if moved.trace else 0
    if not count:
        return ""
    return f" {count} volume{'s' if count > 1 else ''} fit no pose at all; where they lay is a guess."
