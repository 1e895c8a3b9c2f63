"""The signature: the only way from a draft to a verified report, and only for a named person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mriloop.model.errors import refuse
from mriloop.model.report import DraftReport, Objection, Person, VerifiedReport
from mriloop.stages.report.canonical import digest_of

SIGNING_ROLES = frozenset({"radiologist"})


def verify(
    draft: DraftReport | VerifiedReport,
    person: Person,
    at: datetime,
    *,
    overrides: Mapping[str, str] | None = None,
) -> VerifiedReport:
    """Sign a draft: the person answers for every word of it from now on.

    What the person decided, the outcome included, goes into the draft first (`Review`), so that what is signed is what
    is written.

    Parameters
    ----------
    draft, person, at
        What is signed, by whom, when (with time zone).
    overrides
        The reason for signing in spite of an objection, by `Objection.key` or, for all of one kind, by its code.

    Returns
    -------
    VerifiedReport
        With the SHA-256 of draft, person, time and overrides.

    Raises
    ------
    SenderError
        `report_signed_twice` for a report that is signed already; `report_no_person` without id, name or role;
        `report_role` for a role that may not sign; `report_not_signable` while an objection stands that is neither
        mended nor overridden with a reason.
    """
    if isinstance(draft, VerifiedReport):
        raise refuse("report_signed_twice", report=draft.draft.id)
    if not (person.id.strip() and person.name.strip() and person.role.strip()):
        raise refuse("report_no_person")
    if person.role.strip().lower() not in SIGNING_ROLES:
        raise refuse("report_role", role=person.role)
    if at.tzinfo is None:
        raise ValueError("a signature needs a time with its zone")
    reasons = {key: reason.strip() for key, reason in (overrides or {}).items() if reason.strip()}
    used = {item.key: _reason(item, reasons) for item in draft.objections}
    standing = [item for item in draft.objections if not used[item.key]]
    if standing:
        raise refuse("report_not_signable", detail="; ".join(f"{item.text} [{item.key}]" for item in standing))
    return VerifiedReport(
        draft=draft,
        verified_by=person,
        verified_at=at,
        overrides=used,
        digest=digest_of(_signed(draft, person, at, used)),
    )


def verify_digest(report: VerifiedReport) -> bool:
    """Whether the report is, to the byte, what its person signed."""
    return report.digest == digest_of(_signed(report.draft, report.verified_by, report.verified_at, report.overrides))


def _reason(objection: Objection, reasons: Mapping[str, str]) -> str:
    """Return why the person signs in spite of this objection; empty where they may not or do not."""
    if not objection.overridable:
        return ""
    return reasons.get(objection.key) or reasons.get(objection.code, "")


def _signed(draft: DraftReport, person: Person, at: datetime, overrides: Mapping[str, str]) -> object:
    """Return everything that the signature covers."""
    return {"draft": draft, "verified_by": person, "verified_at": at, "overrides": overrides}
