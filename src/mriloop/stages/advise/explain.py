"""Advice in prose for a clinician: what, when, who, why, on whose authority, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mriloop.model.advice import Advice, Caution, Conflict, Recommendation, Undetermined
from mriloop.model.coding import Urgency
from mriloop.model.guideline import Citation, FactSpec, FactType, Mark, Status, Step
from mriloop.model.repeats import SCREENS, screens_of
from mriloop.model.schedule import INDIVIDUALISE
from mriloop.stages.advise.contrast import NEEDS_A_PERSON
from mriloop.stages.advise.repeats import say_repeat
from mriloop.stages.advise.signatures import say_signature

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
_URGENCY = {
    Urgency.MINUTES: "NOW, within minutes",
    Urgency.HOURS: "within hours",
    Urgency.DAYS: "within days",
}
_CONTRAST = {
    "without": "without contrast",
    "with": "with contrast",
    "without_and_with": "without and with contrast",
    "site_policy": "contrast as the site decides",
    "needs_decision": "contrast for a person to decide",
    "unknown": "contrast not stated",
}
_SCHEDULE_SHOWN = 8
_EMERGENCY = "emergency_not_excluded"
_OVERDUE = "window_passed"
_WORDS_SHOWN = 12
_ANSWERS = {FactType.BOOL: "yes or no", FactType.DATE: "a day, YYYY-MM-DD"}
_UNITS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "{count}": "a count", "1": "a number"}


def explain(
    advice: Advice, titles: Mapping[str, str] | None = None, vocabulary: Mapping[str, FactSpec] | None = None
) -> str:
    """Return the whole advice as plain text, the most urgent first. Every proposal ends with its authority.

    The text is for clinicians: it may hold frequencies and drug names that no patient text may hold. Contrast that a
    person must decide on comes before everything else, then an emergency that nobody has excluded, unless one is
    proposed, then what is overdue. `titles` names guidelines in words; `vocabulary` adds what to write in a case file
    behind each question.
    """
    named, words = titles or {}, vocabulary or {}
    leading = [each for each in advice.recommendations if each.default and each.step != Step.ALLOW_ORDER]
    allowed = [each for each in advice.recommendations if each.default and each.step == Step.ALLOW_ORDER]
    beside = [each for each in advice.recommendations if not each.default]
    first = [each for each in advice.warnings if each.code == _EMERGENCY]
    decide = [each for each in advice.warnings if each.code == NEEDS_A_PERSON]
    overdue = [each for each in advice.warnings if each.code == _OVERDUE]
    later = [each for each in advice.warnings if each.code not in (_EMERGENCY, NEEDS_A_PERSON, _OVERDUE)]
    pressing = any(each.urgency in (Urgency.MINUTES, Urgency.HOURS) for each in leading)
    parts = [_explain_caution("First of all", each) for each in [*decide, *([] if pressing else first)]]
    parts += [_explain_caution("Overdue", each) for each in overdue]
    if len(leading) > 1:
        drafts = sum(each.status is Status.DRAFT for each in leading)
        said = f", {drafts} of them not verified (DRAFT)" if drafts else ""
        late = ", then what is overdue" if overdue else ""
        parts.append(f"{len(leading)} steps are proposed{said}, the most urgent first{late}.")
    parts += [_numbered(number, each, len(leading)) for number, each in enumerate(leading, 1)]
    if allowed:
        parts.append("\n".join(["Nothing speaks against the order on these questions:", *map(_allowed, allowed)]))
    if not advice.recommendations:
        parts.append("No next step is proposed.")
    parts += [_explain_undetermined(each, named, words) for each in advice.undetermined]
    parts += [_explain_conflict(each, advice) for each in advice.conflicts]
    if beside:
        parts.append("Shown beside the default:\n\n" + "\n\n".join(explain_recommendation(each) for each in beside))
    parts += [_explain_caution("Also to be excluded", each) for each in (first if pressing else [])]
    parts += [_explain_caution("Note", each) for each in later]
    parts.append("These are proposals. A named person decides.")
    return "\n\n".join(parts)


def explain_recommendation(each: Recommendation) -> str:
    """Return one proposal in prose: the step, its dates, who, the reasons, the source, who stands behind it."""
    draft = "DRAFT. " if each.status is Status.DRAFT else ""
    urgency = f" [{_URGENCY[each.urgency]}]" if each.urgency in _URGENCY else ""
    lines = [f"{draft}{each.text}{urgency}"]
    if each.modality or each.contrast:
        lines.append(f"  Examination: {_examination(each)}.")
    lines += [f"  {line}" for line in _when(each)]
    if each.specialty:
        lines.append(f"  Who: {', '.join(each.specialty).replace('_', ' ')}.")
    if each.actions:
        lines.append(f"  Also: {'; '.join(each.actions)}.")
    if each.repeat_reason:
        lines.append(f"  Why again: {say_repeat(each.repeat_reason, each.actions)}")
    if screens := screens_of(each):
        lines.append(f"  Screen first: {'; '.join(SCREENS[name] for name in screens)}.")
    reasons, rule = _reasons(each)
    if reasons:
        lines.append(f"  Because: {'; '.join(reason.rstrip('.') for reason in reasons)}.")
    if rule:
        lines.append(f"  Rule: {rule}.")
    if each.note:
        lines.append(f"  Mind: {each.note.rstrip('.')}.")
    lines.append(f"  Source: {cite(each.citation)}")
    lines.append(f"  Authority: {each.profile}; {_STATUS[each.status]}.")
    lines += [f"  Site: {words.rstrip('.')}." for words in _site(each)]
    return "\n".join(lines)


def cite(citation: Citation) -> str:
    """Return a citation in one line, with its place, its DOI and how far it was verified."""
    doi = f" doi {citation.doi}." if citation.doi else ""
    year = "" if str(citation.year) in citation.text else f" ({citation.year})"
    return f"{citation.text.rstrip('.')}{year}. {citation.locator}.{doi} [{citation.mark}: {_MARKS[citation.mark]}]"


def _numbered(number: int, each: Recommendation, count: int) -> str:
    return explain_recommendation(each) if count == 1 else f"{number}. {explain_recommendation(each)}"


def _allowed(each: Recommendation) -> str:
    """Return in one line what does not speak against an order, with its source and status."""
    draft = "DRAFT. " if each.status is Status.DRAFT else ""
    signed = f" {'; '.join(_site(each))}." if each.signatures or each.provenance else ""
    return f"  - {draft}{each.text} ({each.profile}; {_STATUS[each.status]}.{signed} {cite(each.citation)})"


def _examination(each: Recommendation) -> str:
    contrast = _CONTRAST.get(str(each.contrast), str(each.contrast)) if each.contrast else ""
    modality = "MRI" if each.modality == "MR" else str(each.modality or "").replace("_", " ")
    region = str(each.region).replace("_", " ") if each.region else ""
    series = f" ({', '.join(each.pulse_sequences)})" if each.pulse_sequences else ""
    return ", ".join(word for word in (f"{modality} {region}".strip(), contrast) if word) + series


def _when(each: Recommendation) -> Iterable[str]:
    if each.window is not None:
        yield f"Due: {each.window.target}, from {each.window.earliest} to {each.window.latest}."
    elif each.schedule:
        ends = " It may end now; a person decides." if each.then in ("", INDIVIDUALISE) else ""
        yield f"Due: nothing; every date of this schedule is past or done.{ends}"
    elif each.step == "individualise":
        yield "Due: a clinician sets the date."
    if each.suggested is not None:
        yield f"Suggested: {each.suggested} ({each.suggested_by}); a person sets the date."
    if len(each.schedule) > 1:
        dates = ", ".join(str(window.target) for window in each.schedule[:_SCHEDULE_SHOWN])
        more = len(each.schedule) - _SCHEDULE_SHOWN
        yield f"All dates: {dates}{f' and {more} more' if more > 0 else ''}."
    if each.then:
        closing = " Only a person may end this surveillance." if each.never_auto_close else ""
        then = "a clinician sets each date" if each.then == "individualise" else each.then
        yield f"Then: {then}.{closing}"


def _reasons(each: Recommendation) -> tuple[list[str], str]:
    """Part the reasons into facts and the rule; the note and the site's words have lines of their own."""
    label = f"row {each.guideline}/{each.row}"
    rules = [reason for reason in each.because if reason.startswith((f"{label}:", f"{label} ("))]
    own = {each.note, each.provenance, *rules}
    return [reason for reason in each.because if reason not in own], "".join(rules).rstrip(".")


