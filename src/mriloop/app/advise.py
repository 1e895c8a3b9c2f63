"""ADVISE as use cases: a case file in, cited next steps out; the order check; the shelf of guidelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from mriloop.app.telling import forget as forget_texts
from mriloop.app.telling import text_problems
from mriloop.edges.knowledge.cases import load_case, load_guideline_cases
from mriloop.edges.knowledge.folders import folder_of, source_text
from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.edges.knowledge.signatures import load_signatures
from mriloop.edges.knowledge.statements import load_statements
from mriloop.model.advice import Advice
from mriloop.model.errors import refuse
from mriloop.model.finding import Case, Fact
from mriloop.model.guideline import (
    Guideline,
    GuidelineCase,
    GuidelineSet,
    LintProblem,
)
from mriloop.stages.advise import (
    CaseFailure,
    Influence,
    evaluate,
    influences,
    lint,
    lint_between,
    put_together,
    run_case,
    sign_off,
    signature_problems,
)
from mriloop.stages.advise.derive import DERIVATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """One worked case beside a guideline, and what it got: `failure` is None when it got what it expects."""

    guideline: str
    case: GuidelineCase
    failure: CaseFailure | None


def guidelines_in_force(site: Path | None = None) -> GuidelineSet:
    """Return all guidelines with the site's changes and signatures laid over them. Read once a process and site.

    Raises OperatorError `knowledge_invalid`.
    """
    return _load(site)


@lru_cache(maxsize=8)
def _load(site: Path | None) -> GuidelineSet:
    known = load_guidelines(site=site)
    for name, spec in known.vocabulary.items():
        if spec.derived and spec.derived not in DERIVATIONS:
            detail = f"{name}.derived: no function derives {spec.derived!r}; leave it out"
            raise refuse("knowledge_invalid", path=site / "guidelines" / "facts" if site else "facts", detail=detail)
    return sign_off(known, load_signatures(site))


def forget() -> None:
    """Read the guidelines anew at the next question: something was written to a site folder."""
    _load.cache_clear()
    forget_texts()


def read_case(path: Path, *, site: Path | None, now: date) -> Case:
    """Return the case that a file states; `now` is the day of the question where the file names none."""
    return load_case(path, guidelines_in_force(site), today=now)


def advise_case(path: Path, *, site: Path | None, now: date) -> Advice:
    """Return the advice on a case file.

    Raises SenderError with a code `case_*` for a file that cannot be taken, OperatorError `knowledge_invalid` for
    guidelines that cannot.
    """
    return advise(read_case(path, site=site, now=now), site=site)


def advise(case: Case, *, site: Path | None, machine_facts: Mapping[str, Fact] | None = None) -> Advice:
    """Return the advice on a case, with the facts of CHECK and COMPARE beside what persons stated.

    A person's word stands above a machine's, save that of two verdicts on quality the worse counts; where they differ a
    warning says so. `machine_facts` come from `facts_from_check` and `facts_from_comparison`.
    """
    known = guidelines_in_force(site)
    facts, disagreements = put_together(machine_facts or {}, case.facts, known.vocabulary)
    advice = evaluate(known, facts, as_of=case.as_of, default_profiles=case.profiles)
    return replace(advice, warnings=(*disagreements, *advice.warnings))


def what_if(path: Path, *, site: Path | None, now: date) -> tuple[tuple[Guideline, tuple[Influence, ...]], ...]:
    """Return, for each guideline that speaks about a case file, what each single change of a fact would do.

    Raises as `advise_case` does.
    """
    known = guidelines_in_force(site)
    case = load_case(path, known, today=now)
    advice = evaluate(known, case.facts, as_of=case.as_of, default_profiles=case.profiles)
    speaking = {each.guideline for each in advice.recommendations} | {each.guideline for each in advice.undetermined}
    return tuple(
        (each, tuple(influences(each, known, case.facts, as_of=case.as_of, default_profiles=case.profiles)))
        for each in known.guidelines
        if each.id in speaking
    )


def list_guidelines(site: Path | None = None) -> tuple[Guideline, ...]:
    """Return every guideline in force, in the order of their ids."""
    return guidelines_in_force(site).guidelines


def show_guideline(name: str, site: Path | None = None) -> Guideline:
    """Return one guideline. Raises OperatorError `knowledge_unknown`."""
    found = guidelines_in_force(site).get(name)
    if found is None:
        raise refuse("knowledge_unknown", kind="guideline", name=name)
    return found


def lint_guidelines(
    site: Path | None = None, *, only: str | None = None, notes: bool = False, today: date | None = None
) -> tuple[LintProblem, ...]:
    """Return everything that is wrong with the guidelines, or with one of them; empty when nothing is.

    `notes` adds what a reader should weigh and that may be as it should be; `today` adds the site's signatures that
    have run out or lost their row.
    """
    known = guidelines_in_force(site)
    statements = frozenset(each.number for each in load_statements())
    signatures = load_signatures(site)
    problems: list[LintProblem] = []
    for guideline in known.guidelines if only is None else (show_guideline(only, site),):
        cases = load_guideline_cases(guideline.id, known, site=site)
        source = source_text(folder_of(guideline.id, site))
        problems += lint(guideline, known, cases, statements=statements, source=source)
        problems += signature_problems(guideline, signatures, today) if today is not None else ()
    named = "" if only is None else f"{only}/"
    problems += [each for each in text_problems(known, site=site) if each.where.startswith(named)]
    if only is None:
        problems += lint_between(known)
    return tuple(each for each in problems if notes or not each.note)


def test_guidelines(
    site: Path | None = None, *, only: str | None = None, progress: Callable[[str], None] = lambda name: None
) -> tuple[CaseRun, ...]:
    """Run every worked case beside the guidelines, or beside one of them."""
    known = guidelines_in_force(site)
    runs = []
    for guideline in known.guidelines if only is None else (show_guideline(only, site),):
        progress(guideline.id)
        for case in load_guideline_cases(guideline.id, known, site=site):
            runs.append(CaseRun(guideline=guideline.id, case=case, failure=run_case(guideline, case, known)))
    return tuple(runs)
