"""Documents say exactly what the nouns say: no NaN, no guess for what is unknown, numbers as short as they are true."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.edges.publish.documents import advice_document, check_document, comparison_document, review_document
from mriloop.model.advice import Advice
from mriloop.model.fact import Truth
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.quantity import NotAssessable, Quantity


def one_series(**more):
    series = SeriesCheck(
        series_instance_uid="1.2", kind=SeriesKind(), verdict=Verdict.NOT_ASSESSABLE, volumes=0, **more
    )
    document = check_document((StudyCheck(study_instance_uid="1", verdict=Verdict.NOT_ASSESSABLE, series=(series,)),))
    return document["studies"][0]["series"][0]


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_measure_is_a_finite_number_or_a_reason(value):
    shown = one_series(measures={"snr": Quantity(value=value, unit="1")})["measures"]["snr"]
    json.dumps(shown, allow_nan=False)
    if math.isfinite(value):
        assert shown["value"] == pytest.approx(value, rel=1e-5)
    else:
        assert set(shown) == {"not_assessable"}


def test_a_reason_is_kept_word_for_word():
    shown = one_series(measures={"noise": NotAssessable(reason="no background")})["measures"]
    assert shown == {"noise": {"not_assessable": "no background"}}


@pytest.mark.parametrize(("truth", "word"), [(Truth.TRUE, "yes"), (Truth.FALSE, "no"), (Truth.UNKNOWN, "unknown")])
def test_contrast_has_three_answers(truth, word):
    series = SeriesCheck(
        series_instance_uid="1.2", kind=SeriesKind(contrast=truth), verdict=Verdict.ACCEPTABLE, volumes=1
    )
    document = check_document((StudyCheck(study_instance_uid="1", verdict=Verdict.ACCEPTABLE, series=(series,)),))
    assert document["studies"][0]["series"][0]["kind"]["contrast"] == word


def test_uncounted_slices_are_null_and_not_zero():
    assert one_series()["completeness"] == {
        "expected": None,
        "found": None,
        "missing": [],
        "basis": "slices were not counted",
    }


def test_missing_slices_carry_their_place(full_view):
    document = check_document((full_view.check,))
    missing = document["studies"][0]["series"][0]["completeness"]["missing"]
    assert missing[0] == {"index": 10, "position_ras_mm": [-82.55, -103.35, -17.5], "volume": None}


def test_evidence_may_be_a_text():
    coil = Defect(
        code="R1.coil",
        severity=Severity.MINOR,
        message="The body coil was used.",
        action="Use the head coil.",
        evidence=(Evidence(name="coil", value="Body", unit="", limit="Head_32"),),
    )
    (shown,) = one_series(defects=(coil,))["defects"][0]["evidence"]
    assert shown == {"name": "coil", "value": "Body", "unit": "", "limit": "Head_32"}


def test_facts_keep_their_type(samples):
    facts = advice_document(samples.advice())["facts"]
    assert facts == {
        "age": {"value": 34, "unit": "a"},
        "jcv_antibody": "unknown",
        "on_treatment": "yes",
        "series_read": ["FLAIR", "T2"],
        "treatment": "natalizumab",
        "treatment_start": "2024-01-31",
    }


def test_a_step_that_a_person_dates_has_no_window(samples):
    from dataclasses import replace

    step = replace(samples.advice().recommendations[0], window=None, schedule=())
    shown = advice_document(Advice(recommendations=(step,)))["recommendations"][0]
    assert shown["window"] is None
    assert shown["then"] == "individualise"
    assert shown["never_auto_close"] is True


def test_changes_keep_sign_and_id(samples):
    changes = comparison_document(samples.comparison())["changes"]
    assert [(one["id"], one["kind"], one["volume_change_ml"]) for one in changes] == [
        (1, "new", 0.38),
        (2, "enlarging", 0.09),
        (3, "shrinking", -0.04),
        (4, "stable", 0.0),
    ]


def test_review_says_who_signed_or_that_nobody_did(samples):
    draft = review_document(samples.full_view())["report"]
    assert (draft["status"], draft["verified_by"], draft["digest"]) == ("draft", None, None)
    signed = review_document(samples.full_view(report=samples.signed(samples.draft())))["report"]
    assert signed["status"] == "verified"
    assert signed["verified_by"] == {"id": "r1", "name": "Dr Ada Example", "role": "radiologist"}
    assert signed["verified_at"] == "2026-03-02T14:05:00+00:00"


def test_review_carries_no_pseudonym(samples):
    text = json.dumps(review_document(samples.full_view()))
    assert samples.draft().patient == "p-1"
    assert '"p-1"' not in text
