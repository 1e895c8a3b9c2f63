"""What makes COMPARE refuse a map, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.imaging.register import Fit, Picture
from mriloop.stages.compare.align import objection

GOOD = Fit(
    matrix=np.eye(4),
    engine="test",
    similarity=1.2,
    header_similarity=1.0,
    overlap=0.98,
    shared=0.98,
    uncertainty_mm=0.08,
    inverse_consistency_mm=0.02,
    explained=0.96,
    mirror_explained=0.80,
)
HEAD = Picture(
    data=np.ones((60, 60, 60), np.float32), affine=np.diag([3.0, 3.0, 3.0, 1.0]), mask=np.ones((60,) * 3, bool)
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"shared": 0.2}, "20 % of the anatomy"),
        ({"similarity": 1.01}, "do not resemble"),
        ({"uncertainty_mm": 2.3}, "differ by 2.3 mm"),
        ({"explained": 0.80, "mirror_explained": 0.96}, "left and right are exchanged"),
        ({"explained": 0.57, "mirror_explained": 0.57}, "do not show the same head"),
    ],
)
def test_a_bad_fit_is_refused_with_its_reason(change: dict[str, float], words: str):
    said = objection(replace(GOOD, **change), HEAD, HEAD, head=True)
    assert words in said
    assert bool(said) == bool(words)


def test_a_slab_within_a_head_is_not_too_little():
    assert objection(replace(GOOD, overlap=0.2, shared=1.0), HEAD, HEAD, head=True) == ""


def test_only_heads_must_differ_from_their_mirror_image():
    symmetric = replace(GOOD, explained=0.99, mirror_explained=0.99)
    assert objection(symmetric, HEAD, HEAD, head=False) == ""
