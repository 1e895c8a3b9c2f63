"""The JSON documents of the contract, made from the nouns: mriloop/check/1, advice/1, comparison/1 and review/1."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date
from enum import Enum
from importlib import resources
from typing import Any

from mriloop.edges.publish.attention import acts, headline
from mriloop.edges.publish.view import OrderView, ReviewView
from mriloop.model.communication import Letter
from mriloop.model.comparison import Alignment, Change, Comparison
from mriloop.model.fact import FactValue, Truth, Unknown
from mriloop.model.finding import Finding
from mriloop.model.follow_up import Clock, FollowUp
from mriloop.model.guideline import Advice, Recommendation, Window
from mriloop.model.quality import (
    Completeness,
    Defect,
    Evidence,
    MotionTrace,
    SeriesCheck,
    SeriesKind,
    StudyCheck,
)
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.report import DraftReport, Person, VerifiedReport
from mriloop.model.study import Point, Refused

Document = dict[str, Any]
NAMES = ("check", "advice", "comparison", "review")


def schema(name: str) -> Document:
    """Return the JSON Schema (2020-12) of a document: `check`, `advice`, `comparison` or `review`.

    The annotation `unit` beside a number is its UCUM code. Objects stay open: later versions add fields, never rename.
    """
    text = resources.files(__package__).joinpath("schemas", f"{name}-1.json").read_text(encoding="utf-8")
    loaded: Document = json.loads(text)
    return loaded


def check_document(checks: Sequence[StudyCheck], refused: Sequence[Refused] = ()) -> Document:
    """Return what `mriloop check --json` prints: every study with its series, and every file that was refused."""
    return {
        "schema": "mriloop/check/1",
        "studies": [_study_check(check) for check in checks],
        "refused": [{"path": one.path, "code": one.code, "message": one.message} for one in refused],
    }


def advice_document(advice: Advice) -> Document:
    """Return what `mriloop advise --json` prints. `window` is null where a person has to set the date."""
    return {
        "schema": "mriloop/advice/1",
        "recommendations": [_recommendation(one) for one in advice.recommendations],
        "undetermined": [
            {"guideline": one.guideline, "missing": list(one.missing), "questions": list(one.questions)}
            for one in advice.undetermined
        ],
        "conflicts": [
            {"topic": one.topic, "recommendations": list(one.recommendations), "text": one.text}
            for one in advice.conflicts
        ],
        "warnings": [{"code": one.code, "text": one.text} for one in advice.warnings],
        "out_of_scope": [{"guideline": one.guideline, "reason": one.reason} for one in advice.out_of_scope],
        "facts": {name: _fact(advice.facts[name]) for name in sorted(advice.facts)},
    }


def comparison_document(comparison: Comparison) -> Document:
    """Return what `mriloop compare --json` prints. Positions are RAS+ millimetres in today's patient frame."""
    return {
        "schema": "mriloop/comparison/1",
        "today_study": comparison.today_study,
        "prior_studies": list(comparison.prior_studies),
        "pairs": [
            {
                "today": pair.today,
                "prior": pair.prior,
                "comparability": list(pair.comparability),
                "alignment": _alignment(pair.alignment),
            }
            for pair in comparison.pairs
        ],
        "changes": [_change(one) for one in comparison.changes],
        "detection_limit": [
            {
                "diameter_mm": _number(one.diameter_mm),
                "contrast_percent": _number(one.contrast_percent),
                "found": _number(one.found),
            }
            for one in comparison.detection_limit
        ],
        "not_comparable": [{"series": one.series, "reason": one.reason} for one in comparison.not_comparable],
        "statement": comparison.statement,
    }


def review_document(view: ReviewView) -> Document:
    """Return `review.json`: the same context that the page shows, without its pictures."""
    top = headline(view)
    return {
        "schema": "mriloop/review/1",
        "generated_at": view.generated_at.isoformat(),
        "today": view.today.isoformat(),
        "study": {
            "label": view.study.label,
            "study_instance_uid": view.study.study_instance_uid or None,
            "description": view.study.description,
            "started_at": view.study.started_at.isoformat() if view.study.started_at else None,
            "age_years": _number(view.study.age_years),
            "sex": view.study.sex,
            "scanner": view.study.scanner,
            "question": view.study.question,
        },
        "headline": {"tone": top.tone.value, "text": top.title, "detail": top.detail},
        "needs_person": [
            {"who": act.who, "what": act.what, "why": list(act.why), "tone": act.tone.value} for act in acts(view)
        ],
        "order_check": _order(view.order) if view.order else None,
        "check": check_document((view.check,), view.refused) if view.check else None,
        "comparison": comparison_document(view.comparison) if view.comparison else None,
        "advice": advice_document(view.advice) if view.advice else None,
        "report": _report(view.report) if view.report else None,
        "letters": [_letter(one) for one in view.letters],
        "follow_ups": [follow_up_document(one.follow_up, one.clock) for one in view.follow_ups],
        "files": [{"label": one.label, "href": one.href, "note": one.note} for one in view.links],
        "versions": {name: view.versions[name] for name in sorted(view.versions)},
    }


