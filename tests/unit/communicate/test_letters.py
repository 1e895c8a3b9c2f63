"""Patient letters: the right kind, every combination readable, all twelve points, nothing that must not be said."""

from __future__ import annotations

import itertools
import typing
from dataclasses import replace

import pytest

from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.communication import CHECKLIST, FLAGS, LETTER_KINDS, LISTS, PLACEHOLDERS, Audience, Clinic
from mriloop.model.errors import MriloopError
from mriloop.model.report import Outcome, RepeatPlan, VerifiedReport
from mriloop.stages.communicate import kind_of, patient_letter, referrer_message
from mriloop.stages.communicate.readability import LONGEST_SENTENCE

LANGUAGES = ("en", "es")
PART = RepeatPlan(series=("series 3",), whole=False, minutes=12)
WHOLE = RepeatPlan(series=("series 3",), whole=True)
REFERRAL = {
    "modality": None,
    "contrast": None,
    "step": "specialist_referral",
    "specialty": ("neurosurgery",),
    "repeat_reason": "",
}


def text_of(letter):
    return "\n".join(letter.paragraphs)


@pytest.mark.parametrize(
    ("change", "outcome", "kind"),
    [
        ({"repeat_reason": "R1.motion.voluntary"}, Outcome.NOT_DIAGNOSTIC, "r1_motion"),
        ({"repeat_reason": "R1.incomplete.claustrophobia"}, Outcome.NOT_DIAGNOSTIC, "r1_incomplete"),
        ({"repeat_reason": "R1.incomplete"}, Outcome.NOT_DIAGNOSTIC, "r1_incomplete"),
        ({"repeat_reason": "R1.coil"}, Outcome.NOT_DIAGNOSTIC, "r1_technical"),
        ({"repeat_reason": "R1"}, Outcome.NOT_DIAGNOSTIC, "r1_other"),
        ({"repeat_reason": "R1.metal"}, Outcome.NOT_DIAGNOSTIC, "r1_other"),
        ({"repeat_reason": "R2.ms"}, Outcome.ABNORMAL, "r2_follow_up"),
        ({"repeat_reason": "R2.ms"}, Outcome.NORMAL, "r2_follow_up"),
        ({"repeat_reason": "R3.contrast", "contrast": Contrast.WITHOUT_AND_WITH}, Outcome.ABNORMAL, "r3_contrast"),
        ({"repeat_reason": "R2.ms", "urgency": Urgency.HOURS}, Outcome.ABNORMAL, "urgent_next_step"),
        ({"repeat_reason": "R3.mra_mrv", "urgency": Urgency.MINUTES}, Outcome.ABNORMAL, "urgent_next_step"),
        ({**REFERRAL, "urgency": Urgency.MINUTES}, Outcome.NORMAL, "urgent_next_step"),
        ({"repeat_reason": "R1.wrong_patient", "urgency": Urgency.HOURS}, Outcome.NOT_DIAGNOSTIC, "r1_technical"),
        ({"repeat_reason": "R3.mra_mrv"}, Outcome.ABNORMAL, "r3_technique"),
        ({"repeat_reason": "R4.duplicate"}, Outcome.NORMAL, "r4_admin"),
        (REFERRAL, Outcome.ABNORMAL, "abnormal_next_step"),
        (REFERRAL, Outcome.NORMAL, "normal"),
    ],
)
def test_the_kind_follows_from_the_step_and_the_outcome(make, change, outcome, kind):
    assert kind_of(make.report(make.recommendation(**change), outcome=outcome)) == kind


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.NORMAL, "normal"),
        (Outcome.ABNORMAL, "abnormal_next_step"),
        (Outcome.NOT_DIAGNOSTIC, "r1_other"),
    ],
)
def test_without_a_step_the_signed_outcome_decides(make, outcome, kind):
    assert kind_of(make.report(outcome=outcome)) == kind


def test_no_outcome_and_no_step_gives_no_letter(make):
    with pytest.raises(MriloopError) as caught:
        kind_of(make.report(outcome=Outcome.UNSTATED))
    assert caught.value.code == "letter_no_kind"


def test_an_urgent_step_goes_before_a_planned_look_and_a_repeat_before_both(make):
    planned = make.recommendation(id="a")
    urgent = make.recommendation(id="b", urgency=Urgency.HOURS, **REFERRAL)
    repeat = make.recommendation(id="c", repeat_reason="R1.motion.voluntary")
    assert kind_of(make.report(planned, urgent, outcome=Outcome.ABNORMAL)) == "urgent_next_step"
    assert kind_of(make.report(planned, repeat, outcome=Outcome.ABNORMAL)) == "r1_motion"


