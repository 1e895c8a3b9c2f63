"""The taxonomy of repeats is closed, every imaging row names its reason, and every MRI is screened anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.edges.publish.documents import advice_document
from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Guideline, Mark, Match, Row, Status, Step, Table
from mriloop.model.repeats import (
    CLAUSTROPHOBIA_LADDER,
    IMAGING_STEPS,
    MOTION_LADDER,
    REPEAT_REASONS,
    RepeatFamily,
    reason_of,
    screens_of,
)
from mriloop.stages.advise.explain import explain_recommendation
from mriloop.stages.advise.repeats import repeat_problems, say_repeat
from mriloop.stages.check.defects import TABLE

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
CITE = Citation(text="Society", year=2021, locator="table 1", mark=Mark.V)
# The codes of the project's taxonomy (clinical reference E.1), written out by hand.
E1 = {
    "R1.motion.voluntary",
    "R1.motion.involuntary",
    "R1.coil",
    "R1.params",
    "R1.coverage",
    "R1.fatsat",
    "R1.metal",
    "R1.protocol",
    "R1.incomplete",
    "R1.contrast_timing",
    "R1.wrong_patient",
    "R2.ms",
    "R2.oncology",
    "R2.incidental",
    "R2.vascular",
    "R2.post-op",
    "R2.infection",
    "R2.disc",
    "R2.inflammatory",
    "R3.contrast",
    "R3.mra_mrv",
    "R3.fmri_dti",
    "R3.mrcp",
    "R3.perfusion_spect",
    "R3.higher_field",
    "R3.dedicated_organ",
    "R4.admin",
}


def step(**change) -> Recommendation:
    fields = {
        "id": "g/t/r",
        "guideline": "g",
        "row": "t/r",
        "step": Step.REPEAT_IMAGING,
        "text": "Again.",
        "because": (),
        "citation": CITE,
        "profile": "Society 2021",
        "status": Status.REVIEWED,
        "modality": "MR",
        "repeat_reason": "R1.coil",
    }
    return Recommendation(**{**fields, **change})


def test_every_code_of_the_taxonomy_is_there_with_words_and_its_parent():
    assert set(REPEAT_REASONS) >= E1
    for code, reason in REPEAT_REASONS.items():
        assert reason.code == code
        assert reason.words
        assert code.startswith(reason.family.value)
        parent = code.rpartition(".")[0]
        assert not parent or parent in REPEAT_REASONS or parent in {"R1.motion"}


def test_what_is_planned_is_never_called_avoidable_and_paper_always_is():
    for reason in REPEAT_REASONS.values():
        if reason.family is RepeatFamily.LONGITUDINAL:
            assert reason.avoidable is Truth.FALSE
        if reason.family is RepeatFamily.ADMINISTRATIVE:
            assert reason.avoidable is Truth.TRUE
    assert reason_of("R1.motion.voluntary").avoidable is Truth.UNKNOWN


def test_sedation_and_anaesthesia_are_the_last_rungs():
    assert "sedation" in MOTION_LADDER[-1]
    assert "anaesthesia" in CLAUSTROPHOBIA_LADDER[-1]
    assert "explain" in CLAUSTROPHOBIA_LADDER[0]
    assert reason_of("R1.incomplete.claustrophobia").mitigation == CLAUSTROPHOBIA_LADDER


def test_every_repeat_that_check_finds_has_its_code_in_the_taxonomy():
    named = {defect.taxonomy for defect in TABLE if defect.taxonomy}
    assert {"R1.incomplete", "R1.motion.voluntary", "R1.coil", "R1.params", "R1.protocol"} <= named
    assert named <= set(REPEAT_REASONS)


def test_every_shipped_row_that_proposes_an_mri_says_why():
    assert [problem for each in use_case.list_guidelines() for problem in repeat_problems(each)] == []


def guideline(**change) -> Guideline:
    fields = {"id": "r", "when": (), "step": Step.FOLLOW_UP_IMAGING, "text": "Again.", "citation": CITE}
    row = Row(status=Status.REVIEWED, modality="MR", **{**fields, **change})
    table = Table(id="t", question="q", profile="p", match=Match.FIRST, rows=(row,))
    return Guideline(
        id="g",
        title="G",
        version="1",
        edition="e",
        family="g",
        raised_by=(),
        applies_when=(),
        guards=(),
        tables=(table,),
    )


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, ["repeat_reason_missing"]),
        ({"repeat_reason": "R2.ms"}, []),
        ({"repeat_reason": "R2.mss"}, ["repeat_reason_unknown"]),
        ({"step": Step.REASSURE}, []),
        ({"step": Step.REASSURE, "repeat_reason": "R9"}, ["repeat_reason_unknown"]),
    ],
)
def test_the_linter_finds_a_row_without_a_reason_and_one_outside_the_taxonomy(change, codes):
    assert [each.code for each in repeat_problems(guideline(**change))] == codes


@pytest.mark.parametrize("kind", sorted(IMAGING_STEPS))
def test_every_mri_that_is_proposed_is_screened_anew(kind):
    assert screens_of(step(step=kind)) == ("implant_screen",)
    assert screens_of(step(step=kind, contrast=Contrast.WITHOUT_AND_WITH)) == ("implant_screen", "contrast_screen")
    assert screens_of(step(step=kind, modality="CT")) == ()
    assert "an earlier MRI is no clearance" in explain_recommendation(step(step=kind))


def test_a_step_that_images_nobody_needs_no_screen():
    assert screens_of(step(step=Step.SPECIALIST_REFERRAL)) == ()


def test_prose_says_the_reason_once():
    reason = reason_of("R1.fatsat")
    assert say_repeat("R1.fatsat") == (
        "R1.fatsat, technical: fat suppression failed; perhaps avoidable. To change: STIR or Dixon; shim again."
    )
    assert "To change: shim again." in say_repeat("R1.fatsat", ("STIR or Dixon",))
    assert "To change" not in say_repeat("R1.fatsat", reason.mitigation)
    assert say_repeat("") == ""


def test_the_document_says_what_the_code_means():
    advice = use_case.advise_case(EXAMPLES / "motion.yaml", site=None, now=date(2026, 3, 2))
    one = advice_document(advice)["recommendations"][0]
    assert one["repeat"]["family"] == "R1"
    assert one["repeat"]["avoidable"] == "unknown"
    assert one["screens"] == ["implant_screen"]
    plain = replace(advice, recommendations=(step(repeat_reason="", step=Step.TREAT, modality=None),))
    assert advice_document(plain)["recommendations"][0]["repeat"] is None


def test_images_after_contrast_are_never_made_alone_on_another_day():
    advice = use_case.advise_case(EXAMPLES / "claustrophobia_contrast.yaml", site=None, now=date(2026, 11, 17))
    (repeat,) = [each for each in advice.recommendations if each.step is Step.REPEAT_IMAGING]
    assert repeat.contrast is Contrast.WITHOUT_AND_WITH
    assert repeat.pulse_sequences == ("FLAIR", "T1_before_contrast", "T1_after_contrast")
    assert "contrast_screen" in screens_of(repeat)
    plain = use_case.advise_case(EXAMPLES / "claustrophobia.yaml", site=None, now=date(2026, 11, 17))
    (alone,) = [each for each in plain.recommendations if each.step is Step.REPEAT_IMAGING]
    assert alone.contrast is None
    assert "T1_before_contrast" not in alone.pulse_sequences
