"""The measures of CHECK, family by family; each family is one tuple over one kind of sample."""

from __future__ import annotations

from mriloop.stages.check.measures.brain import BRAIN, SUMMARY, BrainSample, brain_sample, mriqc_row
from mriloop.stages.check.measures.measure import ImageMeasure, take_all
from mriloop.stages.check.measures.picture import PICTURE
from mriloop.stages.check.measures.sample import BLANK, LABELS, Sample, sample_of

NAMES: tuple[str, ...] = tuple(measure.name for measure in PICTURE)

__all__ = [
    "BLANK",
    "BRAIN",
    "LABELS",
    "NAMES",
    "PICTURE",
    "SUMMARY",
    "BrainSample",
    "ImageMeasure",
    "Sample",
    "brain_sample",
    "mriqc_row",
    "sample_of",
    "take_all",
]
