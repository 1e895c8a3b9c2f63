"""The worklist as a use case: what is owed, judged on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mriloop.edges.publish.documents import follow_up_document
from mriloop.edges.store import open_store
from mriloop.model.errors import MriloopError
from mriloop.model.follow_up import Clock, DueItem
from mriloop.settings import Settings
from mriloop.stages.follow_up import due_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """Open follow-ups, the most pressing first, as they stand on `today`."""

    today: date
    items: tuple[DueItem, ...]

    @property
    def overdue(self) -> bool:
        """Whether any of them is past its window."""
        return any(item.clock in (Clock.OVERDUE, Clock.NON_COMPLIANT) for item in self.items)

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/worklist/1`."""
        return {
            "schema": "mriloop/worklist/1",
            "today": self.today.isoformat(),
            "follow_ups": [follow_up_document(item.follow_up, item.clock) for item in self.items],
        }


def read_worklist(
    settings: Settings, *, today: date | None = None, owner: str | None = None, due_only: bool = False
) -> Worklist:
    """Read the open follow-ups of the store. A store that is not there yet owes nothing."""
    day = today or datetime.now().astimezone().date()
    try:
        with open_store(settings.store_place, create=False) as store:
            found = store.worklist(day, owner, due_only)
    except MriloopError as error:
        if error.code != "store_absent":
            raise
        found = ()
    return Worklist(today=day, items=due_list(found, day))
