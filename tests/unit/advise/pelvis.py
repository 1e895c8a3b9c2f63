"""Putting plain facts to one guideline alone: what the tests of the adrenal, pelvic, joint and tumour packs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.values import parse_value
from mriloop.model.advice import Advice
from mriloop.model.finding import Fact, Source
from mriloop.stages.advise import evaluate

KNOWN = use_case.guidelines_in_force()
AS_OF = date(2026, 3, 1)


def ask(guideline: str, facts: Mapping[str, object], *, lead: str = "", as_of: date = AS_OF) -> Advice:
    """Return the advice of one guideline on facts written as a case file writes them; `lead` is the default profile."""
    alone = replace(KNOWN, guidelines=(KNOWN.get(guideline),), default_profiles={})
    stated = {
        name: Fact(name=name, value=parse_value(KNOWN.vocabulary[name], raw), source=Source.PERSON)
        for name, raw in facts.items()
    }
    return evaluate(alone, stated, as_of=as_of, default_profiles={guideline: lead} if lead else {})


def rows(advice: Advice) -> set[str]:
    """Return the rows that answered, as table/row."""
    return {each.row for each in advice.recommendations}


def row_of(advice: Advice, table: str) -> str:
    """Return the one row of a table that answered, or what it asks for."""
    found = [each.row.split("/")[1] for each in advice.recommendations if each.row.startswith(f"{table}/")]
    assert len(found) <= 1
    return (
        found[0]
        if found
        else "asks " + ", ".join(sorted(name for each in advice.undetermined for name in each.missing))
    )
