"""How a job says how far it is, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

# Called with the step's name, the share that is done (0 to 1), and what it is doing
Progress: TypeAlias = Callable[[str, float, str], None]
_Report: TypeAlias = Callable[[float, str], None]

_REPORT: ContextVar[_Report | None] = ContextVar("report", default=None)


def report_progress(done: float, text: str = "") -> None:
    """Say from inside a job that the share `done` (0 to 1) is done; outside of a job it says nothing to nobody."""
    report = _REPORT.get()
    if report is not None:
        report(done, text)


@contextmanager
def reporting(report: _Report) -> Iterator[None]:
    """Send what `report_progress` is told to `report` for as long as the block runs."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)
