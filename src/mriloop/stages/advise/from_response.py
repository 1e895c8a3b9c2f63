"""What the response criteria say of a course of visits, as facts for the guidelines: measurement, no decision."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.model.fact import FactValue, Truth, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.response import (
    Category,
    Criteria,
    EntryCourse,
    Pattern,
    ResponseCourse,
    ResponseHistory,
    ResponseVisit,
    Standing,
    Trend,
    Verdict,
)

_CRITERIA: Mapping[Criteria, str] = {
    Criteria.RECIST: "recist_1_1",
    Criteria.RANO_2010: "rano_2010",
    Criteria.RANO_2: "rano_2_0",
    Criteria.RANO_2_VOLUME: "rano_2_0_volume",
    Criteria.RANO_BM: "rano_bm",
    Criteria.IRANO: "irano",
    Criteria.VOLUME: "volume",
}
_CATEGORY: Mapping[Category, str] = {
    Category.CR: "CR",
    Category.PR: "PR",
    Category.MR: "MR",
    Category.SD: "SD",
    Category.NON_CR_NON_PD: "non_CR_non_PD",
    Category.NON_PD: "non_PD",
    Category.PD: "PD",
    Category.NE: "NE",
}
# The opening words of what COMPARE misses → the reason of the vocabulary; held to COMPARE's own words by a test.
_REASONS = (
    ("size of", "target_not_measured"),
    ("new lesions", "new_lesions_not_stated"),
    ("non-target lesions", "other_lesions_not_stated"),
    ("dose of corticosteroids", "steroids_not_stated"),
    ("T2/FLAIR", "t2_flair_not_stated"),
    ("radiotherapy_ended", "radiotherapy_not_stated"),
    ("outside_field", "radiotherapy_not_stated"),
    ("clinical", "clinical_state_not_stated"),
)
_BASELINE = "at the baseline"
_PATTERN: Mapping[Pattern, str] = {
    Pattern.UNCHANGED: "within_limits",
    Pattern.CANNOT_TELL: "cannot_tell",
    Pattern.INCREASED: "beyond_limits",
    Pattern.DECREASED: "beyond_limits",
    Pattern.FLUCTUATING: "beyond_limits",
}


def facts_from_response(history: ResponseHistory, course: ResponseCourse) -> dict[str, Fact]:
    """Return what the last visit of a course amounts to, in the words of the guidelines.

    A progression or a response that a later visit refuted counts as what it amounts to (`counts_as`). What nobody said
    of the visit, such as whether the patient is worse, stays unknown; so does the response itself where the last visit
    is a baseline.
    """
    last = course.verdicts[-1]
    visit = next(each for each in history.visits if each.id == last.visit)
    facts: dict[str, FactValue] = {
        "condition": ("tumour_on_follow_up",),
        "response_criteria": _CRITERIA[course.criteria],
        "exam_date": last.on,
        **_category(last),
        **_patient(visit),
        **_treatment(history),
    }
    if last.category is Category.NE:
        facts["unevaluable_because"] = _reasons(last, visit)
    if last.category in (Category.PD, Category.PR, Category.MR):
        facts["within_measurement_error"] = truth(any("within measurement error" in flag for flag in last.flags))
    return _named(facts)


def facts_from_discs(course: EntryCourse) -> dict[str, Fact]:
    """Return whether any disc of a comparison differs beyond the limits of agreement.

    One level beyond them is enough; all have to lie within them for `within_limits`. Empty where there is no entry.
    """
    found = {_PATTERN[each.pattern] for each in course.entries}
    for word in ("beyond_limits", "cannot_tell", "within_limits"):
        if word in found:
            return _named({"condition": ("lumbar_disc_herniation",), "disc_change": word})
    return {}


def _named(facts: Mapping[str, FactValue]) -> dict[str, Fact]:
    return {name: Fact(name=name, value=value, source=Source.COMPARE) for name, value in facts.items()}


def _category(last: Verdict) -> dict[str, FactValue]:
    """The category with its standing; one that was refuted counts as what is left of it, and that is final."""
    standing = last.confirmation.standing
    word = _CATEGORY.get(last.counts_as if standing is Standing.REFUTED else last.category)
    if word is None:
        return {}
    return {"response_category": word, "response_standing": "final" if standing is Standing.REFUTED else standing.value}


def _patient(visit: ResponseVisit) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    if visit.clinical is not Trend.UNKNOWN:
        facts["clinical_decline"] = truth(visit.clinical is Trend.WORSE)
    if visit.outside_field is not Truth.UNKNOWN:
        facts["new_lesion_outside_field"] = visit.outside_field
    return facts


def _treatment(history: ResponseHistory) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    if history.radiotherapy_ended is not None:
        facts["radiotherapy_end_date"] = history.radiotherapy_ended
    if history.immunotherapy_started is not None:
        facts["immunotherapy_start_date"] = history.immunotherapy_started
    return facts


def _reasons(last: Verdict, visit: ResponseVisit) -> tuple[str, ...]:
    """Why a visit cannot be evaluated: what is missing, each by its kind; `other` where it fits none."""
    missing = [words for words in last.missing if not (words.startswith("outside_field") and _says_field(visit))]
    found = [_reason(words) for words in missing]
    if last.row == "within-12-weeks":
        found.append("early_after_radiotherapy")
    return tuple(dict.fromkeys(found)) or ("other",)


def _says_field(visit: ResponseVisit) -> bool:
    return visit.outside_field is not Truth.UNKNOWN


def _reason(words: str) -> str:
    if words.startswith("size of") and _BASELINE in words:
        return "baseline_not_measured"
    return next((reason for opening, reason in _REASONS if words.startswith(opening)), "other")
