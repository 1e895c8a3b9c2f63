"""Defects of movement while one structural volume was taken."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.model.quality import Defect, Severity
from mriloop.model.quantity import Measure, Quantity
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.limits import SHIPPED, Limits


def structural_motion_defects(
    measures: Mapping[str, Measure], voxel_mm: float, limits: Limits = SHIPPED
) -> list[Defect]:
    """Return whether the patient moved during the volume: by the lower end of the interval alone.

    Minor above 0.5 mm (Afacan 2016), major above 1.5 mm, both limits growing with in-plane voxels above 1 mm. An answer
    that is less sure has a lower lower end: uncertainty never asks for a repeat, and more motion never improves.
    """
    ends = [measures.get(name) for name in ("motion_in_volume_lower", "motion_in_volume_upper")]
    lower, upper = ends
    if not (isinstance(lower, Quantity) and isinstance(upper, Quantity)):
        return []
    scale = max(1.0, voxel_mm)
    minor, major = limits.within_minor_mm * scale, limits.within_major_mm * scale
    if lower.value <= minor:
        return []
    return [
        defect(
            "motion_in_volume",
            Severity.MAJOR if lower.value > major else Severity.MINOR,
            f"The picture looks as if the patient moved {lower.value:.1f} to {upper.value:.1f} mm while it was taken.",
            number("motion_in_volume_lower", lower.value, "mm", minor),
            number("motion_in_volume_upper", upper.value, "mm"),
        )
    ]
