"""Schedules inside an advice: a site's own guideline with every key, through the whole of ADVISE and out to FHIR."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from mriloop.app.advise import advise_case, guidelines_in_force
from mriloop.app.exchange import ExportForm, export_guidelines
from mriloop.model.advice import Advice, Recommendation

GUIDELINE = """
id: house_lesion
title: House lesion
version: "1"
edition: House 2026
sources: {house: {text: House rules, year: 2026}}
raised_by: [{condition: other}]
tables:
  - id: watch
    question: next MRI
    profile: House 2026
    match: first
    rows:
      - id: again
        when: {study_quality: diagnostic}
        step: follow_up_imaging
        modality: MR
        text: Again every year.
        cite: {source: house, locator: page 1, mark: V}
        schedule:
          anchor: first_mri_date
          counted_from: performed
          points: [{target: P12M, tolerance: P1M}]
          repeat: [{every: P12M, times: 2}, {every: P24M}]
          horizon: P2Y
          while: {change_vs_prior: [stable, no_prior]}
          while_ends: neurosurgery sets the next date
          stop: {when: {months_since_first_mri: {at_least: 60 mo}}, text: The house allows the end after five years.}
          never_auto_close: yes
      - id: later
        when: {study_quality: limited}
        step: follow_up_imaging
        modality: MR
        text: Once more, then a person decides.
        cite: {source: house, locator: page 2, mark: V}
        schedule:
          anchor: first_mri_date
          points: [{target: P12M, tolerance: P1M}]
          then: individualise
          site_default: {after: P24M, label: house policy}
"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site" / "guidelines" / "house_lesion"
    folder.mkdir(parents=True)
    (folder / "guideline.yaml").write_text(GUIDELINE, encoding="utf-8")
    return tmp_path / "site"


def ask(site, facts: str, as_of: str = "2026-03-01") -> tuple[Advice, Recommendation]:
    case = site.parent / "case.yaml"
    case.write_text(f"{{as_of: {as_of}, condition: other, {facts}}}", encoding="utf-8")
    advice = advise_case(case, site=site, now=date(2026, 1, 1))
    (found,) = [one for one in advice.recommendations if one.guideline == "house_lesion"]
    return advice, found


def codes(advice: Advice) -> set[str]:
    return {one.code for one in advice.warnings}


STEADY = "study_quality: diagnostic, change_vs_prior: stable, first_mri_date: 2024-01-31"


def test_what_comes_after_a_late_scan_keeps_its_distance_from_it(site):
    """Due 31 January 2025, made 29 March: the next is a year after that, not a year after the anchor's."""
    _, found = ask(site, f"{STEADY}, performed_follow_ups: [2025-03-29]")
    # Two more, a year apart; then every two years, of which two after the day of the question are always shown.
    assert [str(one.target) for one in found.schedule] == [
        "2025-01-31", "2026-03-29", "2027-03-29", "2029-03-29", "2031-03-29",
    ]  # fmt: skip
    assert str(found.window.target) == "2026-03-29"
    assert found.open_ended
    assert found.then == "every 2 years"


def test_growth_ends_the_schedule_and_names_who_goes_on(site):
    advice, found = ask(site, STEADY.replace("stable", "growth"))
    assert (found.window, found.schedule, found.then) == (None, (), "neurosurgery sets the next date")
    assert found.never_auto_close
    assert "while_ended" in codes(advice)


def test_an_unknown_change_keeps_the_dates_and_says_so(site):
    advice, found = ask(site, "study_quality: diagnostic, first_mri_date: 2024-01-31")
    assert found.window is not None
    assert "while_not_confirmed" in codes(advice)


@pytest.mark.parametrize(("exam", "said"), [("2029-01-30", False), ("2029-01-31", True)])
def test_a_stop_rule_over_a_derived_fact_is_said_and_closes_nothing(site, exam, said):
    advice, found = ask(site, f"{STEADY}, exam_date: {exam}", as_of="2029-03-01")
    assert ("may_stop" in codes(advice)) is said
    assert found.window is not None


def test_the_sites_date_is_shown_as_the_sites(site):
    _, found = ask(site, "study_quality: limited, first_mri_date: 2024-01-31, performed_follow_ups: [2025-02-03]")
    assert (found.window, found.then) == (None, "individualise")
    assert (str(found.suggested), found.suggested_by) == ("2027-02-03", "house policy")


def test_an_unstated_anchor_is_asked_for(site):
    case = site.parent / "case.yaml"
    case.write_text("{as_of: 2026-03-01, condition: other, study_quality: diagnostic}", encoding="utf-8")
    advice = advise_case(case, site=site, now=date(2026, 1, 1))
    (waiting,) = [one for one in advice.undetermined if one.guideline == "house_lesion"]
    assert waiting.missing == ("first_mri_date",)


def test_the_phases_are_offsets_and_timings_in_fhir(site, tmp_path):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    (path,) = export_guidelines(ExportForm.FHIR, tmp_path / "out", site=site, only="house_lesion", now=now)
    text = path.read_text("utf-8")
    plan = json.loads(text)["entry"][0]["resource"]
    row = next(one for one in plan["action"][0]["action"] if one["id"] == "watch")["action"][0]
    due, first, second, then = [*row["action"], None][:4]
    assert due["relatedAction"][0]["offsetRange"]["low"]["value"] == 11
    assert first["timingTiming"]["repeat"] == {"frequency": 1, "period": 12, "periodUnit": "mo", "count": 2}
    assert second["timingTiming"]["repeat"] == {"frequency": 1, "period": 24, "periodUnit": "mo"}
    assert second["relatedAction"][0]["actionId"] == first["id"]
    assert then is None
    assert plan["publisher"] == "site"


def test_the_vocabulary_keeps_its_words(site):
    """A guideline of the site is read beside the shipped ones."""
    assert guidelines_in_force(site).get("house_lesion") is not None
