"""What needs a person now, and the sentence that heads the page: drawn from the whole review, most pressing first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mriloop.edges.publish.view import ReviewView
from mriloop.edges.publish.words import count, sentences, series_name, step_words
from mriloop.model.coding import Urgency
from mriloop.model.comparison import ChangeKind
from mriloop.model.follow_up import Clock
from mriloop.model.quality import Severity, Verdict
from mriloop.model.report import VerifiedReport

_HELD = ("block", "hold")


class Tone(StrEnum):
    """How loud: stop what is going on, act, answer or decide, sign or note, nothing to do."""

    STOP = "stop"
    ACT = "act"
    DECIDE = "decide"
    NOTE = "note"
    CALM = "calm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a person has to do. `who` is a role; `why` are reasons; `anchor` the part of the page about it."""

    who: str
    what: str
    why: tuple[str, ...]
    tone: Tone
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer in one line, and one sentence more."""

    tone: Tone
    title: str
    detail: str


def acts(view: ReviewView) -> tuple[Act, ...]:
    """Return what needs a person, the most pressing first; the order within one tone is that of the loop."""
    found = [*_order(view), *_warnings(view), *_quality(view), *_advice(view), *_follow_ups(view), *_reading(view)]
    return tuple(sorted(found, key=lambda act: list(Tone).index(act.tone)))


def headline(view: ReviewView) -> Headline:
    """Return the one line that answers "and now?": a blocked order first, then a repeat, then how the study reads."""
    if view.order is not None and view.order.outcome in _HELD:
        before = "a change" if view.order.outcome == "block" else "an answer"
        return Headline(
            tone=Tone.STOP,
            title="Do not scan as ordered",
            detail=f"The order “{view.order.order}” needs {before} before the patient is scanned.",
        )
    if view.check is None:
        if view.advice is not None and view.advice.recommendations:
            steps = count(len(view.advice.recommendations), "next step")
            return Headline(tone=Tone.DECIDE, title=f"{steps} proposed", detail="No images were checked.")
        return Headline(tone=Tone.NOTE, title="No images were checked", detail="This page holds what was asked for.")
    return _verdict(view, view.check.verdict)


def _verdict(view: ReviewView, verdict: Verdict) -> Headline:
    assert view.check is not None
    series = [one for one in view.check.series if one.verdict is not Verdict.NOT_AN_IMAGE]
    total = len(series)
    repeats = [
        one for one in series if one.verdict is Verdict.REPEAT and one.series_instance_uid not in view.check.superseded
    ]
    limited = sum(one.verdict is Verdict.LIMITED for one in series)
    unjudged = sum(one.verdict is Verdict.NOT_ASSESSABLE for one in series)
    limits = f"{limited} of {count(total, 'series')} can be read with limits." if limited else ""
    if verdict is Verdict.REPEAT:
        lacking = [one for one in view.check.defects if one.severity is Severity.MAJOR]
        title = f"Repeat {len(repeats)} of {count(total, 'series')}" if repeats else "The study is not complete"
        detail = sentences(lacking[0].message if lacking else "", limits)
        return Headline(tone=Tone.ACT, title=title, detail=detail or "The reasons and the action for each are below.")
    if verdict is Verdict.LIMITED:
        return Headline(tone=Tone.DECIDE, title="Readable, with limits", detail=limits or "The study lacks something.")
    if verdict is Verdict.ACCEPTABLE:
        detail = f"No defect was found that would spoil one of {count(total, 'series')}."
        if unjudged:
            detail += f" {unjudged} could not be judged."
        return Headline(tone=Tone.CALM, title="Good enough to read", detail=detail)
    if verdict is Verdict.NOT_ASSESSABLE:
        return Headline(
            tone=Tone.NOTE,
            title="Quality could not be judged",
            detail="That is neither a pass nor a failure. The reasons are given series by series.",
        )
    return Headline(tone=Tone.NOTE, title="No picture to judge", detail="The study holds no image series.")


def _order(view: ReviewView) -> Iterator[Act]:
    order = view.order
    if order is None or order.outcome == "allow":
        return
    verbs = {
        "block": "Change",
        "hold": "Hold",
        "needs_information": "Complete",
        "ask": "Ask about",
        "advise": "Reconsider",
    }
    reasons = (sentences(one.text, one.way_out) for one in order.reasons)
    yield Act(
        who="Referrer",
        what=f"{verbs[order.outcome]} the order “{order.order}”",
        why=(*reasons, *order.questions),
        tone=Tone.STOP if order.outcome in _HELD else Tone.DECIDE,
        anchor="order",
    )


def _warnings(view: ReviewView) -> Iterator[Act]:
    for caution in view.advice.warnings if view.advice else ():
        tone = Tone.STOP if caution.code.startswith("emergency") else Tone.DECIDE
        yield Act(who="Radiologist", what=caution.text, why=(), tone=tone, anchor="next")


def _quality(view: ReviewView) -> Iterator[Act]:
    if view.check is None:
        return
    for defect in view.check.defects:
        if defect.severity is Severity.MAJOR:
            what, why = (defect.action, (defect.message,)) if defect.action else (defect.message, ())
            yield Act(who="Technologist", what=what, why=why, tone=Tone.ACT, anchor="quality")
    for number, series in enumerate(view.check.series):
        if series.verdict is Verdict.REPEAT and series.series_instance_uid not in view.check.superseded:
            major = [one for one in series.defects if one.severity is Severity.MAJOR] or list(series.defects)
            actions = list(dict.fromkeys(one.action for one in major if one.action))
            yield Act(
                who="Technologist",
                what=f"Repeat {series_name(series)}",
                why=(*(one.message for one in major), *actions),
                tone=Tone.ACT,
                anchor=f"series-{number}",
            )


def _advice(view: ReviewView) -> Iterator[Act]:
    if view.advice is None:
        return
    for one in view.advice.recommendations:
        if one.urgency in (Urgency.MINUTES, Urgency.HOURS):
            who = one.specialty[0].replace("_", " ").capitalize() if one.specialty else "Referrer"
            why = (f"Within {one.urgency.value}.",)
            yield Act(who=who, what=one.text or step_words(one.step), why=why, tone=Tone.ACT, anchor="next")
    asked = list(dict.fromkeys(q for one in view.advice.undetermined for q in (one.questions or one.missing)))
    if asked:
        yield Act(
            who="Referrer",
            what=f"Answer {count(len(asked), 'question')} that guidelines have",
            why=tuple(asked),
            tone=Tone.DECIDE,
            anchor="questions",
        )
    for conflict in view.advice.conflicts:
        what = f"Choose between guidelines: {conflict.topic}"
        yield Act(who="Radiologist", what=what, why=(conflict.text,), tone=Tone.DECIDE, anchor="conflicts")


def _follow_ups(view: ReviewView) -> Iterator[Act]:
    for one in view.follow_ups:
        if one.clock in (Clock.OVERDUE, Clock.NON_COMPLIANT):
            tone, verb = Tone.ACT, "Overdue"
        elif one.clock is Clock.INDIVIDUALISE:
            tone, verb = Tone.DECIDE, "Set the date"
        elif one.clock is Clock.DUE:
            tone, verb = Tone.NOTE, "Due now"
        else:
            continue
        why = (f"Owner: {one.follow_up.owner}.",)
        what = f"{verb}: {one.follow_up.text or step_words(one.follow_up.step)}"
        yield Act(who="Coordinator", what=what, why=why, tone=tone, anchor="followups")


def _reading(view: ReviewView) -> Iterator[Act]:
    changed = [one for one in view.comparison.changes if one.kind is not ChangeKind.STABLE] if view.comparison else []
    if changed and not isinstance(view.report, VerifiedReport):
        kinds = (f"{sum(one.kind is kind for one in changed)} {kind.value}" for kind in ChangeKind)
        yield Act(
            who="Radiologist",
            what=f"Confirm or reject {count(len(changed), 'candidate change')}",
            why=(", ".join(text for text in kinds if not text.startswith("0 ")) + ".",),
            tone=Tone.DECIDE,
            anchor="changes",
        )
    if view.report is None or isinstance(view.report, VerifiedReport):
        return
    objections = view.report.objections
    if objections:
        why = tuple(sentences(one.text, one.remedy) for one in objections)
        what = f"Mend the draft report: {count(len(objections), 'thing')} to mend before it can be signed"
        yield Act(who="Radiologist", what=what, why=why, tone=Tone.DECIDE, anchor="report")
    else:
        why = ("Nothing leaves the house before that.",)
        yield Act(
            who="Radiologist", what="Read, correct and sign the draft report", why=why, tone=Tone.NOTE, anchor="report"
        )
