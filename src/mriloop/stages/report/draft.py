"""Lays out a draft report of everything that is known: check, comparison, advice, case, and a person's review."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.coding import Contrast, Laterality, Region, Subject, Urgency, Weighting
from mriloop.model.comparison import Change, ChangeKind, Comparison
from mriloop.model.fact import Truth
from mriloop.model.finding import Case, Finding, Source
from mriloop.model.guideline import (
    Citation,
    Mark,
    Status,
    Step,
)
from mriloop.model.quality import SeriesCheck, Severity, StudyCheck, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.report import DraftReport, Outcome, RepeatPlan, Review
from mriloop.model.schedule import Window
from mriloop.model.study import Study
from mriloop.stages.report import sections
from mriloop.stages.report.objections import Material, object_to
from mriloop.stages.report.wording import series_name

DEFAULT_OWNER = "the referring clinician"
# A recall to repeat a scan has no guideline behind it: these are the shipped site default, and are labelled so.
REPEAT_TARGET_DAYS = 7
REPEAT_LATEST_DAYS = 14
_URGENCY = (Urgency.MINUTES, Urgency.HOURS, Urgency.DAYS, Urgency.ROUTINE)
_SCANNED = frozenset({Weighting.LOCALIZER, Weighting.SCREENSHOT})


def draft(
    *,
    study: Study,
    check: StudyCheck,
    comparison: Comparison | None,
    advice: Advice,
    case: Case | None,
    now: datetime,
    priors: Sequence[Study] = (),
    review: Review | None = None,
    owner: str = DEFAULT_OWNER,
) -> DraftReport:
    """Lay out a draft, with every objection that stands between it and a signature.

    Parameters
    ----------
    study, check, comparison, advice, case
        What the other stages found; `comparison` and `case` are None where there is none.
    now
        When the draft is made.
    priors
        The studies compared with, for their dates.
    review
        What a person decided while reading: draft again with it to mend the draft. Default: nobody has read it yet.
    owner
        Who answers for a recommendation that the review gives to nobody else; empty raises an objection.

    Returns
    -------
    DraftReport
        Sections technique, quality, comparison, findings, impression, recommendations, in this order.

    Raises
    ------
    ValueError
        When check or comparison speak of another study: a bug of the caller.
    """
    if check.study_instance_uid != study.study_instance_uid:
        raise ValueError("the check is of another study")
    if comparison is not None and comparison.today_study != study.study_instance_uid:
        raise ValueError("the comparison is of another study")
    review = review or Review()
    findings = _findings(comparison, case, review)
    recommendations = _recommendations(check, advice, case, review, now.date())
    owners = {item.id: review.owners.get(item.id, owner).strip() for item in recommendations}
    material = Material(
        study=study,
        check=check,
        comparison=comparison,
        advice=advice,
        findings=findings,
        recommendations=recommendations,
        owners=owners,
        outcome=_outcome(check, findings, recommendations, review),
        repeat=_repeat(study, check, recommendations),
        prior_dates={item.study_instance_uid: item.started_at.date() for item in priors if item.started_at is not None},
        today=now.date(),
        dated=frozenset(review.windows),
    )
    return DraftReport(
        id="report-" + hashlib.sha256(f"{study.study_instance_uid} {now.isoformat()}".encode()).hexdigest()[:12],
        study_instance_uid=study.study_instance_uid,
        patient=study.patient,
        drafted_at=now,
        sections=(
            sections.technique(material),
            sections.quality(material),
            sections.comparison(material),
            sections.findings(material),
            sections.impression(material, review.impression),
            sections.recommendations(material),
        ),
        findings=findings,
        recommendations=recommendations,
        objections=object_to(material),
        prior_studies=comparison.prior_studies if comparison is not None else (),
        study_date=study.started_at.date() if study.started_at is not None else None,
        outcome=material.outcome,
        owners=owners,
        rejected=tuple(sorted(review.rejected)),
        repeat=material.repeat,
        open_questions=tuple(
            f"{item.guideline}: {question}"
            for item in advice.undetermined
            for question in item.questions or item.missing
        ),
        disagreements=tuple(f"{item.topic}: {item.text}" for item in advice.conflicts),
    )


def _findings(comparison: Comparison | None, case: Case | None, review: Review) -> tuple[Finding, ...]:
    """Return the person's findings, then the machine's candidates; a candidate taken over becomes a person's."""
    stated = case.findings if case is not None else ()
    changes = comparison.upheld if comparison is not None else ()
    seen_on = (
        tuple(pair.today for pair in comparison.pairs if pair.alignment.accepted) if comparison is not None else ()
    )
    candidates = (_candidate(change, seen_on) for change in changes if change.kind is not ChangeKind.STABLE)
    proposals = [item for item in (*stated, *candidates) if item.id not in review.rejected]
    taken = (replace(item, source=Source.PERSON) if item.id in review.accepted else item for item in proposals)
    return tuple(sorted(taken, key=lambda item: item.source is not Source.PERSON))


