"""From what was measured to defects: one file for each family, each rule monotone, each number in `limits`."""

from __future__ import annotations

from mriloop.stages.check.rules.completeness import blank_volumes, completeness_defects
from mriloop.stages.check.rules.motion import motion_defects
from mriloop.stages.check.rules.picture import image_defects
from mriloop.stages.check.rules.structural_motion import structural_motion_defects
from mriloop.stages.check.rules.times import time_defects

__all__ = [
    "blank_volumes",
    "completeness_defects",
    "image_defects",
    "motion_defects",
    "structural_motion_defects",
    "time_defects",
]
