"""Puts facts in the words of a case file to one shipped guideline."""

from __future__ import annotations

from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.values import aliases_of, canonical_fact, parse_value
from mriloop.model.advice import Advice
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import GuidelineSet
from mriloop.stages.advise.engine import evaluate

NOW = date(2026, 3, 1)
EXAM = date(2026, 2, 20)
_KNOWN = use_case.guidelines_in_force()
_ALIASES = aliases_of(_KNOWN.vocabulary)


def ask(guideline: str, *, profile: str = "", **words: object) -> Advice:
    """Return what one guideline alone says: `words` as a case file writes them, `profile` in the lead."""
    facts = {}
    for word, raw in words.items():
        name = canonical_fact(word, _KNOWN.vocabulary, _ALIASES)
        assert name is not None, word
        facts[name] = Fact(name=name, value=parse_value(_KNOWN.vocabulary[name], raw), source=Source.PERSON)
    one = _KNOWN.get(guideline)
    assert one is not None
    alone = GuidelineSet(guidelines=(one,), vocabulary=_KNOWN.vocabulary)
    return evaluate(alone, facts, as_of=NOW, default_profiles={guideline: profile} if profile else {})


def steps(advice: Advice, table: str) -> list[str]:
    """Return the steps of one table, or of the guards."""
    return [str(each.step) for each in advice.recommendations if each.row.startswith(f"{table}/")]


def missing(advice: Advice) -> set[str]:
    """Return every fact that is asked for."""
    return {name for each in advice.undetermined for name in each.missing}


def months_after(day: date, *months: int) -> list[date]:
    """Return the days so many calendar months after a day, by dateutil."""
    return [day + relativedelta(months=each) for each in months]