def _candidate(change: Change, series: tuple[str, ...]) -> Finding:
    """Turn one change into a proposed finding; its id is `change-` and the label in the change map."""
    sides = [side for side in (Laterality.LEFT, Laterality.RIGHT) if side.value in change.location.lower().split()]
    place = f", {change.location}" if change.location else ""
    text = (
        f"{change.kind.value.capitalize()} lesion{place}: {change.diameter_mm:.1f} mm, {change.volume_ml:.2f} mL "
        f"({change.volume_change_ml:+.2f} mL)."
    )
    return Finding(
        id=f"change-{change.id}",
        text=text,
        laterality=sides[0] if len(sides) == 1 else Laterality.UNKNOWN,
        measurements={
            "diameter": Quantity(value=change.diameter_mm, unit="mm"),
            "volume": Quantity(value=change.volume_ml, unit="mL"),
            "volume_change": Quantity(value=change.volume_change_ml, unit="mL"),
            "confidence": Quantity(value=change.confidence, unit="1"),
        },
        series=series,
        position_ras_mm=change.position_ras_mm,
        source=Source.COMPARE,
    )


def _recommendations(
    check: StudyCheck, advice: Advice, case: Case | None, review: Review, today: date
) -> tuple[Recommendation, ...]:
    """Return what is recommended, most urgent first; a study that is not diagnostic always brings its repeat."""
    proposed = list(advice.recommendations)
    not_diagnostic = check.verdict is Verdict.REPEAT or review.outcome is Outcome.NOT_DIAGNOSTIC
    if not_diagnostic and not any(item.repeat_reason.startswith("R1") for item in proposed):
        proposed.append(_repeat_recommendation(check, today))
    kept = (_completed(item, check, case) for item in proposed if item.id not in review.declined)
    dated = (
        replace(item, window=review.windows[item.id], because=(*item.because, "the reader has set the window"))
        if item.id in review.windows
        else item
        for item in kept
    )
    return tuple(
        sorted(
            dated,
            key=lambda item: (_URGENCY.index(item.urgency), item.window.latest if item.window else date.max, item.id),
        )
    )


def _to_repeat(check: StudyCheck) -> tuple[SeriesCheck, ...]:
    """Return the series that CHECK would repeat; where it would none and a reader would, those it found limited."""
    for verdict in (Verdict.REPEAT, Verdict.LIMITED):
        if found := tuple(item for item in check.series if item.verdict is verdict):
            return found
    return ()


