"""CHECK on the real series: what their README says of each of them, and no false alarm on the untouched ones."""

from __future__ import annotations

from functools import lru_cache

import pytest

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import Verdict
from mriloop.model.quantity import Quantity
from mriloop.stages.check import check_series, identify_study

pytestmark = pytest.mark.real


@lru_cache(maxsize=16)
def checks(path):
    """Return the checks of every series under a folder; several tests ask about the same one."""
    return tuple(_checks(path))


def _checks(path):
    with read_intake(path, Limits()) as intake:
        for study in intake.studies:
            kinds = identify_study(study)
            for series in study.series:
                kind = kinds[series.series_instance_uid]
                volumes = None if kind.object is Subject.NOT_AN_IMAGE else load_volumes(intake, series, Limits())
                yield check_series(series, volumes, kind=kind)


def folder(real_data, start):
    return next(p for p in sorted(real_data.iterdir()) if p.name.startswith(start))


def codes(check):
    return {d.code for d in check.defects}


@pytest.mark.parametrize(("start", "found", "expected"), [("01", 175, 176), ("11", 18, 19)])
def test_the_one_missing_slice_is_found_with_its_place(real_data, start, found, expected):
    (check,) = checks(folder(real_data, start))
    assert (check.completeness.found, check.completeness.expected) == (found, expected)
    (missing,) = check.completeness.missing
    assert missing.position_ras_mm is not None
    assert check.verdict is Verdict.LIMITED
    assert "missing_slices" in codes(check)


@pytest.mark.parametrize(("start", "volumes", "slices"), [("06", 17, 340), ("07", 13, 520)])
def test_complete_diffusion_series_of_odd_vendors_stay_so_and_contrast_is_no_motion(real_data, start, volumes, slices):
    (check,) = checks(folder(real_data, start))
    assert (check.volumes, check.completeness.found, check.completeness.expected) == (volumes, slices, slices)
    assert check.kind.weighting is Weighting.DWI
    assert check.verdict is Verdict.ACCEPTABLE
    assert check.measures["displacement_mean"].value < 0.5


def test_gross_head_motion_is_told_in_millimetres(real_data):
    (check,) = checks(folder(real_data, "03"))
    assert check.verdict is Verdict.REPEAT
    assert "motion" in codes(check)
    assert check.measures["displacement_max"].value > 10
    assert len(check.motion.framewise_mm) == 10


def test_a_turned_head_is_flagged_and_a_still_one_is_not(real_data):
    (turned,) = checks(folder(real_data, "04_siemens_mosaic_fmri_head_turn"))
    (still,) = checks(folder(real_data, "04_siemens_mosaic_fmri_still"))
    assert "motion" in codes(turned)
    assert "motion" not in codes(still)
    assert "duplicate_images" in codes(still)
    assert still.measures["displacement_max"].value < 0.3


def test_nothing_and_test_objects_get_no_clinical_score(real_data):
    for start in ("19", "20"):
        for check in checks(folder(real_data, start)):
            assert check.verdict is Verdict.NOT_ASSESSABLE
            assert codes(check) & {"phantom", "no_object"}
    for path in sorted({f.parent for f in folder(real_data, "18").rglob("*") if f.is_file()}):
        for check in checks(path):
            assert check.verdict is Verdict.NOT_ASSESSABLE
            assert codes(check) & {"phantom", "no_object"}


def test_no_false_repeat_on_untouched_series(real_data):
    for start in ("02", "10", "14", "15", "17"):
        for check in checks(folder(real_data, start)):
            assert check.verdict is not Verdict.REPEAT, (start, check.series_number, codes(check))
            assert check.kind.object is not Subject.PHANTOM


def test_prostate_series_are_named_by_physics(real_data):
    kinds = {c.series_number: c.kind for c in checks(folder(real_data, "10"))}
    assert [kinds[n].weighting for n in (4, 6, 7, 9)] == [
        Weighting.T2, Weighting.TRACE, Weighting.ADC, Weighting.PD,
    ]  # fmt: skip
    assert kinds[8].derived
    assert all(k.region.value == "prostate" for k in kinds.values())


def test_every_measure_is_finite_or_says_why_not(real_data):
    (check,) = checks(folder(real_data, "03"))
    for measure in check.measures.values():
        assert isinstance(measure, Quantity) or measure.reason