def _number(value: float | None, digits: int = 6) -> float | int | None:
    """Round to significant digits; None for what is not a finite number, because JSON has no NaN."""
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return value
    return float(f"{float(value):.{digits}g}")


def _point(point: Point | None) -> list[float | None] | None:
    if point is None:
        return None
    return [round(float(axis), 3) + 0.0 if math.isfinite(axis) else None for axis in point]


def _window(window: Window | None) -> Document | None:
    if window is None:
        return None
    return {
        "earliest": window.earliest.isoformat(),
        "target": window.target.isoformat(),
        "latest": window.latest.isoformat(),
    }


def _word(value: Enum | None) -> str | None:
    return None if value is None else str(value.value)


def _measure(measure: Measure) -> Document:
    if isinstance(measure, NotAssessable):
        return {"not_assessable": measure.reason}
    value = _number(measure.value)
    if value is None:
        return {"not_assessable": "the computation gave no finite number"}
    return {"value": value, "unit": measure.unit}


def _fact(value: FactValue) -> Any:
    match value:
        case Truth():
            return value.answer
        case Unknown():
            return "unknown"
        case Quantity():
            return {"value": _number(value.value), "unit": value.unit}
        case tuple():
            return list(value)
        case date():
            return value.isoformat()
    return value


def _study_check(check: StudyCheck) -> Document:
    return {
        "study_instance_uid": check.study_instance_uid,
        "verdict": check.verdict.value,
        "protocol": check.protocol,
        "defects": [_defect(one) for one in check.defects],
        "series": [_series_check(one) for one in check.series],
    }


def _series_check(check: SeriesCheck) -> Document:
    return {
        "series_instance_uid": check.series_instance_uid,
        "series_number": check.series_number,
        "description": check.description,
        "kind": _kind(check.kind),
        "volumes": check.volumes,
        "verdict": check.verdict.value,
        "defects": [_defect(one) for one in check.defects],
        "measures": {name: _measure(check.measures[name]) for name in sorted(check.measures)},
        "completeness": _completeness(check.completeness),
        "motion": _motion(check.motion) if check.motion else None,
    }


def _kind(kind: SeriesKind) -> Document:
    return {
        "weighting": kind.weighting.value,
        "plane": kind.plane.value,
        "region": kind.region.value,
        "contrast": kind.contrast.answer,
        "derived": kind.derived,
        "object": kind.object.value,
        "fat_suppressed": kind.fat_suppressed.answer,
        "three_d": kind.three_d.answer,
        "basis": {name: kind.basis[name] for name in sorted(kind.basis)},
    }


def _defect(defect: Defect) -> Document:
    return {
        "code": defect.code,
        "severity": defect.severity.value,
        "message": defect.message,
        "action": defect.action,
        "evidence": [_evidence(one) for one in defect.evidence],
    }


def _evidence(evidence: Evidence) -> Document:
    def plain(value: float | str | None) -> float | str | None:
        return value if isinstance(value, str) else _number(value)

    return {
        "name": evidence.name,
        "value": plain(evidence.value),
        "unit": evidence.unit,
        "limit": plain(evidence.limit),
    }


def _completeness(completeness: Completeness | None) -> Document:
    """Return the same shape whether or not slices could be counted: what is unknown is null, never zero."""
    if completeness is None:
        return {"expected": None, "found": None, "missing": [], "basis": "slices were not counted"}
    return {
        "expected": completeness.expected,
        "found": completeness.found,
        "missing": [
            {"index": one.index, "position_ras_mm": _point(one.position_ras_mm), "volume": one.volume}
            for one in completeness.missing
        ],
        "basis": completeness.basis,
    }


def _motion(trace: MotionTrace) -> Document:
    return {
        "reference": trace.reference,
        "framewise_mm": [_number(one, 4) for one in trace.framewise_mm],
        "translations_mm": [_point(one) for one in trace.translations_mm],
        "rotations_deg": [_point(one) for one in trace.rotations_deg],
    }


