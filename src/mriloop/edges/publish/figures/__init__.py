"""The figures of a review: pictures from voxels (PNG) and drawings from numbers (SVG)."""

from mriloop.edges.publish.figures.colour import colour_slices
from mriloop.edges.publish.figures.drawing import (
    TimelineRow,
    motion_trace_svg,
    slice_map_svg,
    timeline_svg,
)
from mriloop.edges.publish.figures.flicker import flicker_pair
from mriloop.edges.publish.figures.growth import growth_svg
from mriloop.edges.publish.figures.mosaic import Mark, marks_for, mosaic
from mriloop.edges.publish.figures.projections import Pin, projections
from mriloop.edges.publish.figures.quality import history_svg, profile_svg
from mriloop.edges.publish.figures.triptych import triptych

__all__ = [
    "Mark",
    "Pin",
    "TimelineRow",
    "colour_slices",
    "flicker_pair",
    "growth_svg",
    "history_svg",
    "marks_for",
    "mosaic",
    "motion_trace_svg",
    "profile_svg",
    "projections",
    "slice_map_svg",
    "timeline_svg",
    "triptych",
]
