"""What each kind of record means for the tables that people ask: pure functions from a record to rows.

A payload mirrors the noun of the model that the step made, as `model.record.as_json` writes it:

====================  =====================  ==========================================================================
kind                  subject                payload (what the projections read; a record may carry more)
====================  =====================  ==========================================================================
``study.received``    StudyInstanceUID       `Study`: `series` (a list); `started_at`, `description` where known
``study.checked``     StudyInstanceUID       `StudyCheck`: `verdict`
``prior.received``    StudyInstanceUID       today's study; nothing is read from the payload
``study.compared``    StudyInstanceUID       `Comparison`: `changes`
``case.stated``       StudyInstanceUID       `Case`; nothing is read
``study.advised``     StudyInstanceUID       `Advice`: `recommendations`, `undetermined`
``report.drafted``    DraftReport.id         `DraftReport`: `study_instance_uid`
``report.verified``   DraftReport.id         `VerifiedReport`: `draft.study_instance_uid`, `verified_by.id`, `digest`
``letters.written``   StudyInstanceUID       `letters`: a list of `Letter`
``followups.opened``  StudyInstanceUID       `follow_ups`: a list of `FollowUp`
``followup.changed``  FollowUp.id            `changes`: the fields of `FollowUp` that have a new value
``followup.closed``   FollowUp.id            `reason`: why, in words; `changes` as above where there are any
====================  =====================  ==========================================================================

Opening a follow-up that is there already leaves it as people have made it since, and a draft that comes after the
signature leaves the report signed: running a study through the loop once more undoes nothing.

A record that lacks what is read here is a bug of the step that made it: KeyError, and nothing is recorded. Records of
other kinds are kept in the ledger and change no projection. No payload carries identity: a name lives in its own table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mriloop.model.fact import Truth
from mriloop.model.follow_up import CloseReason, FollowUp, FollowUpState, Performed
from mriloop.model.record import Json, Record, canonical_json
from mriloop.model.schedule import Window

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write this row: make it, or set these columns of the row with the same key."""

    table: str
    key: str
    row: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUnsealed(Put):
    """Write this row unless the one that is there has a value in the column `sealed_by`.

    Then it stays as it is; `refusal` names the error that this is, empty where it is none.
    """

    sealed_by: str
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Put):
    """Make this row; one that is there already stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Set these columns of the row that is there already; a row that is not there is an error."""

    table: str
    key: str
    row: Values


Effect = Put | Change


def effects(record: Record) -> tuple[Effect, ...]:
    """Return what a record changes in the projections, in order. Depends on the record alone."""
    project = _BY_KIND.get(record.kind)
    return project(record) if project else ()


def kinds() -> tuple[str, ...]:
    """Return the kinds of record that change a projection."""
    return tuple(_BY_KIND)


def follow_up_row(value: Mapping[str, Any]) -> Values:
    """Return the columns of a follow-up for those of its fields that `value`, a FollowUp as JSON, carries.

    Raises KeyError for a field that FollowUp does not have, ValueError for an unknown state or an impossible date.
    """
    row: Values = {}
    for name, item in value.items():
        if name not in FollowUp.__dataclass_fields__:
            raise KeyError(name)
        if name == "window":
            for edge in ("earliest", "target", "latest"):
                row[edge] = date.fromisoformat(item[edge]) if item else None
        elif name in _DAYS:
            row[name] = date.fromisoformat(item) if item else None
        elif name in _WHOLE:
            row[name] = canonical_json(item) if item else None
        else:
            row[name] = item
    if "state" in row:
        row["state"] = FollowUpState(row["state"]).value
    if row.get("closed_as"):
        row["closed_as"] = CloseReason(row["closed_as"]).value
    return row


def follow_up_from(row: Mapping[str, Any]) -> FollowUp:
    """Return the follow-up that a row of the table holds."""
    same = {name: row[name] for name in _PLAIN}
    performed = _read(row["performed"])
    plan = [{edge: date.fromisoformat(day) for edge, day in each.items()} for each in _read(row["plan"])]
    return FollowUp(
        **same,
        state=FollowUpState(row["state"]),
        window=_window(row),
        plan=tuple(Window(**each) for each in plan),
        specialty=tuple(_read(row["specialty"])),
        performed=_performed(performed) if performed else None,
        closed_as=CloseReason(row["closed_as"]) if row["closed_as"] else None,
        then=row["then"] or "",
        report_digest=row["report_digest"] or "",
        superseded_by=row["superseded_by"] or "",
        occurrence=row["occurrence"] or 1,
    )


_DAYS = ("opened_on", "appointment", "closed_on")
_WHOLE = ("plan", "specialty", "performed")
_PLAIN = (
    "id", "patient", "study_instance_uid", "recommendation", "step", "text", "owner", "modality", "region", "contrast",
    "never_auto_close", "set_by", *_DAYS,
)  # fmt: skip


def _read(text: str | None) -> Any:
    return json.loads(text) if text else ()


def _window(row: Mapping[str, Any]) -> Window | None:
    if row["latest"] is None:
        return None
    return Window(earliest=row["earliest"], target=row["target"], latest=row["latest"])


def _performed(value: Mapping[str, Any]) -> Performed:
    day = date.fromisoformat(value["performed_on"])
    return Performed(**{**value, "performed_on": day, "diagnostic": Truth(value["diagnostic"])})