# Every way in which the parameters of a letter can differ.
REASONS = {
    "r1_motion": "R1.motion.involuntary",
    "r1_incomplete": "R1.incomplete.claustrophobia",
    "r1_technical": "R1.coverage",
    "r1_other": "R1",
    "r2_follow_up": "R2.ms",
    "r3_contrast": "R3.contrast",
    "r3_technique": "R3.mrcp",
    "r4_admin": "R4.admin",
    "normal": "",
    "abnormal_next_step": "",
    "urgent_next_step": "",
}
CONTRASTS = (Contrast.WITHOUT, Contrast.WITHOUT_AND_WITH, Contrast.SITE_POLICY, None)
WINDOWS = (("2026-05-04", "2026-05-11", "2026-05-18"), ("2027-09-24", "2027-11-22", "2027-12-27"), None)


def variants(make, kind):
    """Yield signed reports that differ in contrast, window, repeat, outcome, urgency, and number of steps."""
    outcomes = (Outcome.NORMAL,) if kind == "normal" else (Outcome.NOT_DIAGNOSTIC, Outcome.ABNORMAL)
    for contrast, window, repeat, outcome, urgency, more in itertools.product(
        CONTRASTS,
        WINDOWS,
        (None, PART, WHOLE),
        outcomes,
        (Urgency.ROUTINE, Urgency.HOURS, Urgency.MINUTES),
        (False, True),
    ):
        step = make.recommendation(
            repeat_reason=REASONS[kind],
            contrast=contrast,
            window=make.window(*window) if window else None,
            then="" if window else "individualise",
            urgency=urgency,
        )
        others = (make.recommendation(id="b", **REFERRAL),) if more else ()
        yield make.report(step, *others, outcome=outcome, repeat=repeat)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", REASONS)
def test_every_template_with_every_parameter_passes_the_gate_and_the_checklist(make, templates, clinic, language, kind):
    for report in variants(make, kind):
        letter = patient_letter(report, templates, language=language, clinic=clinic, kind=kind)
        assert letter.readability is not None
        assert letter.readability.longest_words <= LONGEST_SENTENCE
        if language == "en":
            assert letter.readability.fkgl <= 6
            assert letter.readability.smog <= 8
        else:
            assert letter.readability.ease >= 80
            assert letter.readability.perspicuity >= 65
        missing = set(LETTER_KINDS[kind]) - set(letter.checklist)
        assert not missing
        assert "{" not in text_of(letter)
        assert sum(part.count for part in letter.parts) == len(letter.paragraphs)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", REASONS)
def test_every_region_reads_as_easily(make, templates, clinic, language, kind):
    words = templates.words[language]
    for region in (*Region, None):
        step = make.recommendation(region=region, repeat_reason=REASONS[kind])
        report = make.report(step, outcome=Outcome.ABNORMAL, repeat=PART)
        letter = patient_letter(report, templates, language=language, clinic=clinic, kind=kind)
        code = region.value if region is not None else "other"
        assert words.regions.get(code, words.regions["other"]) in text_of(letter)
        assert letter.readability is not None
        assert letter.readability.longest_words <= LONGEST_SENTENCE
        for flag in words.red_flags.get(code, words.red_flags["other"]):
            assert f"- {flag}" in letter.paragraphs


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_specialist_reads_as_easily(make, templates, clinic, language):
    for specialty in (*templates.words[language].specialties, "something nobody foresaw"):
        step = make.recommendation(**{**REFERRAL, "specialty": (specialty,)})
        letter = patient_letter(
            make.report(step, outcome=Outcome.ABNORMAL), templates, language=language, clinic=clinic
        )
        known = templates.words[language].specialties
        assert known.get(specialty, known["other"]) in text_of(letter)


@pytest.mark.parametrize("kind", [kind for kind, owed in LETTER_KINDS.items() if len(owed) == 12])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_about_a_next_scan_covers_all_twelve_points(make, templates, clinic, kind, language):
    report = make.report(make.recommendation(repeat_reason=REASONS[kind]), repeat=PART)
    letter = patient_letter(report, templates, language=language, clinic=clinic, kind=kind)
    assert letter.checklist == tuple(CHECKLIST)


def test_the_next_mri_of_an_abnormal_result_covers_all_twelve_points(make, templates, clinic):
    report = make.report(make.recommendation(repeat_reason=""), outcome=Outcome.ABNORMAL)
    assert patient_letter(report, templates, language="en", clinic=clinic).checklist == tuple(CHECKLIST)


