"""In what two series of one pair differ, as a closed list that rules can ask for."""

from __future__ import annotations

from enum import StrEnum


class Difference(StrEnum):
    """What is not the same in a series of today and the series of the prior that answers it.

    UNSTATED: nothing names the scanner of one of the two, so that "the same scanner" cannot be assumed.
    """

    SCANNER = "scanner"
    FIELD_STRENGTH = "field_strength"
    SOFTWARE = "software"
    UNSTATED = "unstated"
    PLANE = "plane"
    DIMENSION = "dimension"
    CONTRAST = "contrast"
    PHASE = "phase"
    FAT_SUPPRESSION = "fat_suppression"
    THICKNESS = "thickness"
    PIXELS = "pixels"
    TIMING = "timing"
    B_VALUE = "b_value"
    REGION = "region"
    SIDE = "side"
    WEIGHTING = "weighting"
    DERIVED = "derived"
    SPOILT = "spoilt"
    SHARED = "shared"