def _repeat_recommendation(check: StudyCheck, today: date) -> Recommendation:
    """Return the recall that CHECK's verdict calls for. Its window is the site default, and it says so."""
    series = _to_repeat(check)
    defects = [item for one in series for item in one.defects] + list(check.defects)
    major = [item for item in defects if item.severity is Severity.MAJOR] or defects
    codes = [_reason(item.code) for item in major]
    stopped = [code for code in codes if code.startswith("R1.incomplete")]
    names = ", ".join(series_name(item) for item in series) or "the missing series"
    actions = dict.fromkeys(item.action for item in major if item.action)
    return Recommendation(
        id="repeat",
        guideline="check",
        row=check.protocol or "verdict",
        step=Step.REPEAT_IMAGING,
        text=f"Repeat {names}.",
        because=tuple(dict.fromkeys(item.message for item in major)) or ("the study is not diagnostic",),
        citation=Citation(
            text="CHECK of this study; the window is the site's default for a recall, not a guideline's",
            year=today.year,
            locator="study verdict",
            mark=Mark.M,
        ),
        profile="site default",
        status=Status.DRAFT,
        modality="MR",
        window=Window(
            earliest=today,
            target=today + timedelta(days=REPEAT_TARGET_DAYS),
            latest=today + timedelta(days=REPEAT_LATEST_DAYS),
        ),
        actions=tuple(actions),
        repeat_reason=(stopped or codes or ["R1"])[0],
    )


def _reason(code: str) -> str:
    """Return the repeat reason of a defect: its own where it has one, motion where its name says so, else R1."""
    if code.startswith("R1"):
        return code
    return "R1.motion" if any(word in code for word in ("motion", "ghost", "blur")) else "R1"


def _completed(item: Recommendation, check: StudyCheck, case: Case | None) -> Recommendation:
    """Fill in what a repeat takes over from the study it repeats: region, and contrast where the images tell."""
    if item.modality is None or not item.repeat_reason.startswith("R1"):
        return item
    again = _to_repeat(check) or check.series
    counted = Counter(one.kind.region for one in again if one.kind.region is not Region.UNKNOWN)
    asked = case.region if case is not None and case.region is not Region.UNKNOWN else None
    given = {one.kind.contrast for one in again}
    contrast = (
        Contrast.WITHOUT_AND_WITH
        if Truth.TRUE in given
        else Contrast.WITHOUT
        if given == {Truth.FALSE}
        else item.contrast
    )
    return replace(
        item,
        region=item.region or asked or (counted.most_common(1)[0][0] if counted else None),
        contrast=item.contrast or contrast,
    )


def _repeat(study: Study, check: StudyCheck, kept: Sequence[Recommendation]) -> RepeatPlan | None:
    """Return what has to be scanned again and for how long, or None when nobody recommends a repeat."""
    if not any(item.repeat_reason.startswith("R1") for item in kept):
        return None
    again = _to_repeat(check)
    acquired = [
        item
        for item in check.series
        if item.kind.object is Subject.PATIENT and not item.kind.derived and item.kind.weighting not in _SCANNED
    ]
    durations = {
        item.series_instance_uid: item.parameters.get("AcquisitionDuration")
        for item in study.series
        if item.series_instance_uid in {one.series_instance_uid for one in again}
    }
    known = [value for value in durations.values() if isinstance(value, int | float)]
    complete = bool(again) and len(known) == len(again)
    return RepeatPlan(
        series=tuple(series_name(item) for item in again),
        whole=bool(acquired) and all(item in again for item in acquired),
        minutes=math.ceil(sum(known) / 60) if complete else None,
    )


def _outcome(check: StudyCheck, findings: Sequence[Finding], kept: Sequence[Recommendation], review: Review) -> Outcome:
    """Return the reader's word, or a machine's proposal: never NORMAL, ABNORMAL only on a person's finding."""
    if review.outcome is not None:
        return review.outcome
    if check.verdict is Verdict.REPEAT or any(item.repeat_reason.startswith("R1") for item in kept):
        return Outcome.NOT_DIAGNOSTIC
    taken_over = any(item.id in review.accepted for item in findings)
    further = any(item.repeat_reason.startswith(("R2", "R3")) for item in kept)
    return Outcome.ABNORMAL if taken_over or further else Outcome.UNSTATED
