"""What later visits make of a verdict: confirmation, refutation, best response, and the day of progression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mriloop.model.fact import Truth
from mriloop.model.response import Category, Confirmation, NewLesion, Standing, Verdict
from mriloop.stages.compare.response.rules import Rules

RANK = {
    Category.CR: 6,
    Category.PR: 5,
    Category.MR: 4,
    Category.SD: 3,
    Category.NON_CR_NON_PD: 3,
    Category.NON_PD: 2,
    Category.PD: 1,
    Category.NE: 0,
}
# Says whether the visit with the second index bears out the progression seen at the first.
BornOut = Callable[[int, int], Truth]


@dataclass(frozen=True, slots=True)
class Summary:
    """Best response and progression of one run of visits from a baseline."""

    best: Category
    best_visit: str
    best_because: str
    progression_on: date | None = None
    progression_visit: str = ""
    progression_standing: Standing = Standing.FINAL


def settle(verdicts: tuple[Verdict, ...], rules: Rules, asked: bool, born_out: BornOut) -> tuple[Verdict, ...]:
    """Return the verdicts of one run with what later visits make of each; the first is its baseline."""
    needing = rules.confirmed | (rules.on_request if asked else frozenset())
    found: list[Verdict] = []
    for number, verdict in enumerate(verdicts):
        if verdict.category is Category.PD and verdict.confirmation.standing is Standing.PENDING:
            found.append(_progression(verdicts, number, born_out))
        elif verdict.category in needing:
            found.append(_response(verdicts, number, rules.confirm_days, needing))
        else:
            found.append(verdict)
    return _marked_after_progression(tuple(found))


def _progression(verdicts: tuple[Verdict, ...], number: int, born_out: BornOut) -> Verdict:
    verdict = verdicts[number]
    earliest = verdict.confirmation.earliest
    for later in range(number + 1, len(verdicts)):
        if earliest is not None and verdicts[later].on < earliest:
            continue
        held = born_out(number, later)
        if held is Truth.UNKNOWN:
            continue
        standing = Standing.CONFIRMED if held is Truth.TRUE else Standing.REFUTED
        return replace(
            verdict,
            confirmation=replace(verdict.confirmation, standing=standing, by_visit=verdicts[later].visit),
            counts_as=Category.PD if held is Truth.TRUE else Category.NON_PD,
        )
    return verdict


def _response(verdicts: tuple[Verdict, ...], number: int, days: int, needing: frozenset[Category]) -> Verdict:
    """Return a response with where it stands; what is not borne out counts as the best category that is."""
    verdict = verdicts[number]
    own = _sustained(verdicts, number, verdict.category, days)
    if own.standing is Standing.CONFIRMED:
        return replace(verdict, confirmation=own)
    lesser = [each for each in (Category.PR, Category.MR) if each in needing and RANK[each] < RANK[verdict.category]]
    for category in lesser:
        if _sustained(verdicts, number, category, days).standing is Standing.CONFIRMED:
            return replace(verdict, confirmation=own, counts_as=category)
    return replace(verdict, confirmation=own, counts_as=Category.SD)


def _sustained(verdicts: tuple[Verdict, ...], number: int, category: Category, days: int) -> Confirmation:
    """Return whether visits at least as good as a category follow each other for so many days around a visit.

    A visit that is not evaluable neither breaks such a run nor bears it out.
    """
    least = RANK[category]
    first = last = number
    broken = False
    for earlier in range(number - 1, 0, -1):
        if verdicts[earlier].category is Category.NE:
            continue
        if RANK[verdicts[earlier].category] < least:
            break
        first = earlier
    needs = f"a visit at least {days} days later that is {category} or better, with none worse between"
    for later in range(number + 1, len(verdicts)):
        if verdicts[later].category is Category.NE:
            continue
        if RANK[verdicts[later].category] < least:
            broken = True
            break
        last = later
    earliest = verdicts[first].on + timedelta(days=days)
    bearing = next(
        (each for each in verdicts[first : last + 1] if each.on >= earliest and RANK[each.category] >= least), None
    )
    if bearing is not None:
        by = bearing if bearing.on > verdicts[number].on else verdicts[first]
        return Confirmation(standing=Standing.CONFIRMED, needs=needs, earliest=earliest, by_visit=by.visit)
    if broken:
        worse = next(
            each.visit
            for each in verdicts[last + 1 :]
            if each.category is not Category.NE and RANK[each.category] < least
        )
        return Confirmation(standing=Standing.REFUTED, needs=needs, earliest=earliest, by_visit=worse)
    return Confirmation(standing=Standing.PENDING, needs=needs, earliest=earliest)


def _marked_after_progression(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    found, ended = [], False
    for verdict in verdicts:
        found.append(replace(verdict, after_progression=ended))
        settled = verdict.confirmation.standing in (Standing.FINAL, Standing.CONFIRMED)
        ended = ended or (verdict.category is Category.PD and settled)
    return tuple(found)


def summarise(verdicts: tuple[Verdict, ...], minimum_stable_days: int | None) -> Summary:
    """Return best response and progression of one run of settled verdicts; the first is its baseline."""
    after = verdicts[1:]
    progressed = next(
        (
            each
            for each in after
            if each.counts_as is Category.PD and each.confirmation.standing is not Standing.PENDING
        ),
        None,
    ) or next((each for each in after if each.counts_as is Category.PD), None)
    best = _best(verdicts[0].on, after, minimum_stable_days)
    if progressed is None:
        return best
    dated = _first_suspicion(after, progressed)
    return replace(
        best,
        progression_on=dated.on,
        progression_visit=dated.visit,
        progression_standing=progressed.confirmation.standing,
    )


def _first_suspicion(after: tuple[Verdict, ...], progressed: Verdict) -> Verdict:
    """Return the visit at which a new lesion was first seen, if only later visits made it certain."""
    if progressed.row != "new-lesion":
        return progressed
    dated = progressed
    for each in reversed(after[: after.index(progressed)]):
        if each.new_lesions is NewLesion.EQUIVOCAL:
            dated = each
        elif each.category is not Category.NE:
            break
    return dated


def _best(start: date, after: tuple[Verdict, ...], minimum: int | None) -> Summary:
    best, at, because = Category.NE, "", "no visit could be evaluated"
    for verdict in after:
        if verdict.after_progression:
            break
        counts = verdict.counts_as
        if (
            counts in (Category.SD, Category.NON_CR_NON_PD)
            and minimum is not None
            and (verdict.on - start).days < minimum
        ):
            continue
        if RANK[counts] > RANK[best]:
            best, at, because = counts, verdict.visit, verdict.because
    if best is Category.SD and minimum is None:
        because += "; the protocol's least duration of stable disease is not stated"
    return Summary(best, at, because)
