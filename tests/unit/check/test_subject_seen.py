"""Who lies in the scanner: cut faces, frames and tilted heads stay patients in good order; test objects are told."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.phantom import Faults, acquire, head, t1_axial
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.quality import SeriesKind, Severity, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check import check_series
from mriloop.stages.check.measures import ImageMeasure, Sample, sample_of, take_all

T1 = SeriesKind(weighting=Weighting.T1, plane=Plane.AXIAL, region=Region.BRAIN)


@lru_cache(maxsize=2)
def scan(tilt=0.0):
    plan = t1_axial()
    plan = replace(plan, matrix=(*plan.matrix[:2], 8), tilt_deg=(0.0, 0.0, tilt))
    return acquire(head(seed=3), plan, faults=Faults(snr=60), seed=1)


def series():
    return Series(series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE)


def checked(data, affine):
    volume = Volume(data=np.asarray(data, dtype=np.float32), affine=affine, series_instance_uid="1")
    return check_series(series(), (volume,), kind=T1)


def without_face(image):
    data = image.data.copy()
    i, j, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in data.shape), indexing="ij")
    data[j + 0.3 * np.abs(i) < -0.35] = 0
    return data


def with_frame(image):
    data = image.data.copy()
    n, m = data.shape[:2]
    for x, y in ((0.06, 0.3), (0.06, 0.7), (0.94, 0.3), (0.94, 0.7), (0.3, 0.05), (0.7, 0.05)):
        i, j = round(x * n), round(y * m)
        data[i - 2 : i + 3, j - 2 : j + 3] += np.percentile(image.data, 90)
    return data


@pytest.mark.parametrize("change", [without_face, with_frame, lambda image: image.data], ids=["face", "frame", "plain"])
def test_cut_faces_and_frames_are_no_defects(change):
    image = scan()
    answer = checked(change(image), image.affine)
    assert answer.kind.object is Subject.PATIENT
    assert answer.verdict is Verdict.ACCEPTABLE, answer.defects


def test_a_tilted_head_is_no_defect():
    image = scan(30.0)
    answer = checked(image.data, image.affine)
    assert (answer.kind.object, answer.verdict) == (Subject.PATIENT, Verdict.ACCEPTABLE)


@pytest.mark.parametrize("built", ["plain", "inserts", "ring"])
def test_test_objects_get_no_clinical_score(built):
    i, j, _ = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (96, 96, 6)), indexing="ij")
    bottle = 100.0 * (1 - 0.003 * i) * (i**2 + j**2 < 32**2)
    if built == "inserts":
        bottle[40:50, 30:64] = 0
    if built == "ring":
        bottle[(i**2 + j**2 > 14**2) & (i**2 + j**2 < 17**2)] = 5
    noise = np.random.default_rng(0).normal(0, 1, bottle.shape)
    answer = checked(np.abs(ndimage.gaussian_filter(bottle, (0.6, 0.6, 0)) + noise), np.diag([2.0, 2.0, 5.0, 1.0]))
    assert (answer.kind.object, answer.verdict) == (Subject.PHANTOM, Verdict.NOT_ASSESSABLE)
    assert all(d.severity is Severity.INFO for d in answer.defects)


def test_a_new_measure_is_one_function_and_one_line():
    """The example of docs/reference/measures.md."""

    def brightest(sample: Sample) -> float | str | None:
        return float(sample.values.max()) if sample.values.any() else "an empty picture"

    family = (ImageMeasure("brightest", "1", "", brightest),)
    image = scan()
    volume = Volume(data=image.data, affine=image.affine, series_instance_uid="1")
    answer = take_all(sample_of((volume,), series()), family)
    assert answer == {"brightest": Quantity(value=float(image.data.max()), unit="1")}
