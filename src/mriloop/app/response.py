"""RESPONSE as a use case: a history of visits in, the verdict of each out."""

from __future__ import annotations

from pathlib import Path

from mriloop.edges.knowledge.histories import load_history
from mriloop.model.response import Criteria, ResponseCourse, ResponseHistory
from mriloop.stages.compare.response import assess


def response(path: Path, criteria: Criteria | None = None) -> tuple[ResponseHistory, ResponseCourse]:
    """Return a history that a file states, and what its criteria say of it; `criteria` stands in for the file's own.

    Raises SenderError `history_invalid`, `input_not_found` or `input_unreadable`.
    """
    history = load_history(path, criteria)
    return history, assess(history)
