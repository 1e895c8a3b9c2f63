"""Case files: minimal and full shapes are taken, every wrong word is a code with its line and a hint."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from dateutil.relativedelta import relativedelta

from mriloop.app import advise as use_case
from mriloop.app import orders
from mriloop.app.phantom_scenarios import SCENARIOS
from mriloop.edges.knowledge.guidelines import SHIPPED
from mriloop.edges.knowledge.values import hint_for
from mriloop.model.coding import Laterality, Region
from mriloop.model.errors import BY_CODE, MriloopError, SenderError
from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.finding import Case
from mriloop.model.order import OrderOutcome
from mriloop.model.quantity import Quantity

NOW = date(2026, 3, 1)
EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples").glob("*.yaml"))
DEMO = sorted((SHIPPED.parent / "demo").glob("*.case.yaml"))
PATIENTS = {scenario.name: scenario.patient for scenario in SCENARIOS}


@pytest.fixture
def read(tmp_path: Path):
    def put(text: str | bytes) -> Case:
        path = tmp_path / "case.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return use_case.read_case(path, site=None, now=NOW)

    return put


def test_the_whole_shape(read):
    case = read(
        """
id: patient-7
as_of: 2026-02-01
region: knee
question: septic arthritis?
profiles: {ms_pml: EMA 2016}
facts:
  age: {value: 18, unit: months}
  septic_joint: {value: yes, stated_at: 2026-01-31}
order: {modality: MRI, contrast: WO&W, region: knee, agent: gadovist, eGFR: 88}
findings:
  - effusion
  - {text: synovitis, region: knee, laterality: left, measurements: {thickness: 0.4 cm, depth: 3}}
