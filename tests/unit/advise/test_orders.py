"""The order check as a whole: every rule of the clinical reference C.1 to C.6, the worst answer, and the override."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from mriloop.app.orders import Act, OrderCheck, order_check, record_override
from mriloop.edges.store import open_store
from mriloop.model.errors import SenderError
from mriloop.model.guideline import Status
from mriloop.model.order import OrderOutcome
from mriloop.model.report import Person

NOW = date(2026, 3, 2)
READER = Person(id="r1", name="Dr Ada Roe", role="radiologist")
OFFICER = Person(id="s1", name="Dr Sam Safe", role="MR safety officer")
DIRECTOR = Person(id="d1", name="Dr Dan Dire", role="mr_medical_director")
# Everything that an order with contrast is asked for, answered so that nothing stands against it.
CLEAR = {
    "order": {"modality": "MR", "region": "brain", "contrast": "WO&W", "agent": "gadobutrol"},
    "prior_reaction": "none",
    "pregnant": False,
    "implant_status": "none",
}


@pytest.fixture
def check(tmp_path: Path):
    """Return a function that checks an order: the clear one, changed."""

    def run(change: dict | None = None, *, order: dict | None = None, override: Act | None = None) -> OrderCheck:
        path = tmp_path / "order.yaml"
        content = {**CLEAR, "order": {**CLEAR["order"], **(order or {})}, **(change or {})}
        path.write_text(yaml.safe_dump(content))
        return order_check(path, site=None, now=NOW, override=override)

    return run


def rows(found: OrderCheck) -> set[str]:
    return {each.id for each in found.decision.reasons}


def test_an_order_that_nothing_stands_against_is_allowed(check):
    found = check()
    assert found.decision.outcome is OrderOutcome.ALLOW
    assert found.decision.missing == ()
    assert found.decision.may_override == ()


@pytest.mark.parametrize(
    ("order", "change", "outcome", "row"),
    [
        # C.1: no order with contrast alone, and its four ways round
        ({"contrast": "with"}, {}, "block", "order_check/contrast_form/contrast_only"),
        ({"contrast": "W", "route": "IV"}, {}, "block", "order_check/contrast_form/contrast_only"),
        ({"contrast": "with", "exam_kind": "arthrogram"}, {}, "allow", "order_check/contrast_form/arthrogram"),
        ({"contrast": "with", "exam_kind": "MRA"}, {}, "allow", "order_check/contrast_form/angiography"),
        (
            {"contrast": "with", "exam_kind": "add_on"},
            {"precontrast_same_session": True},
            "allow",
            "order_check/contrast_form/add_on",
        ),
        ({"contrast": "with"}, {"radiologist_override": True}, "allow", "order_check/contrast_form/override"),
        # C.2: contrast that no guideline asks for, and contrast that one does
        (
            {"purpose": "ms_monitoring"},
            {"unexpected_deterioration": False},
            "advise",
            "order_check/need/ms",
        ),
        ({"purpose": "acoustic_neuroma"}, {}, "advise", "order_check/need/schwannoma"),
        ({"purpose": "aneurysm_follow_up"}, {}, "advise", "order_check/need/aneurysm"),
        ({"purpose": "O-RADS"}, {}, "allow", "order_check/need/adnexal"),
        ({"purpose": "O-RADS", "contrast": "WO"}, {}, "advise", "order_check/need_missing/adnexal"),
        # C.3: groups of agents and the kidneys
        ({"agent": "gadodiamide"}, {"egfr": 29}, "block", "order_contrast/agent/group_i_risk"),
        ({"agent": "gadodiamide"}, {"aki": True}, "block", "order_contrast/agent/group_i_risk"),
        ({}, {"egfr": 12, "dialysis": False}, "allow", "order_contrast/agent/group_ii"),
        ({}, {"dialysis": True}, "allow", "order_contrast/agent/group_ii_dialysis"),
        ({"agent": "gadoxetate"}, {"egfr": 20}, "advise", "order_contrast/licence/elsewhere"),
        # C.4: pregnancy, lactation
        ({}, {"pregnant": True}, "ask", "order_contrast/pregnancy/pregnant"),
        ({}, {"breastfeeding": True}, "allow", "order_contrast/lactation/go_on"),
        # C.5: earlier reactions
        ({}, {"prior_reaction": "severe"}, "hold", "order_contrast/reaction_acr/severe"),
        ({}, {"prior_reaction": "moderate", "emergency": True}, "ask", "order_contrast/reaction_acr/emergency"),
        ({}, {"prior_reaction": "mild"}, "ask", "order_contrast/reaction_acr/mild"),
        (
            {},
            {"prior_reaction": "mild", "reaction_agent": "gadovist"},
            "ask",
            "order_contrast/reaction_acr/mild",
        ),
        ({}, {"shellfish_allergy": True}, "allow", "order_contrast/iodine/no_reason"),
        # C.6: implants and other screens
        ({}, {"implant_status": "unknown"}, "hold", "order_safety/implant/unknown"),
        ({}, {"implant_status": "mr_unsafe"}, "block", "order_safety/implant/unsafe"),
        (
            {},
            {"implant_status": "mr_conditional", "conditions_met": False},
            "hold",
            "order_safety/conditions/open",
        ),
        ({}, {"eye_metal": True, "eye_metal_cleared": False}, "hold", "order_safety/eye/open"),
        ({}, {"insulin_pump": True}, "hold", "order_safety/pump/stated"),
        ({}, {"can_lie_flat": False}, "ask", "order_safety/lie_flat/stated"),
        ({}, {"claustrophobia": True}, "allow", "order_safety/claustrophobia/ladder"),
        ({}, {"sedation": True, "age": 40, "sedation_prepared": False}, "hold", "order_safety/sedation/not_prepared"),
        # region, side, duplicate
        ({"region": "knee"}, {"question_region": "hip"}, "ask", "order_check/region/differs"),
        (
            {"region": "knee", "laterality": "left"},
            {"symptomatic_side": "right"},
            "ask",
            "order_check/laterality/differs",
        ),
        (
            {},
            {"recent_same_exam_date": "2026-02-20", "new_question": False},
            "ask",
            "order_check/duplicate/duplicate",
        ),
    ],
)
def test_each_rule_of_the_clinical_reference(check, order, change, outcome, row):
    found = check(change, order=order)
    assert found.decision.outcome.value == outcome
    assert row in rows(found)


def test_the_blocked_order_names_its_way_out_and_who_may_override(check):
    found = check(order={"contrast": "with"})
    (reason,) = found.decision.reasons
    assert reason.contrast.value == "without_and_with"
    assert any("WO&W" in action for action in reason.actions)
    assert found.decision.may_override == ("radiologist", "mr_medical_director")


def test_dialysis_with_group_two_adds_no_dialysis(check):
    found = check({"dialysis": True})
    assert found.decision.outcome is OrderOutcome.ALLOW
    assert any("no extra dialysis" in action for each in found.decision.reasons for action in each.actions)


@pytest.mark.parametrize(
    ("egfr_date", "outcome"),
    [("2026-01-31", "ask"), ("2026-01-30", "hold"), (None, "needs_information")],
)
def test_an_old_egfr_and_one_without_a_day_speak_for_nobody(check, egfr_date, outcome):
    stated = {"egfr": 90, "aki": False, "dialysis": False, **({"egfr_date": egfr_date} if egfr_date else {})}
    assert check(stated, order={"agent": "gadodiamide"}).decision.outcome.value == outcome


@pytest.mark.parametrize("left_out", ["prior_reaction", "pregnant", "implant_status"])
def test_what_nobody_stated_is_asked_for_and_never_taken_as_no(check, left_out):
    found = check({left_out: "unknown"} if left_out != "implant_status" else {"implant_status": None})
    assert found.decision.outcome is OrderOutcome.NEEDS_INFORMATION
    assert found.decision.missing
    assert len(found.decision.questions) == len(found.decision.missing)


def test_an_implant_that_nobody_could_identify_holds_though_an_earlier_mri_went_well(check):
    found = check({"implant_status": "unknown", "earlier_mri_with_implant": True})
    assert found.decision.outcome is OrderOutcome.HOLD
    assert any("no clearance" in each.text for each in found.decision.notes)


def test_two_schools_on_a_severe_reaction_stand_side_by_side(check):
    (conflict,) = check({"prior_reaction": "severe"}).decision.conflicts
    assert "ACR 2025" in conflict.text
    assert "European practice 2024" in conflict.text
    assert "allergist" in conflict.text
    assert conflict.default == "order_contrast/reaction_acr/severe"


def test_no_answer_names_a_scheme_of_premedication_or_a_dose(check):
    for reaction in ("mild", "moderate", "severe"):
        for each in check({"prior_reaction": reaction}).advice.recommendations:
            words = " ".join((each.text, *each.actions)).lower()
            assert not any(sign in words for sign in (" mg", "13-7-1", "prednis"))


def test_the_answers_from_memory_are_drafts(check):
    found = check({"implant_status": "unknown"})
    assert {each.status for each in found.decision.reasons} == {Status.DRAFT}


def test_a_radiologist_lets_a_blocked_order_go_on_with_a_reason(check):
    found = check(order={"contrast": "with"}, override=Act(by=READER, reason=" agreed in the tumour board "))
    assert found.decision.outcome is OrderOutcome.ALLOW
    override = found.decision.override
    assert (override.by, override.reason, override.on) == (READER, "agreed in the tumour board", NOW)
    assert override.lifts == ("order_check/contrast_form/contrast_only",)


def test_a_radiologist_cannot_clear_a_device_and_what_is_missing_stays_missing(check):
    act = Act(by=READER, reason="agreed")
    both = check({"implant_status": "unknown"}, order={"contrast": "with"}, override=act)
    assert both.decision.outcome is OrderOutcome.HOLD
    assert rows(both) == {"order_safety/implant/unknown"}
    missing = check({"prior_reaction": None}, order={"contrast": "with"}, override=act)
    assert missing.decision.outcome is OrderOutcome.NEEDS_INFORMATION


def test_the_safety_officer_clears_an_unknown_device_and_only_the_director_an_unsafe_one(check):
    cleared = check({"implant_status": "unknown"}, override=Act(by=OFFICER, reason="radiograph seen"))
    assert cleared.decision.outcome is OrderOutcome.ALLOW
    with pytest.raises(SenderError) as caught:
        check({"implant_status": "mr_unsafe"}, override=Act(by=OFFICER, reason="radiograph seen"))
    assert caught.value.code == "order_override_role"
    unsafe = check({"implant_status": "mr_unsafe"}, override=Act(by=DIRECTOR, reason="no other way"))
    assert unsafe.decision.outcome is OrderOutcome.ALLOW


@pytest.mark.parametrize(
    ("order", "act", "code"),
    [
        ({"contrast": "with"}, Act(by=READER, reason=" "), "order_override_reason"),
        ({}, Act(by=READER, reason="agreed"), "order_not_stopped"),
        ({"contrast": "with"}, Act(by=Person(id="n", name="N", role="nurse"), reason="agreed"), "order_override_role"),
    ],
)
def test_an_override_needs_a_reason_a_stop_and_a_role(check, order, act, code):
    with pytest.raises(SenderError) as caught:
        check(order=order, override=act)
    assert caught.value.code == code


def test_an_override_goes_on_record_and_nothing_else_does(check, tmp_path):
    store = str(tmp_path / "store")
    now = datetime(2026, 3, 2, 10, tzinfo=UTC)
    record_override(check(), store=store, now=now)
    assert not Path(store).exists()
    found = check(order={"contrast": "with"}, override=Act(by=READER, reason="agreed"))
    record_override(found, store=store, now=now)
    (entry,) = open_store(store).entries()
    assert (entry.record.kind, entry.record.subject, entry.record.actor) == ("order.overridden", found.id, "r1")
    assert entry.record.payload["override"]["reason"] == "agreed"


def test_the_same_order_has_the_same_id_and_another_another(check):
    assert check().id == check().id
    assert check().id != check({"pregnant": True}).id


@pytest.mark.parametrize(
    ("order", "change", "outcome"),
    [
        ({"contrast": "WO&W", "agent_group": "I", "agent": None}, {"contrast_planned": False, "egfr": 9}, "block"),
        ({"agent": "gadodiamide", "agent_group": "II"}, {"dialysis": True}, "block"),
        ({}, {"implant_status": "mr_conditional", "implant_conditions_met": True,
              "implant_conditions_confirmed": ["sar"]}, "hold"),
        ({}, {"question_region": "lumbar_spine", "order_region_matches": True}, "ask"),
        # A group that is more careful than the agent stops nothing by itself, and is asked about all the same.
        ({"agent": "gadobutrol", "agent_group": "III"}, {}, "needs_information"),
    ],
)  # fmt: skip
def test_a_word_that_the_other_facts_contradict_clears_no_order(check, order, change, outcome):
    found = check(change, order=order)
    assert found.decision.outcome == outcome
    assert "facts_disagree" in {each.code for each in found.decision.warnings}


def test_the_order_and_the_facts_may_not_say_different_things(check):
    with pytest.raises(SenderError, match="implant_status is stated twice, differently"):
        check({"implant_status": "mr_unsafe"}, order={"implant_status": "none"})


def test_what_an_override_sets_aside_stays_in_sight(check):
    found = check(order={"contrast": "with"}, override=Act(by=READER, reason="agreed"))
    assert [each.id for each in found.decision.lifted] == ["order_check/contrast_form/contrast_only"]
    assert check().decision.lifted == ()


def test_the_form_is_called_right_while_questions_are_open(check):
    add_on = {"contrast": "W", "exam_kind": "add_on"}
    open_ = check({"precontrast_same_session": True, "prior_reaction": None}, order=add_on)
    assert open_.decision.outcome is OrderOutcome.NEEDS_INFORMATION
    assert open_.decision.form_allowed
    assert not check(order={"contrast": "with"}).decision.form_allowed


def left_out(found: OrderCheck) -> set[str]:
    return {words.split(":")[0] for words in found.decision.not_checked}


def test_what_nobody_stated_is_named_as_not_checked(check):
    bare = check(order={"modality": None})
    assert left_out(bare) == {"modality", "need of contrast", "duplicate", "region", "screens"}
    assert "side" in left_out(check(order={"region": "knee"}))
    full = check(
        {
            "condition": "vestibular_schwannoma",
            "region": "brain",
            "exam_date": "2025-03-02",
            "question_region": "brain",
            **dict.fromkeys(("eye_metal", "insulin_pump", "drug_patch", "claustrophobia"), False),
            **dict.fromkeys(("fits_bore", "can_lie_flat"), True),
        }
    )
    assert left_out(full) == set()


@pytest.mark.parametrize(
    ("change", "order", "outcome", "row"),
    [
        # The purpose follows from the condition where one word decides.
        ({"condition": "ms", "unexpected_deterioration": False}, {}, "advise", "order_check/need/ms"),
        ({"condition": "suspected_ms"}, {"contrast": "WO"}, "advise", "order_check/need_missing/ms_diagnosis"),
        (
            {"condition": "cirrhosis"},
            {"contrast": "WO", "region": "liver"},
            "advise",
            "order_check/need_missing/enhancement",
        ),
        ({"condition": ["ms", "meningioma"]}, {}, "ask", "order_check/purpose/ask"),
        # A recent examination of the ordered region may be a duplicate.
        (
            {"region": "knee", "exam_date": "2026-02-25", "new_question": False},
            {"region": "knee", "contrast": "WO"},
            "ask",
            "order_check/duplicate/duplicate",
        ),
        # Words that clinicians write.
        ({"implant_status": "pacemaker"}, {}, "hold", "order_safety/implant/unknown"),
        ({"pacemaker": True}, {}, "hold", "order_safety/device_named/disagree"),
        ({"prior_reaction": "yes"}, {}, "hold", "order_contrast/reaction_acr/severity"),
        ({"prior_reaction": "anaphylactic"}, {}, "hold", "order_contrast/reaction_acr/severe"),
        ({"ckd_stage": 5}, {"agent": "gadodiamide"}, "block", "order_contrast/agent/group_i_risk"),
        ({"dialysis": True}, {"agent": None}, "ask", "order_contrast/agent/undecided_risk"),
        ({}, {"contrast": "gadolinium"}, "block", "order_check/contrast_form/contrast_only"),
        ({"pregnant": None, "pregnancy_weeks": "20 weeks"}, {}, "ask", "order_contrast/pregnancy/pregnant"),
    ],
)
def test_what_the_review_found(check, change, order, outcome, row):
    found = check(change, order=order)
    assert found.decision.outcome.value == outcome
    assert row in rows(found)


def test_a_recent_examination_of_the_region_asks_whether_the_question_is_new(check):
    found = check({"region": "knee", "exam_date": "2026-02-25"}, order={"region": "knee", "contrast": "WO"})
    assert found.decision.missing == ("new_clinical_question",)


def test_no_condition_of_a_device_is_asked_for_before_one_is_known(check):
    assert check({"implant_status": None}).decision.missing == ("implant_status",)


def test_the_ordered_examination_is_no_duplicate_of_itself(check):
    facts = {"region": "knee", "exam_date": "2026-03-02"}
    order = {"region": "knee", "contrast": "WO"}
    assert check(facts, order=order).decision.missing == ("new_clinical_question",)
    assert check({**facts, "order_fulfilled": True}, order=order).decision.missing == ()
