"""Records of one study's way through the loop, as the steps of the application write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from mriloop.model.coding import Region
from mriloop.model.follow_up import FollowUp, FollowUpState
from mriloop.model.record import Record, as_json
from mriloop.model.schedule import Window

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def window(latest: date) -> Window:
    return Window(earliest=latest - timedelta(60), target=latest - timedelta(30), latest=latest)


def follow_up(name: str, latest: date | None, owner: str = "coordinator", **words: Any) -> FollowUp:
    return FollowUp(
        **{
            "id": name,
            "patient": "p1",
            "study_instance_uid": "1.2.3",
            "recommendation": f"r-{name}",
            "step": "mri",
            "text": "MRI of the brain with contrast",
            "owner": owner,
            "state": FollowUpState.RECOMMENDED,
            "window": None if latest is None else window(latest),
            "modality": "MR",
            "region": Region.BRAIN,
            "contrast": "without_and_with",
            "set_by": "ms/monitoring",
            "opened_on": date(2026, 3, 2),
            **words,
        }
    )


def record(kind: str, subject: str = "1.2.3", minutes: int = 0, **words: Any) -> Record:
    return Record(
        **{"kind": kind, "subject": subject, "at": START + timedelta(minutes=minutes), "actor": "mriloop", **words}
    )


def opened(*items: FollowUp, **words: Any) -> Record:
    return record("followups.opened", payload={"follow_ups": as_json(items)}, patient="p1", **words)


def loop(study: str = "1.2.3", patient: str = "p1", report: str = "rep1", signed: str = "f" * 64) -> list[Record]:
    """Every kind of record, in the order of the loop."""
    first = follow_up(f"{report}-fu1", date(2026, 9, 1), patient=patient, study_instance_uid=study)
    second = follow_up(f"{report}-fu2", None, patient=patient, study_instance_uid=study, owner="dr.b")

    def about(kind: str, minutes: int, payload: object, subject: str = study, actor: str = "mriloop") -> Record:
        return record(kind, subject, minutes, patient=patient, payload=as_json(payload), actor=actor, inputs=(kind,))

    return [
        about("study.received", 0, {"series": ["1", "2"], "started_at": "2026-03-02T08:00:00", "description": "HEAD"}),
        about("study.checked", 1, {"verdict": "limited", "series": []}),
        about("prior.received", 2, {"prior": "1.2.2"}),
        about("study.compared", 3, {"changes": [{"id": 1}, {"id": 2}, {"id": 3}]}),
        about("case.stated", 4, {"facts": {}}),
        about("study.advised", 5, {"recommendations": [{"id": "r1"}], "undetermined": []}),
        about("report.drafted", 6, {"id": report, "study_instance_uid": study}, report),
        about(
            "report.verified",
            7,
            {"draft": {"study_instance_uid": study}, "verified_by": {"id": "rad1"}, "digest": signed},
            report,
            "rad1",
        ),
        about(
            "letters.written",
            8,
            {
                "letters": [
                    {
                        "id": f"{report}-l1",
                        "audience": "patient",
                        "language": "en",
                        "kind": "next_step",
                        "title": "Your next scan",
                        "report_digest": signed,
                    }
                ]
            },
        ),
        about("followups.opened", 9, {"follow_ups": [first, second]}),
        about("followup.changed", 10, {"changes": {"owner": "dr.c", "state": "scheduled"}}, first.id, "dr.c"),
        about("followup.closed", 11, {"reason": "done-in-window"}, second.id, "dr.b"),
    ]