"""
    )
    assert (case.id, case.as_of, case.region) == ("patient-7", date(2026, 2, 1), Region.KNEE)
    assert case.facts["age"].value == Quantity(value=1.5, unit="a")
    assert case.facts["septic_joint"].stated_at == date(2026, 1, 31)
    assert case.facts["order_contrast"].value == "without_and_with"
    assert case.facts["order_region"].value == "knee"
    assert case.facts["agent"].value == "gadobutrol"
    assert case.facts["egfr"].value == Quantity(value=88, unit="mL/min/{1.73_m2}")
    assert case.profiles == {"ms_pml": "EMA 2016"}
    assert [finding.id for finding in case.findings] == ["finding-1", "finding-2"]
    assert case.findings[1].laterality is Laterality.LEFT
    assert case.findings[1].measurements["thickness"] == Quantity(value=0.4, unit="cm")
    assert case.findings[1].measurements["depth"] == Quantity(value=3, unit="mm")


def test_one_fact_is_a_case(read):
    case = read("age: 15")
    assert (case.id, case.as_of) == ("case", NOW)
    assert case.facts["age"].value == Quantity(value=15, unit="a")


@pytest.mark.parametrize("word", ["yes", "true", "True", "YES", "y", "present", "positive"])
def test_yes(read, word):
    assert read(f"pregnant: {word}").facts["pregnant"].value is Truth.TRUE


@pytest.mark.parametrize("word", ["no", "false", "NO", "absent", '"no"'])
def test_no(read, word):
    assert read(f"pregnant: {word}").facts["pregnant"].value is Truth.FALSE


@pytest.mark.parametrize("word", ["unknown", "Unknown", "~", "", "not known", "?"])
def test_not_known_is_unknown_for_every_type(read, word):
    for fact in ("pregnant", "chiasm", "lesion_size", "exam_date", "condition"):
        assert read(f'{fact}: "{word}"' if word == "?" else f"{fact}: {word}").facts[fact].value is UNKNOWN


def test_an_implant_whose_status_is_unknown_is_an_answer(read):
    assert read("implant: unknown").facts["implant_status"].value == "unknown"
    assert read("implant:").facts["implant_status"].value is UNKNOWN


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("size: 14 mm", 14, "mm"),
        ("size: 14mm", 14, "mm"),
        ("size: 1.4 cm", 14, "mm"),
        ("size: '1,4 cm'", 14, "mm"),
        ("size: 14", 14, "mm"),
        ("size: {value: 14, unit: mm}", 14, "mm"),
        ("lesion-size: 14", 14, "mm"),
        ("Lesion Size: 14", 14, "mm"),
        ("months_on_drug: 2 years", 24, "mo"),
        ("age: 30 months", 2.5, "a"),
        ("lymphocyte_count: 600 /uL", 0.6, "10*9/L"),
        ("lymphocyte_count: 0.6 10^9/L", 0.6, "10*9/L"),
        ("eGFR: 28 mL/min/1.73m2", 28, "mL/min/{1.73_m2}"),
    ],
)
def test_quantities_in_every_usual_spelling(read, text, value, unit):
    (fact,) = read(text).facts.values()
    assert fact.value.unit == unit
    assert fact.value.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("age: 15\nlesion_sice: 4 mm", "case_unknown_fact", "the fact lesion_sice, did you mean lesion_size?"),
        ("facts:\n  shoe_size: 43", "case_unknown_fact", "line 2: no guideline knows the fact shoe_size"),
        ("order: {colour: red}", "case_unknown_fact", "colour"),
        ("size: 14 mo", "case_wrong_unit", "given in mo, which does not convert to mm"),
        ("size: 14 parsec", "case_wrong_unit", "parsec (an unknown unit)"),
        ("size: {value: 14, unit: kg}", "case_wrong_unit", "kg"),
        ("egfr: 25 mL/min", "case_wrong_unit", "given in mL/min, which does not convert to mL/min/{1.73_m2}"),
        ("egfr: 25 ml/min", "case_wrong_unit", "which does not convert to mL/min/{1.73_m2}"),
        ("size: large", "case_wrong_type", "must be a number in mm, not 'large'"),
        ("size: [1, 2]", "case_wrong_type", "not a list"),
        ("size: true", "case_wrong_type", "a number in mm"),
        ("size: .nan", "case_wrong_type", "a number in mm"),
        ("size: .inf", "case_wrong_type", "a number in mm"),
        ("size: {amount: 3}", "case_wrong_type", "{value: number, unit: word}"),
        ("size: -3", "case_wrong_value", "not negative"),
        ("pregnant: perhaps", "case_wrong_type", "must be yes, no or unknown"),
        ("pregnant: 1", "case_wrong_type", "yes, no or unknown"),
        ("chiasm: bent", "case_wrong_value", "one of clear, abuts, compresses"),
        ("chiasm: [clear]", "case_wrong_type", "one of clear"),
        ("condition: multiple_sclerosys", "case_wrong_value", "did you mean multiple_sclerosis?"),
        ("surgery_date: 2026-02-30", "case_impossible_date", "line 1: surgery_date is not a calendar date"),
        ("surgery_date: last spring", "case_impossible_date", "last spring"),
        ("surgery_date: 20260110", "case_wrong_type", "YYYY-MM-DD"),
        ("as_of: 2026-13-01", "case_impossible_date", "as_of"),
        ("age: [", "case_unreadable", "line"),
        ("age: 15\nage: 16", "case_unreadable", "'age' stands twice"),
        ("age: !!python/object/apply:os.getcwd []", "case_unreadable", ""),
        (b"\xff\xfe\x00", "case_unreadable", "UTF-8"),
        ("- age", "case_shape", "a mapping from words to values"),
        ("just words", "case_shape", "a mapping"),
        ("", "case_shape", "a mapping"),
        ("15: age", "case_shape", "a mapping"),
        ("facts: [age]", "case_shape", "`facts` must be a mapping"),
        ("order: with contrast", "case_shape", "`order` must be a mapping"),
        ("findings: effusion", "case_shape", "`findings` must be a list"),
        ("findings: [{region: knee}]", "case_shape", "needs a `text`"),
        ("findings: [{text: x, site: knee}]", "case_shape", "unknown key site"),
        ("findings: [{text: x, laterality: up}]", "case_wrong_value", "left, right"),
        ("findings: [{text: x, measurements: {d: wide}}]", "case_wrong_type", "a number in mm"),
        ("question: [x]", "case_shape", "`question` must be a text"),
        ("size: 3\ndiameter: 4", "case_shape", "stated, differently"),
        ("facts: {size: 3}\nsize: 4", "case_shape", "stated twice, differently"),
        ("profiles: {ms_plm: EMA 2016}", "case_shape", "did you mean ms_pml?"),
        ("profiles: {ms_pml: EMA 2017}", "case_shape", "did you mean ema_2016?"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_code_place_and_hint(read, text, code, words):
    with pytest.raises(MriloopError) as caught:
        read(text)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.remedy
    assert "{found}" not in caught.value.message
    assert "{hint}" not in caught.value.message
    assert BY_CODE[code].exit == 3


def test_paths_that_are_no_case_file(tmp_path):
    for path, code in ((tmp_path / "none.yaml", "input_not_found"), (tmp_path, "case_shape")):
        with pytest.raises(MriloopError) as caught:
            use_case.read_case(path, site=None, now=NOW)
        assert caught.value.code == code
    big = tmp_path / "big.yaml"
    big.write_text("#" * 1_000_001)
    with pytest.raises(MriloopError) as caught:
        use_case.read_case(big, site=None, now=NOW)
    assert caught.value.code == "case_shape"


def test_aliases_that_multiply_do_not_fill_the_memory(read):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(MriloopError) as caught:
        read("\n".join(lines))
    assert caught.value.code == "case_unreadable"


@pytest.mark.parametrize(
    "line",
    [
        "id: *a4", "findings: [{text: *a4, region: brain}]", "findings: [{text: x, region: brain, series: [*a4]}]",
        "findings: [{text: x, region: brain, measurements: {d: *a4}}]", "profiles: {pituitary_cyp: *a4}",
        "findings: [{text: x, region: brain, measurements: {d: {value: *a4, unit: mm}}}]",
        "findings: [{text: x, region: brain, laterality: *a4}]", "lesion_size: {value: 3, unit: *a4}", "facts: no",
    ],
)  # fmt: skip
def test_a_list_where_a_word_is_needed_is_refused(read, line):
    lines = ["note: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{key}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n, key in enumerate(("notes", "title"), 1)]
    with pytest.raises(MriloopError) as caught:
        read("\n".join([*lines, line.replace("*a4", "*a2")]))
    assert caught.value.code in ("case_shape", "case_wrong_type")


@pytest.mark.parametrize(
    "line",
    [
        "age: 023", "egfr: 060", "age: 1:05", 'lesion_size: "1,200 mm"', "lesion_size: 1,200", f"age: {'9' * 400}",
        "age: 0x600f", f"lesion_size: {'9' * 400} mm", 'age: "023"', 'lesion_size: "1,200,000 mm"',
        f"findings: [{{text: x, region: brain, measurements: {{d: {'9' * 400}}}}}]",
    ],
)  # fmt: skip
def test_a_number_that_could_be_read_in_two_ways_or_that_nobody_means_is_refused(read, line):
    with pytest.raises(MriloopError) as caught:
        read(line)
    assert caught.value.code in ("case_wrong_type", "case_wrong_unit")


@pytest.mark.parametrize(("line", "size"), [("1,5 mm", 1.5), ("0,125 mm", 0.125), ("12 mm", 12), ("1200 mm", 1200)])
def test_a_decimal_comma_is_understood(read, line, size):
    assert read(f"lesion_size: {line}").facts["lesion_size"].value == Quantity(value=size, unit="mm")


def test_every_synonym_is_understood(read):
    for name, spec in use_case.guidelines_in_force().vocabulary.items():
        for other in spec.synonyms:
            assert name in read(f"{other}: unknown").facts
        for word, value in spec.value_synonyms.items():
            stated = read(f'{name}: "{word}"').facts[name].value
            assert stated in (value, (value,))


def test_there_are_examples_for_every_demo_patient_and_more():
    names = {path.stem for path in EXAMPLES}
    assert {"ms", "motion", "claustrophobia", "pituitary", "foot", "contrast_only"} <= names
    assert len(names) >= 12


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_the_example_of_a_demo_patient_tells_of_the_same_patient(path):
    demo = use_case.read_case(path, site=None, now=NOW)
    name = path.name.removesuffix(".case.yaml")
    example = use_case.read_case(EXAMPLES[0].with_name(f"{name}.yaml"), site=None, now=NOW)
    patient = PATIENTS[name]
    born = date.fromisoformat(patient.birth_date)
    sexes = {"F": "female", "M": "male"}
    for case in (demo, example):
        if "age" in case.facts:
            assert case.facts["age"].value == Quantity(value=relativedelta(case.as_of, born).years, unit="a")
        if "sex" in case.facts:
            assert case.facts["sex"].value == sexes[patient.sex]
    shared = set(demo.facts) & set(example.facts) - {"age"}
    if example.as_of < demo.as_of:  # the example is an earlier visit, which the later one remembers
        shared -= {"exam_date"}
        assert str(example.facts["exam_date"].value) in demo.facts["performed_follow_ups"].value
    assert len(shared) >= 1
    assert {key: demo.facts[key].value for key in shared} == {key: example.facts[key].value for key in shared}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_gets_the_step_that_its_first_lines_promise(path):
    promised = next(line for line in path.read_text().splitlines() if line.startswith("# Expected: "))
    expected = promised.removeprefix("# Expected: ").rstrip(".").split(", ")
    advice = use_case.advise_case(path, site=None, now=NOW)
    got = [str(each.step) for each in advice.recommendations if each.default]
    got += [f"asks for {name}" for each in advice.undetermined for name in each.missing]
    for step in expected:
        assert step in got
    assert len(path.read_text().splitlines()) >= 6


ORDER = "{modality: MR, region: brain, contrast: WO&W, agent_group: II}"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (f"{{order: {ORDER}, implant: none, prior_reaction: none, pregnant: no}}", OrderOutcome.ALLOW),
        (f"{{order: {ORDER}, implant: none, prior_reaction: mild, pregnant: no}}", OrderOutcome.ASK),
        (f"{{order: {ORDER}, implant: none, prior_reaction: none}}", OrderOutcome.NEEDS_INFORMATION),
        (f"{{order: {ORDER}, prior_reaction: none, pregnant: no}}", OrderOutcome.NEEDS_INFORMATION),
        (f"{{order: {ORDER}, implant: unknown}}", OrderOutcome.HOLD),
        ("order: {modality: MR, contrast: with}", OrderOutcome.BLOCK),
        ("{order: {modality: MR, contrast: with}, implant: unknown}", OrderOutcome.BLOCK),
        ("order: {modality: CT, contrast: with}", OrderOutcome.NOT_CHECKED),
    ],
)
def test_an_order_is_as_good_as_its_worst_answer(tmp_path, text, outcome):
    path = tmp_path / "order.yaml"
    path.write_text(text)
    found = orders.order_check(path, site=None, now=NOW)
    decision, advice = found.decision, found.advice
    assert decision.outcome is outcome
    assert {each.guideline for each in advice.recommendations} <= {"order_check", "order_contrast", "order_safety"}
    assert bool(decision.questions) == bool(decision.missing)


def test_a_file_that_orders_nothing_is_refused(tmp_path):
    path = tmp_path / "order.yaml"
    path.write_text("age: 15")
    with pytest.raises(SenderError, match="orders nothing"):
        orders.order_check(path, site=None, now=NOW)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("fever", "; write `back_pain_red_flags: fever`"),
        ("night_pain", "; write `back_pain_red_flags: night_pain`"),
        ("lesion_sizee", ", did you mean lesion_size?"),
        ("asymptomatic", ""),
        ("steroids", ""),
        ("remission", ""),
        ("pacemakers_left", ", did you mean pacemaker?"),
    ],
)
def test_a_hint_names_the_fact_of_a_word_and_never_a_word_that_only_looks_alike(read, word, hint):
    with pytest.raises(SenderError) as caught:
        read(f"{word}: yes")
    assert caught.value.message.endswith(f"no guideline knows the fact {word}{hint}")


@pytest.mark.parametrize(("word", "near"), [("symptomatic", "asymptomatic"), ("renal_cyst", "adrenal_cyst"),
                                            ("grade_2", "grade_3"), ("brain_lesion", "breast_lesion")])  # fmt: skip
def test_no_hint_turns_a_word_into_its_opposite_or_into_another_organ(word, near):
    assert hint_for(word, [near]) == hint_for(near, [word]) == ""


def test_a_diagnosis_that_no_guideline_knows_is_kept_beside_the_known_ones(read):
    assert read("condition: [MS, Sarcoidosis of the lung]").facts["condition"].value == (
        "multiple_sclerosis",
        "sarcoidosis_of_the_lung",
    )


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("[ms, meningeoma]", "did you mean meningioma?"),
        ("cord_compression", "it is one of the words of another fact: write `cord_compression: yes`"),
        ("[gout, sepsis]", "write `sepsis: yes`"),
        ("yes", "words that `mriloop guidelines facts condition` prints"),
        ("7", "prints"),
        ("'12-3'", "prints"),
        (f"'{'x' * 61}'", "prints"),
    ],
)
def test_a_misspelt_diagnosis_and_the_word_of_another_fact_are_refused(read, raw, words):
    with pytest.raises(SenderError) as caught:
        read(f"condition: {raw}")
    assert caught.value.code == "case_wrong_value"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "fact", "value"),
    [("gender: F", "sex", "female"), ("quality: poor", "study_quality", "not_diagnostic"),
     ("quality: suboptimal", "study_quality", "limited"), ("quality: adequate", "study_quality", "diagnostic"),
     ("setting: ED", "patient_setting", "emergency"), ("termination: claustrophobic", "termination", "claustrophobia")],
)  # fmt: skip
def test_everyday_words_are_taken(read, text, fact, value):
    assert read(text).facts[fact].value == value


def test_years_old_are_years(read):
    assert read("age: 70 yo").facts["age"].value.value == 70


def test_every_emergency_that_holds_is_named(tmp_path):
    path = tmp_path / "foot.yaml"
    path.write_text(
        "condition: diabetic_foot\nsepsis: yes\nabscess: yes\nseptic_joint: yes\nnecrotising_infection: yes\n"
    )
    advice = use_case.advise_case(path, site=None, now=NOW)
    assert {each.row for each in advice.recommendations} == {"guards/necrotising", "emergency_sign/told_now"}
    named = " ".join(each.text for each in advice.warnings if each.code == "emergency_as_well")
    assert all(word in named for word in ("Sepsis", "Abscess", "septic joint"))
