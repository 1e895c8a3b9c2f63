"""The measures of a structural brain on the phantom: tissues against its truth, order under noise, units, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.imaging.phantom import Faults, Prescription, Tissue, Visit, acquire, head, t1_3d
from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check.measures import BRAIN, SUMMARY, BrainSample, brain_sample, mriqc_row, sample_of, take_all

pytestmark = pytest.mark.xdist_group("phantom brain")
T1_BRAIN = SeriesKind(weighting=Weighting.T1, region=Region.BRAIN, object=Subject.PATIENT)
SERIES = Series(
    study_instance_uid="1.2", series_instance_uid="1.2.3", modality="MR", object=SeriesObject.IMAGE, description=""
)
TRUTH = {
    "csf": (Tissue.CSF, Tissue.VENTRICULAR_CSF),
    "gm": (Tissue.GREY_MATTER, Tissue.CAUDATE_PUTAMEN, Tissue.CEREBELLAR_GREY),
    "wm": (Tissue.WHITE_MATTER, Tissue.BRAINSTEM),
}


@pytest.fixture(scope="module")
def scans():
    """The same head twice at 2 mm: at a usual and at a poor signal to noise."""
    anatomy = head(Visit(), seed=3)
    coarse: Prescription = replace(t1_3d(), matrix=(120, 120, 84), spacing=(2.0, 2.0, 2.0), thickness=2.0)
    return [acquire(anatomy, coarse, faults=Faults(snr=snr), seed=1) for snr in (40.0, 12.0)]


def _measure(scan, kind: SeriesKind = T1_BRAIN, scale: float = 1000.0) -> BrainSample | NotAssessable:
    data = np.asarray(scan.data * scale, dtype=np.float32)
    volume = Volume(data=data, affine=scan.affine, series_instance_uid="1.2.3")
    return brain_sample((volume,), sample_of((volume,), SERIES), kind)


@pytest.fixture(scope="module")
def samples(scans):
    return [_measure(scan) for scan in scans]


def test_tissues_are_those_of_the_phantom(scans, samples):
    labels = samples[0].tissues.labels
    truth = np.zeros(labels.shape, int)
    for number, tissues in enumerate(TRUTH.values(), start=1):
        truth[np.isin(scans[0].tissue_labels, tissues)] = number
    both = (labels > 0) & (truth > 0)
    for number, least in ((1, 0.7), (2, 0.8), (3, 0.9)):
        mine, real = both & (labels == number), both & (truth == number)
        assert 2 * (mine & real).sum() / (mine.sum() + real.sum()) > least


def test_noise_lowers_what_is_better_high_and_raises_what_is_better_low(samples):
    good, poor = (mriqc_row(sample) for sample in samples)
    for name in ("cnr", "snrd_wm", "snrd_gm", "snrd_total", "fber"):
        assert poor[name] < good[name], name
    for name in ("cjv", "summary_wm_mad", "summary_bg_stdv"):
        assert poor[name] > good[name], name


def test_white_matter_is_at_a_thousand_and_dietrich_follows_the_true_noise(samples):
    good, poor = (mriqc_row(sample) for sample in samples)
    assert poor["summary_wm_median"] == pytest.approx(1000, rel=0.05)
    assert good["snrd_wm"] / poor["snrd_wm"] == pytest.approx(40 / 12, rel=0.1)
    assert poor["icvs_csf"] + poor["icvs_gm"] + poor["icvs_wm"] == pytest.approx(1)


def test_the_unit_of_the_intensities_changes_nothing(scans, samples):
    one, other = mriqc_row(samples[0]), mriqc_row(_measure(scans[0], scale=37.0))
    assert one.keys() == other.keys()
    for name in ("cnr", "cjv", "snr_total", "snrd_total", "icvs_gm", "inu_range", "efc"):
        assert other[name] == pytest.approx(one[name], rel=0.01), name


def test_the_row_has_mriqcs_names_and_no_nan(samples):
    row = mriqc_row(samples[0])
    assert {"cjv", "qi_1", "qi_2", "rpve_csf", "size_x", "spacing_z", "summary_bg_p95", "wm2max"} <= row.keys()
    assert len(row) == len(BRAIN) + len(SUMMARY) + 6
    assert np.isfinite(list(row.values())).all()
    assert all(0 <= row[f"rpve_{tissue}"] < 1 for tissue in TRUTH)


def test_without_air_only_what_needs_air_is_missing(samples):
    sample = replace(samples[0], summary={k: v for k, v in samples[0].summary.items() if k != "bg"})
    taken = take_all(sample, BRAIN)
    for name in ("cnr", "snrd_wm", "snrd_total", "qi_1", "qi_2"):
        assert taken[name] == NotAssessable(reason="no air above the skull base in the field of view")
    assert isinstance(taken["cjv"], Quantity)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": Region.KNEE}, "not known to be a brain"),
        ({"weighting": Weighting.DWI}, "T1, T2, PD"),
        ({"derived": True}, "T1, T2, PD"),
        ({"object": Subject.PHANTOM}, "no patient"),
    ],
)
def test_other_series_are_refused_with_the_reason(scans, change, words):
    found = _measure(scans[0], replace(T1_BRAIN, **change))
    assert isinstance(found, NotAssessable)
    assert words in found.reason


def test_half_a_brain_is_refused(scans):
    half = replace(scans[0], data=scans[0].data[:, :, :40])
    found = _measure(half)
    assert isinstance(found, NotAssessable)
    assert "no whole brain" in found.reason