def _site(each: Recommendation) -> Iterable[str]:
    """Yield who changed the row at the site, and each signature that holds."""
    signed = [say_signature(one) for one in each.signatures]
    changed = each.provenance
    for words in signed:
        changed = changed.replace(words, "").rstrip("; ")
    parts = changed.split(" changed at the site")[0].split(", ") if " changed at the site" in changed else []
    if "cite" not in parts and {"step", "text", "schedule", "parameter"} & set(parts):
        changed = f"{changed}. The source is that of the row as shipped"
    return [words for words in (changed, *signed) if words]


def _explain_conflict(conflict: Conflict, advice: Advice) -> str:
    """Return what each side says, a line a side, the default first."""
    sides = [each for name in conflict.recommendations for each in advice.recommendations if each.id == name]
    lines = [f"Authorities differ. {conflict.topic}:"]
    lines += [f"  - {each.profile}: {each.text}" for each in sides] or [f"  {conflict.text}"]
    lead = next((each for each in sides if each.id == conflict.default), None)
    if lead is not None and lead.default:
        lines.append(f"  The default here is {lead.profile}.")
    return "\n".join(lines)


def _explain_caution(label: str, caution: Caution) -> str:
    write = f" In the case file: {', '.join(caution.missing)}." if caution.missing else ""
    return f"{label}: {caution.text}{write}"


def _explain_undetermined(each: Undetermined, titles: Mapping[str, str], vocabulary: Mapping[str, FactSpec]) -> str:
    waiting = f" ({', '.join(each.profiles)})" if len(each.profiles) > 1 else ""
    said = f"{titles.get(each.guideline, each.guideline)}{waiting} cannot answer before this is known:"
    if not vocabulary:
        return f"{said} {' '.join(each.questions) or ', '.join(each.missing)}"
    asked = [f"  - {vocabulary[name].question} [{_write(vocabulary[name])}]" for name in each.missing]
    return "\n".join([said, *asked])


def _write(spec: FactSpec) -> str:
    """Return what to write in a case file to answer a question: the fact, and its words where the question has none."""
    if spec.type in _ANSWERS:
        return f"{spec.name}: {_ANSWERS[spec.type]}"
    if spec.type is FactType.QUANTITY:
        return f"{spec.name}: {_UNITS.get(spec.unit or '1', f'a number in {spec.unit}')}"
    if not spec.values:
        return f"{spec.name}: days, YYYY-MM-DD"
    if all(word in spec.question for word in spec.values):
        return spec.name
    if len(spec.values) > _WORDS_SHOWN:
        return f"{spec.name}: see `mriloop guidelines facts {spec.name}`"
    return f"{spec.name}: {' | '.join(spec.values)}"
