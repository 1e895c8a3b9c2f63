"""Folder in, letter out: demo patients through the whole loop, held against what the phantom planted."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from mriloop.app.demo import PATIENTS, review_patient
from mriloop.app.phantom import write_scenario
from mriloop.app.review import ReviewOutcome
from mriloop.app.worklist import read_worklist
from mriloop.edges.publish.documents import NAMES, schema
from mriloop.edges.store import open_store
from mriloop.model.errors import Exit
from mriloop.settings import Settings, load


def reviewed(name: str, root: Path) -> tuple[ReviewOutcome, Settings, Path]:
    patient = next(one for one in PATIENTS if one.scenario == name)
    settings = load({}, store=str(root / "store"))
    write_scenario(name, root / "study")
    return review_patient(patient, root / "study", root / "out", settings), settings, root / "out"


@pytest.fixture(scope="module")
def claustrophobia(tmp_path_factory: pytest.TempPathFactory):
    return reviewed("claustrophobia", tmp_path_factory.mktemp("claustrophobia"))


@pytest.fixture(scope="module")
def contrast_only(tmp_path_factory: pytest.TempPathFactory):
    return reviewed("contrast_only", tmp_path_factory.mktemp("contrast"))


@pytest.mark.xdist_group("claustrophobia")
class TestStoppedByClaustrophobia:
    def test_what_was_never_made_is_missed_slice_by_slice(self, claustrophobia):
        outcome, _, out = claustrophobia
        planted = json.loads((out.parent / "study" / "truth.json").read_text())["series"]
        wanted = {one["description"]: len(one["missing_slices"]) for one in planted}
        for one in outcome.view.check.series:
            assert len(one.completeness.missing) == wanted[one.description]
        assert outcome.exit is Exit.NEEDS_PERSON

    def test_the_advice_is_the_ladder_and_only_the_missing_series(self, claustrophobia):
        advice = claustrophobia[0].view.advice
        step = next(one for one in advice.recommendations if one.guideline == "repeat_exam")
        assert "missing series" in step.text
        assert any("sedation" in action for action in step.actions)

    def test_letter_and_worklist_carry_the_same_dates(self, claustrophobia):
        outcome, settings, out = claustrophobia
        owed = read_worklist(settings, today=date(2026, 11, 17)).items
        window = next(one.window for one in outcome.view.advice.recommendations if one.guideline == "repeat_exam")
        assert {item.follow_up.window for item in owed} == {window}
        patient = next(one for one in outcome.view.letters if one.audience == "patient")
        assert patient.kind == "r1_incomplete"
        assert str(window.latest.day) in " ".join(patient.paragraphs)
        assert (out / "letters" / "patient_en.pdf").read_bytes().startswith(b"%PDF")
        assert b"BEGIN:VEVENT" in (out / "next-steps.ics").read_bytes()

    def test_the_ledger_holds_every_step_and_no_name(self, claustrophobia):
        _, settings, out = claustrophobia
        with open_store(settings.store_place) as store:
            kinds = [entry.record.kind for entry in store.entries()]
            store.verify()
            body = json.dumps([dict(entry.record.payload) for entry in store.entries()])
        steps = ["study.received", "case.stated", "study.checked", "study.advised", "report.drafted"]
        assert kinds == [*steps, "report.verified", "letters.written", "followups.opened"]
        everything = body + (out / "review.json").read_text() + (out / "index.html").read_text()
        assert "PHANTOM-" not in everything
        assert "Phantom^" not in everything


@pytest.mark.xdist_group("contrast")
class TestOrderedWithContrastOnly:
    def test_the_order_is_blocked_with_the_way_out(self, contrast_only):
        order = contrast_only[0].view.order
        assert order.outcome == "block"
        assert "without and with contrast" in order.reasons[0].text

    def test_the_study_lacks_its_twin_before_contrast(self, contrast_only):
        codes = {one.code for one in contrast_only[0].view.check.defects}
        codes |= {one.code for series in contrast_only[0].view.check.series for one in series.defects}
        assert "incomplete_precontrast" in codes

    def test_the_document_is_what_its_schema_says(self, contrast_only):
        document = json.loads((contrast_only[2] / "review.json").read_text())
        known = Registry().with_resources((schema(name)["$id"], Resource.from_contents(schema(name))) for name in NAMES)
        Draft202012Validator(schema("review"), registry=known).validate(document)

    def test_reviewing_again_records_nothing_twice(self, contrast_only, tmp_path):
        _, settings, out = contrast_only
        with open_store(settings.store_place) as store:
            before = len(tuple(store.entries()))
        patient = next(one for one in PATIENTS if one.scenario == "contrast_only")
        review_patient(patient, out.parent / "study", tmp_path / "again", settings)
        with open_store(settings.store_place) as store:
            assert len(tuple(store.entries())) == before
