"""Advice in prose for a clinician: what, when, who, why, on whose authority, and what is not known."""

from __future__ import annotations

from mriloop.model.advice import Advice, Recommendation, Undetermined
from mriloop.model.guideline import Citation, Mark, Status
from mriloop.model.repeats import SCREENS, screens_of
from mriloop.stages.advise.repeats import say_repeat

_MARKS = {
    Mark.V: "read in the primary text",
    Mark.V2: "read in a secondary text only",
    Mark.M_PLUS: "from memory, unverified",
    Mark.M: "from memory, unverified",
    Mark.C: "corrected",
}
_STATUS = {
    Status.DRAFT: "DRAFT, not verified, not for patients",
    Status.REVIEWED: "reviewed, waiting for a clinician's signature",
    Status.ACTIVE: "signed by the site",
    Status.RETIRED: "retired",
}
_SCHEDULE_SHOWN = 8


def explain(advice: Advice) -> str:
    """Return the whole advice as plain text, the most urgent first. Every proposal ends with its authority.

    The text is for clinicians: it may hold frequencies and drug names that no patient text may hold.
    """
    parts = [explain_recommendation(each) for each in advice.recommendations if each.default]
    if not advice.recommendations:
        parts.append("No next step is proposed.")
    parts += [f"Authorities differ. {conflict.topic}: {conflict.text}" for conflict in advice.conflicts]
    beside = [explain_recommendation(each) for each in advice.recommendations if not each.default]
    if beside:
        parts.append("Shown beside the default:\n\n" + "\n\n".join(beside))
    parts += [_explain_undetermined(each) for each in advice.undetermined]
    parts += [f"Note: {caution.text}" for caution in advice.warnings]
    parts.append("These are proposals. A named person decides.")
    return "\n\n".join(parts)


def explain_recommendation(each: Recommendation) -> str:
    """Return one proposal in prose: the step, its dates, who, the reasons and the source."""
    urgency = "" if each.urgency == "routine" else f" [within {each.urgency}]"
    lines = [f"{each.text}{urgency}"]
    what = [str(word) for word in (each.modality, each.region, each.contrast) if word]
    if what:
        series = f" ({', '.join(each.pulse_sequences)})" if each.pulse_sequences else ""
        lines.append(f"  Examination: {', '.join(what).replace('_', ' ')}{series}.")
    if each.window is not None:
        lines.append(f"  Due: {each.window.target}, from {each.window.earliest} to {each.window.latest}.")
    elif each.schedule:
        lines.append("  Every date of this schedule is past or done.")
    if len(each.schedule) > 1:
        dates = ", ".join(str(window.target) for window in each.schedule[:_SCHEDULE_SHOWN])
        lines.append(f"  All dates: {dates}.")
    if each.then:
        closing = " Only a person may end this surveillance." if each.never_auto_close else ""
        then = "a clinician sets each date" if each.then == "individualise" else each.then
        lines.append(f"  Then: {then}.{closing}")
    if each.specialty:
        lines.append(f"  Who: {', '.join(each.specialty).replace('_', ' ')}.")
    if each.actions:
        lines.append(f"  Also: {'; '.join(each.actions)}.")
    if each.repeat_reason:
        lines.append(f"  Why again: {say_repeat(each.repeat_reason, each.actions)}")
    if screens := screens_of(each):
        lines.append(f"  Screen first: {'; '.join(SCREENS[name] for name in screens)}.")
    if each.because:
        lines.append(f"  Because: {'; '.join(reason.rstrip('.') for reason in each.because)}.")
    lines.append(f"  Source: {cite(each.citation)} {each.profile}; {_STATUS[each.status]}.")
    return "\n".join(lines)


def cite(citation: Citation) -> str:
    """Return a citation in one line, with its place, its DOI and how far it was verified."""
    doi = f" doi {citation.doi}." if citation.doi else ""
    return f"{citation.text.rstrip('.')}. {citation.locator}.{doi} [{citation.mark}: {_MARKS[citation.mark]}]"


def _explain_undetermined(each: Undetermined) -> str:
    asked = " ".join(each.questions) or ", ".join(each.missing)
    return f"{each.guideline} cannot answer before this is known: {asked}"
