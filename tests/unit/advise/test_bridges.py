"""CHECK and COMPARE as facts: silence is never absence, and no alignment is never stability."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.comparison import Alignment, Change, ChangeKind, Comparison, DetectionLimit, SeriesPair
from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Case, Fact, Source
from mriloop.model.guideline import FactType
from mriloop.model.judgement import Judged, Judgement
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import facts_from_check, facts_from_comparison
from mriloop.stages.advise.from_check import CAUSES, NO_CAUSE
from mriloop.stages.check.defects import TABLE

IDENTITY = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
YES, NO = Truth.TRUE, Truth.FALSE


def series(uid: str, weighting: Weighting, verdict: Verdict = Verdict.ACCEPTABLE, *defects: Defect, **kind: object):
    what = SeriesKind(weighting=weighting, plane=Plane.AXIAL, object=Subject.PATIENT, **kind)  # type: ignore[arg-type]
    return SeriesCheck(series_instance_uid=uid, kind=what, verdict=verdict, volumes=1, defects=defects)


def study(*parts: SeriesCheck, verdict: Verdict = Verdict.ACCEPTABLE, defects: tuple[Defect, ...] = ()) -> StudyCheck:
    return StudyCheck(study_instance_uid="1.2", verdict=verdict, series=parts, defects=defects)


def defect(code: str, severity: Severity = Severity.MAJOR, **evidence: str) -> Defect:
    shown = tuple(Evidence(name=name, value=value, unit="") for name, value in evidence.items())
    return Defect(code=code, severity=severity, message=code, action="", evidence=shown)


def values(check: StudyCheck) -> dict[str, FactValue]:
    return {name: fact.value for name, fact in facts_from_check(check).items()}


def test_facts_are_words_of_the_vocabulary_and_carry_their_source():
    vocabulary = use_case.guidelines_in_force().vocabulary
    spoilt = series("1", Weighting.FLAIR, Verdict.REPEAT, defect("motion"))
    after = series("2", Weighting.T1, contrast=YES)
    facts = facts_from_check(study(spoilt, after, verdict=Verdict.REPEAT, defects=(defect("exam_stopped"),)))
    for name, fact in facts.items():
        spec = vocabulary[name]
        assert fact.source is Source.CHECK
        if spec.type is FactType.CODE:
            assert fact.value in spec.values
        if spec.type is FactType.LIST:
            assert set(fact.value) <= set(spec.values)
    assert facts["termination"].value == "reason_not_stated"
    assert facts["series_to_repeat"].value == ("FLAIR",)
    assert facts["repeat_causes"].value == ("stopped", "motion")
    assert facts["rest_valid"].value is YES


def test_absence_needs_every_series_to_be_identified():
    t1 = series("1", Weighting.T1, contrast=NO)
    assert values(study(t1))["flair_present"] is NO
    assert "flair_present" not in values(study(t1, series("2", Weighting.UNKNOWN)))
    assert "flair_present" not in values(study())


def test_unknown_contrast_is_neither_before_nor_after():
    found = values(study(series("1", Weighting.T1)))
    assert found["t1_present"] is YES
    assert "t1_pre_present" not in found
    assert "t1_post_present" not in found


def test_a_kind_is_as_good_as_its_best_series():
    found = values(
        study(
            series("1", Weighting.T1, Verdict.REPEAT),
            series("2", Weighting.T1, Verdict.LIMITED),
            verdict=Verdict.LIMITED,
        )
    )
    assert found["t1_quality"] == "limited"
    assert found["study_quality"] == "limited"
    assert "t1_quality" not in values(study(series("1", Weighting.T1, Verdict.NOT_ASSESSABLE)))


@pytest.mark.parametrize("verdict", [Verdict.NOT_ASSESSABLE, Verdict.NOT_AN_IMAGE])
def test_a_study_that_could_not_be_judged_has_no_quality(verdict):
    found = values(study(series("1", Weighting.T1, verdict), verdict=verdict))
    assert "study_quality" not in found
    assert "repeat_needed" not in found


def test_phantoms_localizers_and_documents_are_no_series_of_the_patient():
    ghost = replace(series("1", Weighting.T1).kind, object=Subject.PHANTOM)
    check = study(
        replace(series("1", Weighting.T1), kind=ghost),
        series("2", Weighting.LOCALIZER),
        series("3", Weighting.T2, Verdict.NOT_AN_IMAGE),
    )
    assert not [name for name, value in values(check).items() if value is YES and name.endswith("_present")]


@pytest.mark.parametrize(
    ("weighting", "kind", "expected"),
    [
        (Weighting.STIR, {}, YES),
        (Weighting.T2, {"fat_suppressed": YES}, YES),
        (Weighting.PD, {"fat_suppressed": NO}, NO),
        (Weighting.T2, {}, None),
    ],
)
def test_fluid_sensitive_by_fat_suppression(weighting, kind, expected):
    assert values(study(series("1", weighting, **kind))).get("fluid_sensitive_present") == expected


def test_t1_after_contrast_wants_its_twin_before():
    after = series("1", Weighting.T1, contrast=YES)
    before = series("2", Weighting.T1, contrast=NO)
    sagittal = replace(before, kind=replace(before.kind, plane=Plane.SAGITTAL))
    assert values(study(after, before))["precontrast_match"] is YES
    assert values(study(after, sagittal))["precontrast_match"] is NO
    assert "precontrast_match" not in values(study(after, series("2", Weighting.T1)))
    assert "precontrast_match" not in values(study(before))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("motion_artifact", "motion"),
        ("missing_slices", "missing_slices"),
        ("low_snr", "noise"),
        ("protocol_deviation", "parameters"),
        ("incomplete_precontrast", "incomplete_precontrast"),
        ("something_new", "other"),
    ],
)
def test_codes_of_check_become_causes(code, cause):
    check = study(series("1", Weighting.T2, Verdict.REPEAT, defect(code)), verdict=Verdict.REPEAT)
    assert values(check)["repeat_causes"] == (cause,)


def test_every_code_of_check_that_may_call_for_a_repeat_has_a_cause_and_no_other_code_does():
    repeating = {entry.code for entry in TABLE if entry.taxonomy.startswith("R1.")}
    assert set(CAUSES) == repeating - NO_CAUSE
    assert repeating >= NO_CAUSE
    assert set(CAUSES.values()) <= set(use_case.guidelines_in_force().vocabulary["repeat_causes"].values)


def test_what_a_stopped_examination_never_began_is_to_be_made():
    cut = series("1", Weighting.T2, Verdict.REPEAT, defect("missing_slices"))
    never = defect("missing_series", Severity.MINOR, protocol_series="t1_cor_gd")
    unsure = defect("missing_series", Severity.INFO, protocol_series="dwi")
    stopped = study(cut, verdict=Verdict.REPEAT, defects=(never, unsure, defect("exam_stopped")))
    assert values(stopped)["series_to_repeat"] == ("T2", "T1_after_contrast")
    assert values(stopped)["termination"] == "reason_not_stated"
    finished = values(study(cut, verdict=Verdict.REPEAT, defects=(never, unsure)))
    assert finished["series_to_repeat"] == ("T2",)
    assert "termination" not in finished


def test_absent_series_are_named():
    missing = defect("missing_series", protocol_series="t1_post_gd")
    found = values(study(series("1", Weighting.T2), verdict=Verdict.REPEAT, defects=(missing,)))
    assert found["series_to_repeat"] == ("T1_after_contrast",)
    assert found["repeat_causes"] == ("missing_series",)


def change(number: int, kind: ChangeKind) -> Change:
    return Change(
        id=number,
        kind=kind,
        volume_ml=0.1,
        volume_change_ml=0.1,
        diameter_mm=5,
        position_ras_mm=(0, 0, 0),
        confidence=0.9,
        location="periventricular",
    )


def comparison(
    *kinds: ChangeKind,
    accepted: bool = True,
    listed: bool = True,
    priors: tuple[str, ...] = ("1.1",),
    uncertainty_mm: float = 0.1,
    found: float | None = 1.0,
) -> Comparison:
    alignment = Alignment(method="rigid", matrix=IDENTITY, uncertainty_mm=uncertainty_mm, accepted=accepted)
    limit = () if found is None else (DetectionLimit(diameter_mm=10.0, contrast_percent=40.0, found=found, tried=16),)
    return Comparison(
        today_study="1.2",
        prior_studies=priors,
        pairs=(SeriesPair(today="1", prior="2", comparability=(), alignment=alignment),),
        changes=tuple(change(number, kind) for number, kind in enumerate(kinds)),
        detection_limit=limit,
        not_comparable=(),
        changes_today="1" if listed else None,
        changes_prior="2" if listed else None,
        changes_prior_study=priors[0] if listed and priors else None,
    )


@pytest.mark.parametrize(
    ("kinds", "word", "new"),
    [
        ((ChangeKind.NEW, ChangeKind.NEW, ChangeKind.STABLE), "growth", 2),
        ((ChangeKind.ENLARGING,), "growth", 0),
        ((ChangeKind.RESOLVED,), "shrinkage", 0),
        ((ChangeKind.STABLE,), "stable", 0),
        ((), "stable", 0),
    ],
)
def test_changes_become_counts_and_one_word(kinds, word, new):
    facts = facts_from_comparison(comparison(*kinds))
    assert facts["change_vs_prior"].value == word
    assert facts["new_lesion_count"].value == Quantity(value=new, unit="{count}")
    assert facts["new_lesion_count"].source is Source.COMPARE


def test_without_an_accepted_alignment_nothing_is_stable():
    facts = facts_from_comparison(comparison(accepted=False))
    assert facts["change_vs_prior"].value == "cannot_tell"
    assert "new_lesion_count" not in facts


@pytest.mark.parametrize("poor", [{"uncertainty_mm": 4.2}, {"found": 0.0}, {"found": None}])
@pytest.mark.parametrize("kinds", [(), (ChangeKind.STABLE,), (ChangeKind.RESOLVED,)])
def test_a_pair_that_could_show_nothing_reassures_nobody(kinds, poor):
    facts = facts_from_comparison(comparison(*kinds, **poor))
    assert facts["change_vs_prior"].value == "cannot_tell"
    assert "new_lesion_count" not in facts


def test_new_lesions_count_even_where_large_ones_could_be_missed():
    facts = facts_from_comparison(comparison(ChangeKind.NEW, found=0.0))
    assert facts["change_vs_prior"].value == "growth"


def test_a_list_of_lesions_of_the_brain_says_nothing_of_an_adenoma():
    facts = facts_from_comparison(comparison(ChangeKind.STABLE), region=Region.PITUITARY)
    assert set(facts) == {"prior_available"}


def test_growth_within_its_own_noise_is_no_growth():
    within = Judgement(
        measure="lesion volume, no. 0",
        today=Quantity(value=0.43, unit="mL"),
        before=Quantity(value=0.40, unit="mL"),
        judged=Judged.WITHIN,
        because="noise",
        change_id=0,
    )
    facts = facts_from_comparison(replace(comparison(ChangeKind.ENLARGING), judgements=(within,)))
    assert facts["change_vs_prior"].value == "stable"


def test_series_that_lie_on_each_other_without_a_list_of_changes_are_not_stable():
    facts = facts_from_comparison(comparison(listed=False))
    assert facts["change_vs_prior"].value == "cannot_tell"
    assert facts["change_vs_prior"].source is Source.COMPARE
    assert not [name for name in facts if name.endswith("_count")]


def without_change_facts(example: str, drop: set[str]) -> Case:
    case = use_case.read_case(EXAMPLES / example, site=None, now=date(2026, 3, 2))
    assert drop & set(case.facts)
    return replace(case, facts={name: fact for name, fact in case.facts.items() if name not in drop})


def test_a_microadenoma_without_a_list_may_not_stop_and_is_read_by_a_person():
    case = without_change_facts("pituitary_micro.yaml", {"change_vs_prior"})
    advice = use_case.advise(case, site=None, machine_facts=facts_from_comparison(comparison(listed=False)))
    assert {each.row for each in advice.recommendations} == {"surveillance/cannot_tell"}
    assert [each.step for each in advice.recommendations] == ["clinician_review"]
    assert all(each.window is None for each in advice.recommendations)


@pytest.mark.parametrize("kinds", [(), (ChangeKind.SHRINKING,), (ChangeKind.NEW,)])
def test_a_list_of_bright_spots_of_the_brain_says_nothing_of_a_pituitary_lesion(kinds):
    case = without_change_facts("pituitary_micro.yaml", {"change_vs_prior"})
    advice = use_case.advise(case, site=None, machine_facts=facts_from_comparison(comparison(*kinds)))
    assert {each.row for each in advice.recommendations} == {"surveillance/cannot_tell"}


def test_treated_ms_with_an_empty_list_is_free_of_activity():
    case = without_change_facts("ms.yaml", {"new_lesion_count"})
    case = replace(case, facts={**case.facts, "relapse": Fact(name="relapse", value=NO, source=Source.PERSON)})
    advice = use_case.advise(case, site=None, machine_facts=facts_from_comparison(comparison()))
    assert "follow_up_imaging" in {each.step for each in advice.recommendations}


def test_treated_ms_without_a_list_gets_no_interval():
    case = without_change_facts("ms.yaml", {"new_lesion_count"})
    advice = use_case.advise(case, site=None, machine_facts=facts_from_comparison(comparison(listed=False)))
    assert "follow_up_imaging" not in {each.step for each in advice.recommendations}
    assert "ms_activity" in {name for gap in advice.undetermined for name in gap.missing}


def test_without_a_prior_there_is_none():
    assert facts_from_comparison(comparison(priors=()))["change_vs_prior"].value == "no_prior"
