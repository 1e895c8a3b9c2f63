"""What a set of criteria brings: how a lesion is sized, its table, what must be confirmed, and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation
from mriloop.model.response import (
    Category,
    Confirmation,
    Criteria,
    NewLesion,
    NonTarget,
    ResponseHistory,
    ResponseVisit,
    Role,
    Tissue,
    Trend,
)
from mriloop.stages.compare.response.sums import SizeOf, Sums
from mriloop.stages.compare.response.table import Answer, Condition


@dataclass(frozen=True, slots=True)
class Situation:
    """One visit as a table sees it: its sums by tissue, and the baseline visit it is held against."""

    history: ResponseHistory
    visit: ResponseVisit
    baseline: ResponseVisit
    sums: tuple[Sums, ...]

    @property
    def one(self) -> Sums:
        """The only sum of criteria that do not tell tissues apart."""
        return self.sums[0]

    @property
    def others(self) -> NonTarget:
        """What the visit says of the lesions that are not measured; NONE where the history has none."""
        if self.visit.non_target is NonTarget.NOT_ASSESSED:
            watched = any(each.role is Role.NON_TARGET for each in self.history.lesions)
            return NonTarget.NOT_ASSESSED if watched else NonTarget.NONE
        return self.visit.non_target


Judge = Callable[[Situation], Answer]
# Says of a progression whether it stands, or on which day at the earliest another visit can bear it out.
Doubt = Callable[[Situation, Answer], Confirmation]
# Says whether a later visit bears out an earlier progression: (earlier, later, answer to the later) to a Truth.
BearsOut = Callable[[Situation, Situation, Answer], Truth]


def certain(situation: Situation, said: Answer) -> Confirmation:
    """Progression stands as soon as it is seen."""
    return Confirmation()


def still_progressing(earlier: Situation, later: Situation, said: Answer) -> Truth:
    """Progression is borne out by a visit that is progression against the same nadir or a lower one."""
    if said.category is Category.NE:
        return Truth.UNKNOWN
    return Truth.TRUE if said.category is Category.PD else Truth.FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One set of criteria.

    tissues : groups of targets that are summed apart; (None,) for one sum
    judge : situation to answer; steps : drops from baseline that are PR and, where there is one, MR
    growth : share and absolute growth that are progression
    confirmed : categories that a second visit `confirm_days` later must bear out; RECIST asks for it on request
    doubt, bears_out : when progression is provisional, and what settles it
    start : the baseline where the history names none
    """

    criteria: Criteria
    title: str
    measure: str
    unit: str
    size_of: SizeOf
    judge: Judge
    citation: Citation
    response: float
    growth: tuple[float, float]
    minor: float | None = None
    tissues: tuple[Tissue | None, ...] = (None,)
    confirmed: frozenset[Category] = frozenset()
    on_request: frozenset[Category] = frozenset()
    confirm_days: int = 28
    doubt: Doubt = certain
    bears_out: BearsOut = still_progressing
    after_radiotherapy: bool = False
    cautions: tuple[str, ...] = ()
    objects: Callable[[ResponseHistory, ResponseVisit], tuple[str, ...]] = field(default=lambda history, visit: ())


def no_new_lesion(situation: Situation) -> Condition:
    """The cell "new lesions: no". An equivocal one is no progression yet; it is flagged."""
    state = situation.visit.new_lesions
    if state is NewLesion.UNKNOWN:
        return Condition(Truth.UNKNOWN, ("new lesions",))
    return Condition(Truth.FALSE if state is NewLesion.YES else Truth.TRUE)


def new_lesion(situation: Situation) -> Condition:
    """The cell "new lesions: yes"."""
    held = no_new_lesion(situation)
    return Condition(~held.holds, held.asks)


def not_worse(trend: Trend, what: str) -> Condition:
    """The cell "stable or improved"."""
    if trend is Trend.UNKNOWN:
        return Condition(Truth.UNKNOWN, (what,))
    return Condition(Truth.FALSE if trend is Trend.WORSE else Truth.TRUE)


def worse(trend: Trend, what: str) -> Condition:
    """The cell "worse"."""
    held = not_worse(trend, what)
    return Condition(~held.holds, held.asks)


def no_steroids(situation: Situation) -> Condition:
    """The cell "no corticosteroids"; physiological replacement is none."""
    dose = situation.visit.steroid_mg
    if dose is None:
        return Condition(Truth.UNKNOWN, ("dose of corticosteroids",))
    return Condition(Truth.TRUE if dose == 0 else Truth.FALSE)


def steroids_not_raised(situation: Situation) -> Condition:
    """The cell "corticosteroids stable or decreased", against the baseline."""
    dose, before = situation.visit.steroid_mg, situation.baseline.steroid_mg
    if dose == 0:
        return Condition(Truth.TRUE)
    asks: tuple[str, ...] = () if dose is not None else ("dose of corticosteroids",)
    asks += () if before is not None else (f"dose of corticosteroids at the baseline ({situation.baseline.id})",)
    if dose is None or before is None:
        return Condition(Truth.UNKNOWN, asks)
    return Condition(Truth.TRUE if dose <= before else Truth.FALSE)


def months_after(day: date, months: int) -> date:
    """Return the same day of the month so many months later, or the last day of a shorter month."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - date.resolution).day
    return date(year, month + 1, min(day.day, last))
