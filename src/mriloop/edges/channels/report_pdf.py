"""A report as a PDF: signed with name, time and digest, or with DRAFT across every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mriloop.edges.channels.typeset import blocks, typeset
from mriloop.model.report import DraftReport, VerifiedReport
from mriloop.model.study import Identity

_TITLE = "Magnetic resonance imaging report"


def write(
    report: DraftReport | VerifiedReport, path: Path, *, clinic: str = "", patient: Identity | None = None
) -> None:
    """Write a report as PDF/A-2a and PDF/UA-1, A4, at `path`.

    A draft says so across every page and lists what keeps it from being signed. `patient` names the patient; without
    it the report carries the pseudonym alone. Raises OperatorError `out_not_writable`.
    """
    signed = isinstance(report, VerifiedReport)
    draft = report.draft if isinstance(report, VerifiedReport) else report
    on = report.verified_at if isinstance(report, VerifiedReport) else draft.drafted_at
    data = {**_common(draft, clinic, patient), "signed": signed, **_seal(report)}
    if not signed:
        data["footer"] = f"Draft, not signed · {data['footer']}"
    typeset("report.typ", data, path, on=on.date())


def _common(draft: DraftReport, clinic: str, patient: Identity | None) -> dict[str, Any]:
    facts = [
        ("Patient", f"{patient.name} ({patient.patient_id})" if patient else draft.patient),
        ("Study", draft.study_date.isoformat() if draft.study_date else "date not recorded"),
        ("Born", patient.birth_date if patient and patient.birth_date else ""),
        ("Result", draft.outcome.value.replace("_", " ")),
    ]
    return {
        "language": "en",
        "title": _TITLE,
        "author": clinic or "mriloop",
        "clinic": clinic,
        "report_id": draft.id,
        "footer": f"Study {draft.study_instance_uid}",
        "page": "Page {page} of {pages}",
        "facts": [{"name": name, "value": value} for name, value in facts if value],
        "parts": [{"heading": item.title, "blocks": blocks(item.paragraphs)} for item in draft.sections],
        "objections": [f"{_sentence(item.text)} {_sentence(item.remedy)}" for item in draft.objections],
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _seal(report: DraftReport | VerifiedReport) -> dict[str, Any]:
    if not isinstance(report, VerifiedReport):
        return {"signature": "", "overrides": [], "digest": ""}
    person, at = report.verified_by, report.verified_at
    return {
        "signature": f"Signed by {person.name}, {person.role}, on {at:%Y-%m-%d} at {at:%H:%M %Z}.",
        "overrides": [f"{key}: {reason}" for key, reason in sorted(report.overrides.items())],
        "digest": report.digest,
    }
