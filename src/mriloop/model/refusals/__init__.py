"""The one table of refusals, in the order in which work goes."""

from mriloop.model.refusals import caring, comparing, inputs, running
from mriloop.model.refusals.entry import ErrorEntry, Exit, Fault

TABLE: tuple[ErrorEntry, ...] = (*inputs.ENTRIES, *comparing.ENTRIES, *caring.ENTRIES, *running.ENTRIES)
BY_CODE: dict[str, ErrorEntry] = {entry.code: entry for entry in TABLE}

__all__ = ["BY_CODE", "TABLE", "ErrorEntry", "Exit", "Fault"]
