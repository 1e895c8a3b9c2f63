"""Chooses among the priors: the baseline that a course began with, and the latest one that today can be held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.quality import SeriesCheck
from mriloop.model.study import Study
from mriloop.stages.compare.match import Kinds, Role, match_series


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """Which priors today is compared with.

    previous : the latest usable prior; baseline : the first usable one, or the one that a person named. Both are the
        same study where one alone is usable, and None where none is.
    others : all further priors, the earliest first, for courses over all visits
    reasons : for every prior, by StudyInstanceUID, what it is taken for or why it is not
    """

    previous: Study | None
    baseline: Study | None
    others: tuple[Study, ...] = ()
    reasons: Mapping[str, str]

    @property
    def chosen(self) -> tuple[Study, ...]:
        """The studies to compare with, the previous first, each once."""
        found = [s for s in (self.previous, self.baseline) if s is not None]
        return tuple(found[:1] if len(found) == 2 and found[0] is found[1] else found)


def choose_priors(
    today: Study,
    priors: Sequence[Study],
    kinds: Kinds,
    *,
    checks: Mapping[str, SeriesCheck] | None = None,
    baseline: str | None = None,
) -> Priors:
    """Choose the previous study and the baseline.

    A prior is usable when at least one of its series answers one of today's and CHECK gave up neither. Where none is,
    those are taken that answer at all, which the reasons say: to know that nothing can be told is an answer too.

    Parameters
    ----------
    priors : in the order of time where their dates are unknown; undated ones count as earlier than dated ones
    kinds, checks : as for `match_series`, of all studies
    baseline : StudyInstanceUID of the prior that a person named as the baseline

    Raises
    ------
    ValueError
        where `baseline` is none of the priors.
    """
    known = {p.study_instance_uid: p for p in priors}
    if baseline is not None and baseline not in known:
        raise ValueError("the baseline that was named is not among the priors")
    ordered = _by_time(priors)
    good: list[Study] = []
    poor: list[Study] = []
    reasons: dict[str, str] = {}
    for prior in ordered:
        uid = prior.study_instance_uid
        proposals, alone = match_series(today, kinds, prior, kinds, checks=checks)
        pairs = [p for p in proposals if p.role is Role.CHANGE]
        sound = [p for p in pairs if not p.spoilt]
        if sound:
            good.append(prior)
            reasons[uid] = f"{len(sound)} of its series answer today's"
        elif pairs:
            poor.append(prior)
            reasons[uid] = f"CHECK gave up every series that answers one of today's ({pairs[0].comparability[0]})"
        else:
            own = {s.series_instance_uid for s in prior.series}
            said = sorted({one.reason for one in alone if one.series not in own})
            reasons[uid] = "none of its series answers one of today's" + (f": {said[0]}" if said else "")
    usable = good or poor
    first = known[baseline] if baseline is not None else usable[0] if usable else None
    last = usable[-1] if usable else first
    for chosen, word in ((first, "baseline"), (last, "previous")):
        if chosen is not None:
            uid = chosen.study_instance_uid
            named = "named by a person" if word == "baseline" and baseline is not None else _why(word, usable)
            reasons[uid] = f"{word} ({named}): {reasons[uid]}"
    taken = {id(first), id(last)}
    return Priors(
        previous=last,
        baseline=first,
        others=tuple(p for p in ordered if id(p) not in taken),
        reasons=reasons,
    )


def _why(word: str, usable: Sequence[Study]) -> str:
    if len(usable) == 1:
        return "the only usable one"
    return "the first usable one" if word == "baseline" else "the last usable one"


def _by_time(priors: Sequence[Study]) -> list[Study]:
    """Order studies by their dates; those without one stay in the order given, before all others."""
    dated = [p for p in priors if p.started_at is not None]
    dated.sort(key=lambda p: (p.started_at.replace(tzinfo=None) if p.started_at else None, p.study_instance_uid))
    return [p for p in priors if p.started_at is None] + dated
