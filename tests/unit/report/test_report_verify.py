"""The signature: who may give it, what it covers, and that nothing signed can change unseen."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

import mriloop
from mriloop.model.advice import Advice, Undetermined
from mriloop.model.errors import MriloopError
from mriloop.model.report import Outcome, RepeatPlan, Review
from mriloop.stages.report import canonical_bytes, digest_of, verify, verify_digest


@pytest.fixture
def questioned(make):
    """A draft with one objection that a reason may override."""
    open_question = Undetermined(guideline="ms.pml", missing=("jcv",))
    return make.draft(advice=Advice(recommendations=(make.recommendation(),), undetermined=(open_question,)))


def refused(code, *args, **kwargs):
    with pytest.raises(MriloopError) as caught:
        verify(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("nobody", [{"id": ""}, {"name": " "}, {"role": ""}])
def test_nobody_signs(make, nobody):
    refused("report_no_person", make.draft(), make.person(**nobody), make.now)


@pytest.mark.parametrize("role", ["technologist", "referrer", "machine", "radiologists"])
def test_only_a_radiologist_signs(make, role):
    refused("report_role", make.draft(), make.person(role=role), make.now)


def test_a_signature_has_a_time_zone(make):
    with pytest.raises(ValueError, match="zone"):
        verify(make.draft(), make.person(), datetime(2026, 5, 4, 12))


def test_nothing_is_signed_twice(make):
    refused("report_signed_twice", verify(make.draft(), make.person(), make.now), make.person(), make.now)


def test_an_objection_is_overridden_by_its_key_or_its_code_and_only_with_a_reason(make, questioned):
    error = refused("report_not_signable", questioned, make.person(), make.now)
    assert "advice_undetermined:ms.pml" in error.message
    refused("report_not_signable", questioned, make.person(), make.now, overrides={"advice_undetermined": "  "})
    refused("report_not_signable", questioned, make.person(), make.now, overrides={"conflict_open": "why"})
    for key in ("advice_undetermined", "advice_undetermined:ms.pml"):
        report = verify(questioned, make.person(), make.now, overrides={key: "not on natalizumab"})
        assert report.overrides == {"advice_undetermined:ms.pml": "not on natalizumab"}


def test_no_reason_makes_an_incomplete_recommendation_signable(make):
    draft = make.draft(advice=Advice(recommendations=(make.recommendation(window=None),)))
    reasons = {item.key: "because I say so" for item in draft.objections}
    refused("report_not_signable", draft, make.person(), make.now, overrides=reasons)


def test_the_outcome_is_stated_in_the_draft_so_that_what_is_signed_is_what_is_written(make):
    advice = Advice(recommendations=())
    refused(
        "report_not_signable", make.draft(advice=advice), make.person(), make.now, overrides={"outcome_unstated": "x"}
    )
    stated = make.draft(advice=advice, review=Review(outcome=Outcome.NORMAL))
    report = verify(stated, make.person(), make.now)
    assert report.draft.outcome is Outcome.NORMAL
    assert verify_digest(report)


def test_the_digest_covers_every_signed_word(make, questioned):
    report = verify(questioned, make.person(), make.now, overrides={"advice_undetermined": "no"})
    assert re.fullmatch(r"[0-9a-f]{64}", report.digest)
    assert verify_digest(report)
    others = {
        "id": "x", "study_instance_uid": "x", "patient": "x", "drafted_at": make.now + timedelta(seconds=1),
        "sections": (), "findings": (make.finding("x"),), "recommendations": (), "objections": (),
        "prior_studies": ("x",), "study_date": date(2000, 1, 1), "outcome": Outcome.NORMAL, "owners": {},
        "rejected": ("x",), "repeat": RepeatPlan(series=("x",), whole=True), "open_questions": (),
        "disagreements": ("x",),
    }  # fmt: skip
    assert set(others) == {field.name for field in fields(report.draft)}
    for name, value in others.items():
        assert not verify_digest(replace(report, draft=replace(report.draft, **{name: value}))), name
    assert not verify_digest(replace(report, verified_by=make.person(name="Somebody else")))
    assert not verify_digest(replace(report, verified_at=make.now + timedelta(seconds=1)))
    assert not verify_digest(replace(report, overrides={"advice_undetermined:ms.pml": "yes"}))
    assert not verify_digest(replace(report, digest="0" * 64))


def test_the_digest_is_the_sha256_of_plain_json():
    @dataclass(frozen=True)
    class Leaf:
        text: str
        number: float = 1.5

    value = {"b": (Leaf(text="é"), Leaf(text="x", number=2.0)), "a": date(2026, 5, 4)}
    by_hand = '{"a":"2026-05-04","b":[{"text":"é"},{"number":2.0,"text":"x"}]}'
    assert canonical_bytes(value) == by_hand.encode()
    assert digest_of(value) == hashlib.sha256(by_hand.encode()).hexdigest()
    assert json.loads(canonical_bytes(value))["b"][0] == {"text": "é"}


def test_a_model_that_gains_a_field_leaves_old_signatures_valid():
    @dataclass(frozen=True)
    class Old:
        text: str

    @dataclass(frozen=True)
    class New:
        text: str
        added: tuple[str, ...] = ()

    assert digest_of(Old(text="x")) == digest_of(New(text="x"))
    assert digest_of(New(text="x", added=("y",))) != digest_of(New(text="x"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_has_no_canonical_form_is_not_signed(value):
    with pytest.raises((TypeError, ValueError)):
        digest_of({"value": value})


def test_nothing_but_verify_makes_a_verified_report():
    package = Path(mriloop.__file__).parent
    makers = [path for path in package.rglob("*.py") if re.search(r"\bVerifiedReport\(", path.read_text())]
    assert [path.relative_to(package).as_posix() for path in makers] == ["stages/report/verify.py"]