def test_the_motion_letter_says_what_a_person_needs(make, templates, clinic):
    step = make.recommendation(repeat_reason="R1.motion.voluntary", region=Region.LUMBAR_SPINE)
    letter = patient_letter(make.report(step, repeat=PART), templates, language="en", clinic=clinic)
    text = text_of(letter)
    for words in (
        "not your fault",
        "does not mean that we saw something bad",
        "your lower back",
        "only the blurred pictures",
        "12 minutes",
        "No. The pictures will show what we need without it.",
        "by May 18, 2026",
        "around May 11, 2026",
        "555-0100",
        "bladder or bowels",
        "copy of your report",
        "You can say no",
        "Dr. Ada Roe",
        "not a diagnosis",
    ):
        assert words in text
    assert letter.audience is Audience.PATIENT
    assert letter.written_on == make.now.date()


def test_not_your_fault_and_no_bad_news_only_where_true(make, templates, clinic):
    def written(reason, outcome):
        report = make.report(make.recommendation(repeat_reason=reason), outcome=outcome, repeat=PART)
        return text_of(patient_letter(report, templates, language="en", clinic=clinic))

    assert "something bad" in written("R1.motion.voluntary", Outcome.NOT_DIAGNOSTIC)
    assert "something bad" not in written("R1.motion.voluntary", Outcome.ABNORMAL)
    assert "something bad" not in written("R2.ms", Outcome.ABNORMAL)
    assert "our job to get this right" in written("R1.params", Outcome.NOT_DIAGNOSTIC)


def test_contrast_is_yes_no_or_open_and_always_has_its_reason(make, templates, clinic):
    def written(contrast):
        step = make.recommendation(repeat_reason="R2.ms", contrast=contrast)
        return text_of(patient_letter(make.report(step), templates, language="en", clinic=clinic))

    assert "blood vessels leak" in written(Contrast.WITHOUT_AND_WITH)
    assert "without it" in written(Contrast.WITHOUT)
    for unknown in (Contrast.SITE_POLICY, Contrast.UNKNOWN, None):
        assert "not fixed yet" in written(unknown)


def test_an_urgent_step_is_not_left_to_a_letter(make, templates, clinic):
    step = make.recommendation(urgency=Urgency.MINUTES, **REFERRAL)
    text = text_of(patient_letter(make.report(step, outcome=Outcome.ABNORMAL), templates, language="en", clinic=clinic))
    assert "right now" in text
    assert "do not wait" in text
    assert "at once" in text


def test_a_long_name_of_a_hospital_does_not_make_a_letter_hard(make, templates):
    long = Clinic(
        name="Interdisciplinary Neuroradiological Rehabilitation Consortium of Massachusetts, Incorporated",
        phone="+49 (0) 40 7410-0 extension 555",
    )
    report = make.report(make.recommendation(repeat_reason="R1.motion.voluntary"), signer="Prof. Dr. Bartholomäus Ö.")
    letter = patient_letter(report, templates, language="en", clinic=long)
    assert "extension 555" in text_of(letter)


def test_a_text_that_is_too_hard_is_refused(make, templates, clinic):
    hard = (
        "Longitudinal neuroradiological surveillance necessitates interdisciplinary reassessment of hyperintensities."
    )
    telling = replace(templates, steps={("en", "a"): " ".join([hard] * 12)})
    with pytest.raises(MriloopError) as caught:
        patient_letter(make.report(make.recommendation()), telling, language="en", clinic=clinic)
    assert caught.value.code == "letter_too_hard"
    assert "r2_follow_up" in caught.value.remedy


@pytest.mark.parametrize(
    "words",
    [
        "There is a 5% chance that it grows.",
        "Take 50 mg of a drug before the scan.",
        "Your life expectancy is good.",
        "You have a chance of cancer.",
        "Most people survive this.",
        "It may be MS.",
    ],
)
def test_no_letter_speaks_of_shares_doses_or_prognosis(make, templates, clinic, words):
    telling = replace(templates, steps={("en", "a"): words})
    with pytest.raises(MriloopError) as caught:
        patient_letter(make.report(make.recommendation()), telling, language="en", clinic=clinic)
    assert caught.value.code == "letter_forbidden"


def test_the_guidelines_own_text_is_told_in_the_language_of_the_letter(make, templates, clinic):
    telling = replace(templates, steps={("en", "a"): "We look for new spots.", ("es", "a"): "Buscamos manchas nuevas."})
    report = make.report(make.recommendation())
    english = text_of(patient_letter(report, telling, language="en", clinic=clinic))
    spanish = text_of(patient_letter(report, telling, language="es", clinic=clinic))
    assert ("We look for new spots." in english, "manchas" in english) == (True, False)
    assert ("Buscamos manchas nuevas." in spanish, "spots" in spanish) == (True, False)


