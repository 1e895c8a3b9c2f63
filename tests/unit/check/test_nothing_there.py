"""Slices, volumes and whole series that hold no picture are named; more of them is never milder."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.foreground import regions
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind, Severity, Verdict
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check import check_series
from mriloop.stages.check.measures import PICTURE, Sample, take_all
from mriloop.stages.check.rules import blank_volumes, image_defects

KIND = SeriesKind(weighting=Weighting.T2, region=Region.BRAIN)
SPACING = (2.0, 2.0, 4.0)


def body(slices=20):
    rng = np.random.default_rng(3)
    x, y = np.mgrid[-1:1:64j, -1:1:64j]
    inside = ((x / 0.6) ** 2 + (y / 0.7) ** 2 < 1)[..., None]
    clean = np.where(inside, 100 + 25 * rng.standard_normal((64, 64, slices)), 0)
    return np.hypot(clean + 2 * rng.standard_normal(clean.shape), 2 * rng.standard_normal(clean.shape)).astype(
        np.float32
    )


def severity(values, code="blank_slice"):
    sample = Sample(values, None, regions(values, SPACING), SPACING, 1)
    found = [d.severity for d in image_defects(sample, take_all(sample, PICTURE), KIND) if d.code == code]
    order = [Severity.INFO, Severity.MINOR, Severity.MAJOR]
    return max((order.index(one) for one in found), default=-1)


def test_more_blank_slices_at_an_end_are_never_milder_and_most_of_a_stack_is_a_repeat():
    ranks = []
    for blank in range(0, 20, 2):
        values = body()
        values[:, :, 20 - blank :] = 0
        ranks.append(severity(values))
    assert ranks[0] == ranks[1] == -1, "two of twenty may be the padding of a slab"
    assert ranks == sorted(ranks)
    assert ranks[-1] == 2


def test_slices_beyond_a_masked_object_are_blank_by_right():
    values = body()
    values[values < 20] = 0
    values[:, :, :3] = values[:, :, -3:] = 0
    assert severity(values) == -1


@pytest.mark.parametrize(
    ("blank", "wanted"), [(0, None), (1, Severity.MINOR), (5, Severity.MAJOR), (10, Severity.MAJOR)]
)
def test_blank_volumes_are_counted(blank, wanted):
    data = np.repeat(body(8)[..., None], 10, axis=3)
    data[..., :blank] = 0
    found = blank_volumes([Volume(data=data, affine=np.diag([2.0, 2, 4, 1]), series_instance_uid="1")])
    assert [d.severity for d in found] == ([] if wanted is None else [wanted])


def test_a_series_of_nothing_is_to_be_repeated_and_a_map_of_nothing_is_not():
    volume = Volume(data=np.zeros((64, 64, 8), np.float32), affine=np.diag([2.0, 2, 4, 1]), series_instance_uid="1")
    series = Series(
        series_instance_uid="1", study_instance_uid="1", modality="MR", object=SeriesObject.IMAGE,
        parameters={"EchoTime": 90.0, "RepetitionTime": 4000.0, "ScanningSequence": "SE"},
    )  # fmt: skip
    answer = check_series(series, (volume,), kind=KIND)
    assert answer.verdict is Verdict.REPEAT
    assert [d.code for d in answer.defects if d.severity is Severity.MAJOR] == ["blank_volume"]
    bare = Series(series_instance_uid="1", study_instance_uid="1", modality="MR", object=SeriesObject.IMAGE)
    assert check_series(bare, (volume,), kind=KIND).verdict is Verdict.NOT_ASSESSABLE
