"""What patients are told at the command line and in the document: two languages, twelve points, drafts withheld."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mriloop.cli import app
from mriloop.cli.advise import advise
from mriloop.cli.order_check import order_check
from mriloop.edges.knowledge.letters import load_letters
from mriloop.edges.store import open_store
from mriloop.model.communication import CHECKLIST
from mriloop.model.errors import MriloopError

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SCHEDULE = "pituitary_cyp/post_operative/schedule"


def run(command, name: str, *options: str) -> Result:
    return CliRunner().invoke(app, [str(command.name), str(EXAMPLES / f"{name}.yaml"), *options])


@pytest.mark.parametrize(("language", "words"), [("en", "After your operation"), ("es", "Tras la operación")])
def test_each_step_is_told_with_the_twelve_points(language, words):
    text = run(advise, "pituitary", "--for-patient", language).output
    assert SCHEDULE in text
    assert words in text
    assert all(point in text for point in load_letters().words[language].checklist.values())
    assert set(load_letters().words[language].checklist) == set(CHECKLIST)
    assert "filled when the report is signed" in text
    assert "{" not in text


def test_a_draft_is_withheld_and_shown_only_to_who_asks_for_it():
    told = load_letters().steps["es", "ms_monitoring/magnims_2021/active"].split(".")[0]
    closed = run(advise, "ms", "--for-patient", "es").output
    assert "magnims_2021/active [letter r2_follow_up; draft]\n  not for patients: unverified" in closed
    assert told not in closed
    assert told in run(advise, "ms", "--for-patient", "es", "--allow-drafts").output


def test_no_draft_is_told_by_the_document_either():
    """What --for-patient withholds is not in --json: whatever shows the document shows it to patients."""
    document = json.loads(run(advise, "ms", "--json").output)
    told = {one["id"]: (one["status"], one["patient_text"]) for one in document["recommendations"]}
    assert told["ms_monitoring/magnims_2021/active"] == ("draft", {})
    assert "draft" not in {status for status, text in told.values() if text}


def test_steps_among_staff_are_told_only_where_somebody_wrote_a_text():
    text = run(advise, "contrast_only", "--for-patient", "en").output
    assert "two parts, before and after the dye" in text
    assert "allow_order" not in text
    assert "agent/" not in text


def test_an_unknown_language_is_refused():
    found = run(advise, "pituitary", "--for-patient", "xx")
    assert isinstance(found.exception, MriloopError)
    assert found.exception.code == "knowledge_unknown"
    assert "there are en and es" in found.exception.message


@pytest.mark.parametrize(
    ("language", "today", "never"),
    [
        (
            "en",
            "Today, even if no one has given you a time.",
            ("tomorrow", "set the day", "miss it", "Your MRI scan shows"),
        ),
        (
            "es",
            "Hoy, aunque nadie le haya dado una hora.",
            ("mañana", "fijar el día", "otra cita", "Su resonancia muestra"),
        ),
    ],
)
def test_an_emergency_sets_no_day_and_claims_no_finding_before_the_signature(language, today, never):
    text = run(advise, "septic_knee", "--for-patient", language).output
    assert "[letter urgent_next_step;" in text
    assert today in text
    assert not any(words in text for words in never)


def test_the_document_tells_every_language_with_its_dates():
    document = json.loads(run(advise, "pituitary", "--json").output)
    told = {one["id"]: one["patient_text"] for one in document["recommendations"]}
    assert set(told[SCHEDULE]) == {"en", "es"}
    assert told[SCHEDULE]["en"].startswith("After your operation")


def test_the_blocked_order_says_its_way_out_and_exits_with_ten():
    found = run(order_check, "contrast_only")
    assert found.exit_code == 10
    assert found.output.startswith("BLOCK\n")
    assert "way out: change the order to MRI without and with contrast (WO&W)" in found.output
    assert "May be overridden, with a reason, by: radiologist" in found.output


def test_an_override_is_said_recorded_and_may_go_on(tmp_path):
    options = (
        "--override",
        "agreed",
        "--by",
        "Dr A",
        "--role",
        "radiologist",
        "--store",
        str(tmp_path / "s"),
        "--json",
    )
    found = run(order_check, "contrast_only", *options)
    document = json.loads(found.output)
    assert (found.exit_code, document["outcome"]) == (0, "allow")
    assert document["override"]["lifts"] == ["order_check/contrast_form/contrast_only"]
    assert (tmp_path / "s").is_dir()


def test_an_override_goes_into_the_ledger_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("MRILOOP_STORE", str(tmp_path / "set"))
    assert run(order_check, "contrast_only").exit_code == 10
    assert not (tmp_path / "set").exists()
    run(order_check, "contrast_only", "--override", "agreed", "--by", "Dr A", "--role", "radiologist")
    (kept,) = [each.record for each in open_store(tmp_path / "set").entries() if each.record.kind == "order.overridden"]
    assert kept.actor == "Dr A"


def test_an_override_without_a_person_is_refused():
    found = run(order_check, "contrast_only", "--override", "agreed")
    assert isinstance(found.exception, MriloopError)
    assert "--by and --role" in found.exception.message