def test_a_letter_names_neither_the_pseudonym_nor_a_uid(make, templates, clinic):
    for kind, reason in REASONS.items():
        report = make.report(make.recommendation(repeat_reason=reason), study_instance_uid="1.2.840.99999.1")
        text = text_of(patient_letter(report, templates, language="en", clinic=clinic, kind=kind))
        assert "pseudonym" not in text
        assert "1.2.840" not in text


def test_only_a_verified_report_has_letters_by_type():
    for function in (patient_letter, referrer_message):
        assert typing.get_type_hints(function)["report"] is VerifiedReport


def test_the_same_report_gives_the_same_letter_id(make, templates, clinic):
    report = make.report(make.recommendation())
    first = patient_letter(report, templates, language="en", clinic=clinic)
    again = patient_letter(report, templates, language="en", clinic=clinic)
    assert first == again
    other = patient_letter(replace(report, digest="f" * 64), templates, language="en", clinic=clinic)
    assert other.id != first.id


def test_an_unknown_language_is_refused(make, templates, clinic):
    with pytest.raises(MriloopError) as caught:
        patient_letter(make.report(make.recommendation()), templates, language="xx", clinic=clinic)
    assert caught.value.code == "knowledge_unknown"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_referrer_gets_result_steps_questions_and_how_to_answer(make, templates, clinic, language):
    report = make.report(
        make.recommendation(text="MRI of the brain in one year"),
        open_questions=("ms.pml: Is the antibody positive?",),
        disagreements=("interval: yearly or 3 months",),
        outcome=Outcome.ABNORMAL,
    )
    letter = referrer_message(report, templates, language=language, clinic=clinic)
    text = text_of(letter)
    for words in ("Two new lesions", "MRI of the brain in one year", "antibody", "3 months", "report-1", "Ada Roe"):
        assert words in text
    assert letter.report_digest == report.digest
    assert letter.audience is Audience.REFERRER
    assert letter.labels["salutation_unknown"] == templates.words[language].labels["salutation_colleague"]
    assert ("May 11, 2026" if language == "en" else "11 de mayo de 2026") in text  # seven days to answer


def test_the_referrer_is_told_when_nothing_is_recommended(make, templates, clinic):
    text = text_of(referrer_message(make.report(outcome=Outcome.NORMAL), templates, language="en", clinic=clinic))
    assert "No next step is recommended" in text
    assert "Please answer" not in text


def test_every_language_has_every_kind(templates):
    assert templates.languages == LANGUAGES
    for language in LANGUAGES:
        assert {kind for spoken, kind in templates.templates if spoken == language} == set(LETTER_KINDS)
        assert set(templates.words[language].regions) == set(templates.words["en"].regions)
        assert set(templates.words[language].specialties) == set(templates.words["en"].specialties)
        assert set(templates.words[language].red_flags) == set(templates.words["en"].red_flags)
    assert {region.value for region in Region} - {"unknown"} <= set(templates.words["en"].regions)


def test_both_languages_say_the_same_things_under_the_same_conditions(templates):
    def shape(template):
        return {
            (item.when, item.unless, item.each, item.points)
            for part in template.parts
            for item in part.paragraphs
            if item.points or item.each
        }

    for kind in LETTER_KINDS:
        assert shape(templates.templates["en", kind]) == shape(templates.templates["es", kind])


def test_no_word_of_the_vocabulary_is_there_for_nothing(templates):
    paragraphs = [item for one in templates.templates.values() for part in one.parts for item in part.paragraphs]
    said = " ".join(item.text for item in paragraphs)
    assert {name for name in PLACEHOLDERS if f"{{{name}}}" not in said} == set()
    assert set(FLAGS) - {flag for item in paragraphs for flag in (*item.when, *item.unless)} == set()
    assert set(LISTS) - {item.each for item in paragraphs} == set()


def test_without_a_number_a_letter_names_the_appointment_card_in_its_own_language(make, templates):
    nameless = Clinic(name="Riverside Imaging Center", phone="")
    report = make.report(make.recommendation())
    assert "call the number on your appointment card" in text_of(
        patient_letter(report, templates, language="en", clinic=nameless)
    )
    assert "al número de su cita" in text_of(patient_letter(report, templates, language="es", clinic=nameless))