def _recommendation(one: Recommendation) -> Document:
    return {
        "id": one.id,
        "guideline": one.guideline,
        "row": one.row,
        "step": one.step,
        "text": one.text,
        "modality": one.modality,
        "region": _word(one.region),
        "contrast": _word(one.contrast),
        "pulse_sequences": list(one.pulse_sequences),
        "window": _window(one.window),
        "schedule": [_window(window) for window in one.schedule],
        "then": one.then,
        "never_auto_close": one.never_auto_close,
        "urgency": one.urgency.value,
        "specialty": list(one.specialty),
        "actions": list(one.actions),
        "because": list(one.because),
        "citation": {
            "text": one.citation.text,
            "year": one.citation.year,
            "locator": one.citation.locator,
            "mark": one.citation.mark.value,
            "doi": one.citation.doi,
        },
        "profile": one.profile,
        "status": one.status.value,
        "patient_text": one.patient_text,
        "repeat_reason": one.repeat_reason,
    }


def _alignment(alignment: Alignment) -> Document:
    return {
        "method": alignment.method,
        "uncertainty_mm": _number(alignment.uncertainty_mm, 4),
        "accepted": alignment.accepted,
        "reason": alignment.reason,
        "matrix": [[_number(cell, 9) for cell in row] for row in alignment.matrix],
    }


def _change(change: Change) -> Document:
    return {
        "id": change.id,
        "kind": change.kind.value,
        "volume_ml": _number(change.volume_ml, 4),
        "volume_change_ml": _number(change.volume_change_ml, 4),
        "diameter_mm": _number(change.diameter_mm, 4),
        "position_ras_mm": _point(change.position_ras_mm),
        "confidence": _number(change.confidence, 3),
        "location": change.location,
    }


def _order(order: OrderView) -> Document:
    return {
        "outcome": order.outcome,
        "order": order.order,
        "reasons": [{"code": one.code, "text": one.text, "way_out": one.way_out} for one in order.reasons],
    }


def _finding(one: Finding) -> Document:
    return {
        "id": one.id,
        "text": one.text,
        "region": one.region.value,
        "laterality": one.laterality.value,
        "measurements": {name: _measure(one.measurements[name]) for name in sorted(one.measurements)},
        "series": list(one.series),
        "position_ras_mm": _point(one.position_ras_mm),
        "tracking_uid": one.tracking_uid,
        "source": one.source.value,
    }


def _person(person: Person) -> Document:
    return {"id": person.id, "name": person.name, "role": person.role}


def _report(report: DraftReport | VerifiedReport) -> Document:
    signed = report if isinstance(report, VerifiedReport) else None
    draft = report.draft if isinstance(report, VerifiedReport) else report
    return {
        "id": draft.id,
        "status": "verified" if signed else "draft",
        "drafted_at": draft.drafted_at.isoformat(),
        "verified_by": _person(signed.verified_by) if signed else None,
        "verified_at": signed.verified_at.isoformat() if signed else None,
        "digest": signed.digest if signed else None,
        "sections": [
            {"code": one.code, "title": one.title, "paragraphs": list(one.paragraphs)} for one in draft.sections
        ],
        "findings": [_finding(one) for one in draft.findings],
        "recommendations": [one.id for one in draft.recommendations],
        "objections": [{"code": one.code, "text": one.text, "remedy": one.remedy} for one in draft.objections],
    }


def _letter(letter: Letter) -> Document:
    readability = letter.readability
    return {
        "id": letter.id,
        "audience": letter.audience.value,
        "language": letter.language,
        "kind": letter.kind,
        "title": letter.title,
        "paragraphs": list(letter.paragraphs),
        "report_digest": letter.report_digest,
        "readability": None
        if readability is None
        else {
            "fkgl": _number(readability.fkgl, 3),
            "smog": _number(readability.smog, 3),
            "longest_words": readability.longest_words,
        },
        "checklist": list(letter.checklist),
    }


def follow_up_document(owed: FollowUp, clock: Clock) -> Document:
    """Return an owed step and where it stands against the clock, as review and worklist documents hold it."""
    return {
        "id": owed.id,
        "recommendation": owed.recommendation,
        "step": owed.step,
        "text": owed.text,
        "owner": owed.owner,
        "state": owed.state.value,
        "clock": clock.value,
        "window": _window(owed.window),
        "modality": owed.modality,
        "region": owed.region,
        "contrast": owed.contrast,
        "never_auto_close": owed.never_auto_close,
        "set_by": owed.set_by,
        "opened_on": owed.opened_on.isoformat() if owed.opened_on else None,
    }