def moment(at: datetime) -> str:
    """Return a time as the text by which tables sort it: ISO 8601, UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _study(record: Record, uid: str, **columns: object) -> Put:
    row: Values = {"study_instance_uid": uid, **columns}
    if record.patient:
        row["patient"] = record.patient
    return Put(table="study", key="study_instance_uid", row=row)


def _study_received(record: Record) -> tuple[Effect, ...]:
    payload = record.payload
    return (
        _study(
            record,
            record.subject,
            received_at=moment(record.at),
            series=_count(payload["series"]),
            started_at=payload.get("started_at"),
            description=payload.get("description"),
        ),
    )


def _study_checked(record: Record) -> tuple[Effect, ...]:
    return (_study(record, record.subject, checked_at=moment(record.at), verdict=record.payload["verdict"]),)


def _prior_received(record: Record) -> tuple[Effect, ...]:
    return (_study(record, record.subject, prior_received_at=moment(record.at)),)


def _study_compared(record: Record) -> tuple[Effect, ...]:
    found = _count(record.payload["changes"])
    return (_study(record, record.subject, compared_at=moment(record.at), changes=found),)


def _case_stated(record: Record) -> tuple[Effect, ...]:
    return (_study(record, record.subject, case_stated_at=moment(record.at)),)


def _study_advised(record: Record) -> tuple[Effect, ...]:
    payload = record.payload
    return (
        _study(
            record,
            record.subject,
            advised_at=moment(record.at),
            recommendations=_count(payload["recommendations"]),
            undetermined=_count(payload["undetermined"]),
        ),
    )


def _report_drafted(record: Record) -> tuple[Effect, ...]:
    uid = _text(record.payload["study_instance_uid"])
    row: Values = {
        "id": record.subject,
        "study_instance_uid": uid,
        "patient": record.patient,
        "drafted_at": moment(record.at),
    }
    return (
        PutUnsealed(table="report", key="id", row=row, sealed_by="verified_at"),
        _study(record, uid, drafted_at=moment(record.at)),
    )


def _report_verified(record: Record) -> tuple[Effect, ...]:
    payload = record.payload
    uid = _text(_members(payload["draft"])["study_instance_uid"])
    row: Values = {
        "id": record.subject,
        "study_instance_uid": uid,
        "patient": record.patient,
        "verified_at": moment(record.at),
        "verified_by": _members(payload["verified_by"])["id"],
        "digest": payload["digest"],
    }
    return (
        PutUnsealed(table="report", key="id", row=row, sealed_by="verified_at", refusal="report_signed_twice"),
        _study(record, uid, verified_at=moment(record.at)),
    )


def _letters_written(record: Record) -> tuple[Effect, ...]:
    letters: list[Effect] = [
        Put(
            table="letter",
            key="id",
            row={
                **{name: letter[name] for name in ("id", "audience", "language", "kind", "title", "report_digest")},
                "study_instance_uid": record.subject,
                "patient": record.patient,
                "written_at": moment(record.at),
            },
        )
        for letter in map(_members, _items(record.payload["letters"]))
    ]
    return (*letters, _study(record, record.subject, letters_written_at=moment(record.at)))


def _follow_ups_opened(record: Record) -> tuple[Effect, ...]:
    opened: list[Effect] = []
    for item in map(_members, _items(record.payload["follow_ups"])):
        row = follow_up_row(item)
        row.setdefault("opened_on", record.at.date())
        row["opened_on"] = row["opened_on"] or record.at.date()
        row["changed_at"] = moment(record.at)
        row["closed_at"] = row["changed_at"] if row["state"] == FollowUpState.CLOSED else None
        row["opens_on"] = row.get("earliest") or row["opened_on"]
        row["act_by"] = row.get("latest") or row["opened_on"]
        opened.append(Add(table="follow_up", key="id", row=row))
    return (*opened, _study(record, record.subject, follow_ups_opened_at=moment(record.at)))


def _follow_up_changed(record: Record) -> tuple[Effect, ...]:
    return (Change(table="follow_up", key="id", row=_changed_row(record, _members(record.payload["changes"]))),)


def _follow_up_closed(record: Record) -> tuple[Effect, ...]:
    changes = {**_members(record.payload.get("changes", {})), "state": FollowUpState.CLOSED.value}
    row = {**_changed_row(record, changes), "closed_because": _text(record.payload["reason"])}
    return (Change(table="follow_up", key="id", row=row),)


def _changed_row(record: Record, changes: Mapping[str, Any]) -> Values:
    row = follow_up_row(changes)
    if "id" in row:
        raise ValueError("the id of a follow-up never changes")
    row["id"] = record.subject
    row["changed_at"] = moment(record.at)
    if "latest" in row:
        row["opens_on"] = row["earliest"] or record.at.date()
        row["act_by"] = row["latest"] or record.at.date()
    if "state" in row:
        shut = row["state"] == FollowUpState.CLOSED
        row["closed_at"] = row["changed_at"] if shut else None
        if not shut:
            row["closed_because"] = None
    return row


def _items(value: Json) -> list[Json]:
    if not isinstance(value, (list, tuple)):
        raise TypeError("a list is expected here")
    return list(value)


def _members(value: Json) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("an object is expected here")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected here")
    return value


def _count(value: Json) -> int:
    return len(_items(value))


_BY_KIND: dict[str, Callable[[Record], tuple[Effect, ...]]] = {
    "study.received": _study_received,
    "study.checked": _study_checked,
    "prior.received": _prior_received,
    "study.compared": _study_compared,
    "case.stated": _case_stated,
    "study.advised": _study_advised,
    "report.drafted": _report_drafted,
    "report.verified": _report_verified,
    "letters.written": _letters_written,
    "followups.opened": _follow_ups_opened,
    "followup.changed": _follow_up_changed,
    "followup.closed": _follow_up_closed,
}
