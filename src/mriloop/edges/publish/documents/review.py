"""The document mriloop/review/1: everything that a review found, without its pictures."""

from __future__ import annotations

from mriloop.edges.publish.attention import acts, headline
from mriloop.edges.publish.documents.advice import advice_document
from mriloop.edges.publish.documents.check import check_document
from mriloop.edges.publish.documents.comparison import comparison_document
from mriloop.edges.publish.documents.plain import Document, measure, number, point, window
from mriloop.edges.publish.view import OrderView, ReviewView
from mriloop.model.communication import Letter
from mriloop.model.finding import Finding
from mriloop.model.follow_up import Clock, FollowUp
from mriloop.model.report import DraftReport, Person, VerifiedReport


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
            "age_years": number(view.study.age_years),
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
        "advice": advice_document(view.advice, view.told) if view.advice else None,
        "report": _report(view.report) if view.report else None,
        "letters": [_letter(one) for one in view.letters],
        "follow_ups": [follow_up_document(one.follow_up, one.clock) for one in view.follow_ups],
        "files": [{"label": one.label, "href": one.href, "note": one.note} for one in view.links],
        "versions": {name: view.versions[name] for name in sorted(view.versions)},
    }


def _order(order: OrderView) -> Document:
    return {
        "outcome": order.outcome,
        "order": order.order,
        "reasons": [{"code": one.code, "text": one.text, "way_out": one.way_out} for one in order.reasons],
        "questions": list(order.questions),
    }


def _finding(one: Finding) -> Document:
    return {
        "id": one.id,
        "text": one.text,
        "region": one.region.value,
        "laterality": one.laterality.value,
        "measurements": {name: measure(one.measurements[name]) for name in sorted(one.measurements)},
        "series": list(one.series),
        "position_ras_mm": point(one.position_ras_mm),
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
        "outcome": draft.outcome.value,
        "drafted_at": draft.drafted_at.isoformat(),
        "verified_by": _person(signed.verified_by) if signed else None,
        "verified_at": signed.verified_at.isoformat() if signed else None,
        "digest": signed.digest if signed else None,
        "sections": [
            {"code": one.code, "title": one.title, "paragraphs": list(one.paragraphs)} for one in draft.sections
        ],
        "findings": [_finding(one) for one in draft.findings],
        "rejected": list(draft.rejected),
        "recommendations": [one.id for one in draft.recommendations],
        "owners": {name: draft.owners[name] for name in sorted(draft.owners)},
        "open_questions": list(draft.open_questions),
        "disagreements": list(draft.disagreements),
        "objections": [
            {
                "code": one.code,
                "text": one.text,
                "remedy": one.remedy,
                "subject": one.subject,
                "overridable": one.overridable,
            }
            for one in draft.objections
        ],
        "overrides": {name: signed.overrides[name] for name in sorted(signed.overrides)} if signed else {},
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
            "fkgl": number(readability.fkgl, 3),
            "smog": number(readability.smog, 3),
            "ease": number(readability.ease, 3),
            "perspicuity": number(readability.perspicuity, 3),
            "longest_words": readability.longest_words,
        },
        "checklist": list(letter.checklist),
        "written_on": letter.written_on.isoformat() if letter.written_on else None,
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
        "window": window(owed.window),
        "modality": owed.modality,
        "region": owed.region,
        "contrast": owed.contrast,
        "plan": [window(each) for each in owed.plan],
        "then": owed.then,
        "occurrence": owed.occurrence,
        "appointment": owed.appointment.isoformat() if owed.appointment else None,
        "never_auto_close": owed.never_auto_close,
        "set_by": owed.set_by,
        "opened_on": owed.opened_on.isoformat() if owed.opened_on else None,
    }
