"""The whole course: baselines, nadirs, verdicts and their confirmation over any number of visits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from mriloop.model.fact import Truth
from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.response import (
    Category,
    NewLesion,
    ResponseCourse,
    ResponseHistory,
    ResponseVisit,
    SumChange,
    Verdict,
)
from mriloop.stages.compare.response.confirm import Summary, settle, summarise
from mriloop.stages.compare.response.repeatability import judge_change, name_of
from mriloop.stages.compare.response.rules import Rules, Situation
from mriloop.stages.compare.response.sums import Sums, follow, targets_of
from mriloop.stages.compare.response.table import Answer


def over_visits(history: ResponseHistory, rules: Rules, known: Sequence[Repeatability] = ()) -> ResponseCourse:
    """Return the verdict of every visit of a history, in the order of their dates.

    `known` are coefficients of repeatability. Everything is made anew from the visits each time, so a corrected visit
    changes all that rests on it. Raises ValueError where the history has no visit, two visits on one day, or two of one
    name.
    """
    visits = tuple(sorted(history.visits, key=lambda each: each.on))
    if not visits:
        raise ValueError("a history needs a visit")
    if any(a.on == b.on for a, b in pairwise(visits)) or len({each.id for each in visits}) < len(visits):
        raise ValueError("two visits on one day, or of one name")
    before, runs = runs_of(visits, history, rules)
    verdicts = [_early(visit, rules) for visit in before]
    summary = Summary(Category.NE, "", "there is no baseline yet")
    objections: list[str] = []
    for run in runs:
        settled = _run(run, history, rules, known)
        summary = summarise(settled, history.minimum_stable_days)
        objections += [f"{run[0].id}: {said}" for said in rules.objects(history, run[0])]
        verdicts += settled
    return ResponseCourse(
        criteria=history.criteria,
        title=rules.title,
        measure=rules.measure,
        unit=rules.unit,
        verdicts=tuple(verdicts),
        best=summary.best,
        best_visit=summary.best_visit,
        best_because=summary.best_because,
        progression_on=summary.progression_on,
        progression_visit=summary.progression_visit,
        progression_standing=summary.progression_standing,
        objections=tuple(objections),
        cautions=rules.cautions,
    )


def runs_of(
    visits: tuple[ResponseVisit, ...], history: ResponseHistory, rules: Rules
) -> tuple[tuple[ResponseVisit, ...], list[tuple[ResponseVisit, ...]]]:
    """Return the visits before any baseline, and runs of visits that each start with a baseline."""
    starts = [number for number, visit in enumerate(visits) if visit.baseline]
    if not starts:
        ended = history.radiotherapy_ended if rules.after_radiotherapy else None
        first = next((number for number, visit in enumerate(visits) if ended is None or visit.on >= ended), None)
        starts = [] if first is None else [first]
    ends = [*starts[1:], len(visits)]
    runs = [visits[start:end] for start, end in zip(starts, ends, strict=True)] if starts else []
    return visits[: starts[0] if starts else len(visits)], runs


def _early(visit: ResponseVisit, rules: Rules) -> Verdict:
    return Verdict(
        visit=visit.id,
        on=visit.on,
        category=Category.BEFORE_BASELINE,
        counts_as=Category.BEFORE_BASELINE,
        row="before-baseline",
        because="before the baseline: it decides nothing",
        sums=(),
        citation=rules.citation,
    )


def _run(
    run: tuple[ResponseVisit, ...], history: ResponseHistory, rules: Rules, known: Sequence[Repeatability]
) -> tuple[Verdict, ...]:
    by_tissue = [follow(run, targets_of(history.lesions, tissue), rules.size_of, tissue) for tissue in rules.tissues]
    situations = [
        Situation(history, visit, run[0], tuple(sums[number] for sums in by_tissue)) for number, visit in enumerate(run)
    ]
    answers = [rules.judge(each) for each in situations]
    raw = tuple(_verdict(situation, said, rules, known) for situation, said in zip(situations, answers, strict=True))

    def born_out(earlier: int, later: int) -> Truth:
        return rules.bears_out(situations[earlier], situations[later], answers[later])

    return settle(raw, rules, history.confirm, born_out)


def _verdict(situation: Situation, said: Answer, rules: Rules, known: Sequence[Repeatability]) -> Verdict:
    visit = situation.visit
    first = visit is situation.baseline
    changes = tuple(_change(sums, rules, first) for sums in situation.sums if sums.targets)
    judged = () if first else tuple(
        judge_change(
            sums, since=since, before=before, unit=rules.unit, own=situation.history.repeatability, known=known
        )
        for sums in situation.sums
        if sums.targets
        for since, before in dict.fromkeys(
            ((sums.baseline_visit, sums.baseline), (sums.nadir_visit, sums.nadir))
        )
    )  # fmt: skip
    if first:
        said = Answer(Category.BASELINE, "baseline", "what later visits are held against")
    verdict = Verdict(
        visit=visit.id,
        on=visit.on,
        category=said.category,
        counts_as=said.category,
        row=said.row,
        because=said.because,
        sums=changes,
        citation=rules.citation,
        non_target=situation.others,
        new_lesions=visit.new_lesions,
        missing=said.missing if not first else tuple(word for each in situation.sums for word in each.asks[:1]),
        judgements=judged,
    )
    if said.category is Category.PD:
        verdict = replace(verdict, confirmation=rules.doubt(situation, said))
    return replace(verdict, flags=tuple(_flags(situation, verdict, rules)))


def _change(sums: Sums, rules: Rules, first: bool) -> SumChange:
    total = sums.now.total
    lacking = ", ".join(sums.now.missing)
    value = (
        NotAssessable(reason=f"no size of {lacking}; the rest adds up to {sums.now.at_least:.4g} {rules.unit}")
        if total is None
        else Quantity(value=total, unit=rules.unit)
    )
    return SumChange(
        tissue=sums.tissue,
        value=value,
        baseline_visit=sums.baseline_visit,
        nadir_visit=sums.nadir_visit,
        baseline=sums.baseline,
        nadir=sums.nadir,
        from_baseline_percent=None if first else _percent(total, sums.baseline),
        from_nadir_percent=None if first else _percent(total, sums.nadir),
        from_nadir=None if first or total is None or sums.nadir is None else total - sums.nadir,
    )


def _percent(now: float | None, before: float | None) -> float | None:
    return None if now is None or not before else 100 * (now - before) / before


def _flags(situation: Situation, verdict: Verdict, rules: Rules) -> Iterator[str]:
    """Yield what a reader must know of a verdict besides its category."""
    visit = situation.visit
    shares = {Category.PR: rules.response, Category.MR: rules.minor or rules.response}
    for sums in situation.sums:
        if verdict.category is Category.PD:
            since, held = sums.nadir_visit, sums.grew(*rules.growth)
        elif verdict.category in shares:
            since, held = sums.baseline_visit, sums.shrank(shares[verdict.category])
        else:
            break
        for each in verdict.judgements:
            if held is Truth.TRUE and each.judged is Judged.WITHIN and each.measure == name_of(sums, since):
                yield f"{verdict.category} by the numbers, but within measurement error: {each.because}"
    if visit.new_lesions is NewLesion.EQUIVOCAL:
        yield "an equivocal new lesion: if a later visit makes it certain, progression dates from this visit"
    lowered = situation.baseline.steroid_mg is not None and visit.steroid_mg is not None
    if lowered and verdict.category is Category.PD and (visit.steroid_mg or 0) < (situation.baseline.steroid_mg or 0):
        yield "corticosteroids are lower than at the baseline: enhancement may grow from that alone"
    thin, thick = sorted(each or 0 for each in (situation.baseline.slice_thickness_mm, visit.slice_thickness_mm))
    if thin and thick > 1.5 * thin:
        yield f"slices of {thin:g} mm and {thick:g} mm: sizes of small lesions are not comparable"
    ended: date | None = situation.history.radiotherapy_ended
    if verdict.category is Category.BASELINE and ended is not None and not 21 <= (visit.on - ended).days <= 35:
        days = (visit.on - ended).days
        yield f"{days} days after the end of radiotherapy: a baseline about 4 weeks after it is asked for"
