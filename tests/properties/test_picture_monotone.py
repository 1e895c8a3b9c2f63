"""Stronger artefacts in the picture itself never give a milder defect: ghosts, stripes, lines, dark halves, noise."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.imaging.foreground import regions
from mriloop.imaging.phantom import Faults, acquire, head, t2_axial
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.stages.check.measures import PICTURE, Sample, take_all
from mriloop.stages.check.rules import image_defects

KIND = SeriesKind(weighting=Weighting.T2, plane=Plane.AXIAL, region=Region.BRAIN, object=Subject.PATIENT)
RANK = {Severity.INFO: 1, Severity.MINOR: 2, Severity.MAJOR: 3}


@lru_cache(maxsize=1)
def clean():
    plan = t2_axial()
    plan = replace(plan, matrix=(*plan.matrix[:2], 6))
    image = acquire(head(seed=3), plan, faults=Faults(snr=60), seed=1)
    level = float(np.percentile(image.data, 90))
    return image.data / level, plan.spacing, plan.phase_index


def spoilt(what, strength):
    """Return the picture with one artefact of a strength given as a share of the object's brightness."""
    data, _, axis = clean()
    rng = np.random.default_rng(11)
    n, m, count = data.shape
    if what == "ghost":
        return data + strength * np.roll(data, data.shape[axis] // 2, axis=axis)
    if what == "stripes":
        wave = np.exp(2j * np.pi * (0.19 * np.arange(n)[:, None] + 0.14 * np.arange(m)))
        return np.abs(data + strength * wave[:, :, None])
    if what == "line":
        dots = rng.rayleigh(1, (data.shape[axis], count)) * np.exp(2j * np.pi * rng.random((data.shape[axis], count)))
        line = np.zeros(data.shape, dtype=complex)
        place = [slice(None)] * 3
        place[1 - axis] = data.shape[1 - axis] // 3
        line[tuple(place)] = dots
        return np.abs(data + strength * line)
    if what == "dark":
        out = data.copy()
        out[: n // 2] *= 1 - min(0.9, strength)
        return out
    noise = rng.normal(size=(2, *data.shape))
    return np.hypot(data + strength * noise[0], strength * noise[1])


@lru_cache(maxsize=256)
def judged(what, strength):
    data, spacing, axis = clean()
    values = np.asfortranarray(data if strength == 0 else spoilt(what, strength), dtype=np.float32)
    sample = Sample(values, None, regions(values, spacing), spacing, axis)
    defects = image_defects(sample, take_all(sample, PICTURE), KIND)
    return max((RANK[d.severity] for d in defects), default=0), {d.code for d in defects}


def test_a_clean_picture_has_no_defect():
    assert judged("none", 0) == (0, set())


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["ghost", "stripes", "line", "dark", "noise"]),
    st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45]),
    st.sampled_from([0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.7, 1.0]),
)
def test_more_of_an_artefact_is_never_milder(what, weak, strong):
    weak, strong = sorted((weak, strong))
    assert judged(what, strong)[0] >= judged(what, weak)[0]


def test_clear_ruin_is_found_by_its_name():
    for what, strength, code, rank in (
        ("ghost", 0.3, "ghosting", 3),
        ("stripes", 0.4, "herringbone", 3),
        ("line", 1.0, "zipper", 3),
        ("dark", 0.8, "uneven_signal", 2),
        ("noise", 0.7, "low_snr", 2),
    ):
        found, codes = judged(what, strength)
        assert found >= rank, what
        assert code in codes or (code == "ghosting" and "motion_artifact" in codes), (what, codes)
