"""The mission's statements S26 to S68 that can be computed: each is tried from all four sides."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.model.guideline import Row

KINDS = ("positive", "negative", "boundary", "unknown")
# S30 to S34 and S65 are preferences and copies of the report: COMMUNICATE is their home.
COMPUTABLE = [f"S{number}" for number in (*range(26, 30), *range(35, 65), 66, 67, 68)]


def tried() -> dict[str, Counter[str]]:
    """Return for each statement how many cases of each kind try it; only a positive case takes those of its rows."""
    known = use_case.guidelines_in_force()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for guideline in known.guidelines:
        rows: dict[str, Row] = {f"guards/{row.id}": row for row in guideline.guards}
        rows |= {f"{table.id}/{row.id}": row for table in guideline.tables for row in table.rows}
        for case in load_guideline_cases(guideline.id, known):
            carried = (
                {each for name in case.rows for each in rows[name].statements} if case.kind == "positive" else set()
            )
            for statement in {*case.statements, *carried}:
                found[statement][case.kind] += 1
    return found


TRIED = tried()


@pytest.mark.parametrize("statement", COMPUTABLE)
def test_every_computable_statement_has_a_case_of_each_kind(statement):
    assert [kind for kind in KINDS if not TRIED[statement][kind]] == []
