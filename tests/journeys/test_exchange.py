"""The commands that give dates and guidelines to other programs, and take facts from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import icalendar
import pytest
from click.testing import CliRunner

from mriloop.cli import app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def run(*words: object) -> tuple[int, str, str]:
    ran = CliRunner().invoke(app, [str(word) for word in words])
    return ran.exit_code, ran.stdout, ran.stderr


def test_an_advice_leaves_a_calendar_and_a_bundle_beside_its_text(tmp_path):
    ics, fhir = tmp_path / "new" / "next.ics", tmp_path / "next.json"
    code, out, err = run("advise", EXAMPLES / "pituitary.yaml", "--ics", ics, "--fhir", fhir)
    assert code == 0
    assert "2026-07-10" in out
    assert "5 dates" in err
    assert len(icalendar.Calendar.from_ical(ics.read_bytes()).walk("VEVENT")) == 5
    assert json.loads(fhir.read_text("utf-8"))["resourceType"] == "Bundle"


def test_a_record_alone_and_a_record_beside_a_case(tmp_path):
    record = tmp_path / "anna.json"
    system = "http://snomed.info/sct"
    entries = [
        {"resource": {"resourceType": "Patient", "birthDate": "1990-05-01", "gender": "female"}},
        {"resource": {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": "24700007"}]}}},
    ]
    record.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))
    code, out, _ = run("advise", "--fhir-bundle", record, "--as-of", "2026-11-20", "--json")
    assert code == 10  # what is missing, a person has to state
    alone = json.loads(out)
    assert alone["facts"]["birth_date"] == "1990-05-01"
    assert any(each["guideline"] == "ms_monitoring" for each in alone["undetermined"])
    case = tmp_path / "case.yaml"
    case.write_text("{as_of: 2026-11-20, sex: male}")
    _, out, _ = run("advise", case, "--fhir-bundle", record, "--json")
    both = json.loads(out)
    assert both["facts"]["sex"] == "male"
    assert any(each["code"] == "facts_disagree" and "record" in each["text"] for each in both["warnings"])


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/New_York", "2026-07-01"), ("Europe/Berlin", "2026-07-02"), ("Europe/London", "2026-07-02")],
)
def test_an_instant_of_a_record_falls_on_the_day_of_the_machines_zone(tmp_path, zone, day):
    """Summer time counts for an instant of summer, whatever the season in which one asks: London is an hour ahead."""
    record = tmp_path / "scan.json"
    modality = [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "MR"}]
    scan = {"resourceType": "ImagingStudy", "status": "available", "modality": modality}
    entries = [{"resource": {**scan, "started": "2026-07-01T23:30:00Z"}}]
    record.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))
    command = [
        sys.executable,
        "-m",
        "mriloop",
        "advise",
        "--fhir-bundle",
        str(record),
        "--as-of",
        "2026-08-01",
        "--json",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TZ": zone})
    assert json.loads(ran.stdout)["facts"]["exam_date"] == day


def test_guidelines_and_their_cases_are_written_for_others(tmp_path):
    code, out, _ = run("guidelines", "export", "pituitary_cyp", "--as", "fhir", "--out", tmp_path, "--json")
    assert code == 0
    assert json.loads(out)["files"] == [str(tmp_path / "pituitary_cyp.fhir.json")]
    code, out, _ = run("guidelines", "export", "--all", "--as", "csv", "--out", tmp_path)
    assert code == 0
    assert len(out.splitlines()) == len(list(tmp_path.glob("*.cases.csv"))) >= 9


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("advise",), 2, "name a CASE"),
        (("advise", "--fhir-bundle", EXAMPLES / "ms.yaml"), 3, "fhir_unreadable"),
        (("advise", "--fhir-bundle", "nowhere.json"), 3, "input_not_found"),
        (("advise", EXAMPLES / "ms.yaml", "--ics", EXAMPLES / "ms.yaml" / "x.ics"), 3, "out_not_writable"),
        (("advise", EXAMPLES / "ms.yaml", "--fhir", EXAMPLES / "ms.yaml" / "x.json"), 3, "out_not_writable"),
        (("guidelines", "export", "--as", "fhir"), 2, "name a guideline, or say --all"),
        (("guidelines", "export", "ms_pml", "--all", "--as", "fhir"), 2, "name a guideline, or say --all"),
        (("guidelines", "export", "nothing", "--as", "csv"), 3, "knowledge_unknown"),
        (("guidelines", "export", "ms_pml", "--as", "csv", "--out", EXAMPLES / "ms.yaml"), 3, "out_not_writable"),
    ],
)
def test_a_mistake_is_refused_and_says_what_to_do(words, code, said):
    command = [sys.executable, "-m", "mriloop", *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == code
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
