"""The figures of a review: pictures from voxels (PNG) and drawings from numbers (SVG)."""

from mriloop.edges.publish.figures.drawing import (
    TimelineRow,
    motion_trace_svg,
    slice_map_svg,
    timeline_svg,
)
from mriloop.edges.publish.figures.mosaic import Mark, marks_for, mosaic
from mriloop.edges.publish.figures.quality import history_svg, profile_svg
from mriloop.edges.publish.figures.triptych import triptych

__all__ = [
    "Mark",
    "TimelineRow",
    "history_svg",
    "marks_for",
    "mosaic",
    "motion_trace_svg",
    "profile_svg",
    "slice_map_svg",
    "timeline_svg",
    "triptych",
]
