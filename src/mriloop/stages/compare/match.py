"""Decides which series of a prior answers which series of today, and says in words how alike the two are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mriloop.model.coding import Plane, Subject, Weighting
from mriloop.model.comparison import NotComparable, Role
from mriloop.model.difference import Difference
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.compare.likeness import (
    Likeness,
    Side,
    b_value,
    laterality,
    likeness,
    named,
    same_region,
    step_mm,
    thickness_mm,
)

__all__ = ["Proposal", "Role", "b_value", "fit_series", "match_series", "same_region", "thickness_mm", "unfit"]

Kinds = Mapping[str, SeriesKind]
_NOT_PICTURES = frozenset({Weighting.LOCALIZER, Weighting.SCREENSHOT})
_MAPS = frozenset(
    {Weighting.ADC, Weighting.FA, Weighting.FAT_FRACTION, Weighting.T1_MAP, Weighting.T2_MAP, Weighting.FIELD_MAP,
     Weighting.PHASE}
)  # fmt: skip
# A projection or a subtraction shows no anatomy at its place: nothing may be aligned to it.
_COLLAPSED = frozenset({"MIP", "MNIP", "MINIP", "PROJECTION IMAGE", "SUBTRACTION", "SUB", "COLLAGE"})
_ANATOMY = (Weighting.T1, Weighting.FLAIR, Weighting.T2, Weighting.PD, Weighting.STIR, Weighting.DIXON_WATER)
_AGENT_FOLLOWED = frozenset({Weighting.T1, Weighting.DIXON_WATER, Weighting.PERFUSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A series of today, the series of the prior that answers it best, and every difference that matters, in words.

    comparability : words, the weightiest difference first; `differences` says the same to rules
    score : higher is more alike; 10 and more without any difference
    reason : for `Role.VIEW` why nothing may be measured between the two; empty otherwise
    """

    today: str
    prior: str
    comparability: tuple[str, ...]
    score: float
    role: Role = Role.CHANGE
    differences: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def other_scanner(self) -> Truth:
        """Whether another scanner took the prior: it decides on scale in the alignment and on the norm of change."""
        if {Difference.SCANNER, Difference.FIELD_STRENGTH} & set(self.differences):
            return Truth.TRUE
        return Truth.UNKNOWN if Difference.UNSTATED in self.differences else Truth.FALSE

    @property
    def spoilt(self) -> bool:
        """Whether CHECK gave one of the two up."""
        return Difference.SPOILT in self.differences


def match_series(
    today: Study,
    today_kinds: Kinds,
    prior: Study,
    prior_kinds: Kinds,
    *,
    checks: Mapping[str, SeriesCheck] | None = None,
    view: bool = False,
    maps: bool = False,
) -> tuple[list[Proposal], list[NotComparable]]:
    """Pair the series of today with those of a prior.

    Two series are paired when they show the same thing: weighting, region, side, plane (unless both are
    three-dimensional), contrast agent, b-value and, with T2*, echo. What merely differs (scanner, thickness, phase of
    contrast agent, fat suppression, two- or three-dimensional) goes into the words. The most alike are paired first and
    leave the others to the rest; a series of today for which no free one is left shares the one that answers it best,
    which its words say, unless it is only a repetition of the series that has it. The order of the input never counts.

    Parameters
    ----------
    checks : what CHECK says, by SeriesInstanceUID: a spoilt series is paired only where no good repetition is
    view : propose, for series that stay alone, one to look at them beside (`Role.VIEW`); they stay in the second list
    maps : pair derived maps (ADC, FA, fat fraction …) with each other as well (`Role.MAP`)

    Returns
    -------
    The proposals by descending score, and every series of both visits that nothing may be measured on, with the reason.
    """
    known = checks or {}
    ours, left_out = _sides(today, today_kinds, known)
    theirs, left_out_there = _sides(prior, prior_kinds, known)
    alone = left_out | left_out_there
    table = {(a.uid, b.uid): likeness(a, b) for a in ours for b in theirs}
    pairs = _assign(ours, theirs, table)
    proposals = [_proposal(a, b, table[a.uid, b.uid], Role.CHANGE) for a, b in pairs]
    proposals += _shared(ours, theirs, table, pairs, alone)
    answered = {p.today for p in proposals} | {p.prior for p in proposals}
    for side in ours:
        if side.uid not in answered and side.uid not in alone:
            alone[side.uid] = _why_alone(side, theirs, table)
    for side in theirs:
        if side.uid not in answered:
            alone[side.uid] = _unanswered(side, ours, theirs, answered)
    if maps:
        mapped = _maps(today, today_kinds, prior, prior_kinds, known)
        proposals += mapped
        for one in mapped:
            alone.pop(one.today, None)
            alone.pop(one.prior, None)
    if view:
        proposals += _views(today, today_kinds, prior, prior_kinds, known, alone, proposals)
    proposals.sort(key=lambda p: (-p.score, p.today, p.prior))
    order = [s.series_instance_uid for study in (prior, today) for s in study.series]
    reasons = sorted(alone.items(), key=lambda one: order.index(one[0]))
    return proposals, [NotComparable(series=uid, reason=reason) for uid, reason in reasons]


def unfit(series: Series, kind: SeriesKind | None) -> str:
    """Return why a series takes no part in a comparison, or an empty string when it may."""
    if series.object is not SeriesObject.IMAGE:
        return f"not an image ({series.object.value.replace('_', ' ')})"
    if kind is None:
        return "this series has not been identified"
    if kind.weighting in _NOT_PICTURES:
        return f"a {kind.weighting.value.lower()}, not a diagnostic picture"
    if kind.derived:
        return "a derived picture: its sources are compared instead"
    if kind.object in (Subject.PHANTOM, Subject.NONE, Subject.NOT_AN_IMAGE):
        return f"shows no patient ({kind.object.value.replace('_', ' ')})"
    if kind.weighting is Weighting.UNKNOWN:
        return "what this series shows could not be established"
    return ""


def fit_series(study: Study, kinds: Kinds) -> tuple[Series, ...]:
    """Return the series of a study that take part, derived pictures where their originals were not sent included."""
    return tuple(s for s in study.series if not _unfit_here(s, kinds.get(s.series_instance_uid), study, kinds))


def _unfit_here(series: Series, kind: SeriesKind | None, study: Study, kinds: Kinds) -> str:
    """As `unfit`, but a reformatted picture counts where the study holds no original of its weighting and region."""
    reason = unfit(series, kind)
    if not reason or kind is None or not kind.derived or unfit(series, replace(kind, derived=False)):
        return reason
    if kind.weighting in _MAPS:
        return "a derived map, not a picture"
    if not _COLLAPSED.isdisjoint(_image_type(series)):
        return "a projection or subtraction: nothing in it lies at its own place"
    for other in study.series:
        its = kinds.get(other.series_instance_uid)
        if its is None or unfit(other, its) or its.weighting is not kind.weighting:
            continue
        if same_region(its.region, kind.region):
            return reason
    return ""


def _image_type(series: Series) -> frozenset[str]:
    stated = series.parameters.get("ImageType") or ()
    words = stated if isinstance(stated, tuple) else (stated,)
    framed = {word for frame in series.frames for word in frame.image_type}
    return frozenset(str(word).strip().upper() for word in (*words, *framed))


def _sides(study: Study, kinds: Kinds, checks: Mapping[str, SeriesCheck]) -> tuple[list[Side], dict[str, str]]:
    """Return what may be paired, by UID so that the order of the input does not count, and why the rest may not."""
    alone: dict[str, str] = {}
    fit: list[Side] = []
    for series in study.series:
        uid = series.series_instance_uid
        kind = kinds.get(uid)
        reason = _unfit_here(series, kind, study, kinds)
        if kind is None or reason:
            alone[uid] = reason
        else:
            fit.append(Side(series=series, kind=kind, check=checks.get(uid)))
    return sorted(_timed(fit), key=lambda s: s.uid), alone


def _timed(sides: Sequence[Side]) -> Iterator[Side]:
    """Tell every series after contrast agent how long after the first such one of the visit it began."""
    began = {
        s.uid: began
        for s in sides
        if s.kind.contrast is Truth.TRUE
        and s.kind.weighting in _AGENT_FOLLOWED
        and (began := _began_s(s.series)) is not None
    }
    first = min(began.values(), default=0.0)
    for side in sides:
        yield replace(side, since_agent_s=began[side.uid] - first) if side.uid in began else side


def _began_s(series: Series) -> float | None:
    times = [f.acquired_at_s for f in series.frames if f.acquired_at_s is not None]
    return min(times) if times else None


def _assign(
    ours: Sequence[Side], theirs: Sequence[Side], table: Mapping[tuple[str, str], Likeness]
) -> list[tuple[Side, Side]]:
    """Pair one to one, the most alike first; of equals the later runs, since a series is repeated to mend the first."""
    fitting = [(a, b) for a in ours for b in theirs if not table[a.uid, b.uid].obstacle]
    fitting.sort(key=lambda p: (-round(table[p[0].uid, p[1].uid].score, 6), -_number(*p), sorted((p[0].uid, p[1].uid))))
    taken: set[str] = set()
    pairs = []
    for a, b in fitting:
        if not {a.uid, b.uid} & taken:
            taken |= {a.uid, b.uid}
            pairs.append((a, b))
    return pairs


def _number(*sides: Side) -> int:
    return sum(s.series.series_number or 0 for s in sides)


def _shared(
    ours: Sequence[Side],
    theirs: Sequence[Side],
    table: Mapping[tuple[str, str], Likeness],
    pairs: Sequence[tuple[Side, Side]],
    alone: dict[str, str],
) -> list[Proposal]:
    """Give series of today that found all their answers taken the best of them, unless they are repetitions."""
    holder = {b.uid: a for a, b in pairs}
    paired = {a.uid for a, _ in pairs}
    proposals = []
    for side in ours:
        fitting = [b for b in theirs if not table[side.uid, b.uid].obstacle]
        if side.uid in paired or not fitting:
            continue
        best = max(fitting, key=lambda b: (table[side.uid, b.uid].score, _number(b), b.uid))
        like = table[side.uid, best.uid]
        rival = next((holder[b.uid] for b in fitting if b.uid in holder and _repeats(side, holder[b.uid])), None)
        if rival is not None:
            which = "a spoilt run" if side.spoilt else "another run"
            alone[side.uid] = f"{which} of a series that is compared already ({_shown(rival)})"
            continue
        said = (*like.words, "the series of the prior answers more than one of today's")
        shared = (*like.differences, Difference.SHARED)
        one = _proposal(side, best, like, Role.CHANGE)
        proposals.append(replace(one, comparability=said, differences=shared, score=one.score - 1.0))
    return proposals


def _repeats(one: Side, other: Side) -> bool:
    """Whether two series of one visit are runs of one scan: nothing in their headers tells them apart."""
    found = likeness(one, other)
    apart = set(found.differences) - {Difference.UNSTATED, Difference.SPOILT}
    alike = named(one.series) == named(other.series) or not (named(one.series) and named(other.series))
    return not found.obstacle and not apart and alike


def _proposal(a: Side, b: Side, like: Likeness, role: Role) -> Proposal:
    return Proposal(
        today=a.uid,
        prior=b.uid,
        comparability=like.words,
        score=like.score,
        role=role,
        differences=like.differences,
        reason=like.obstacle,
    )


def _why_alone(side: Side, theirs: Sequence[Side], table: Mapping[tuple[str, str], Likeness]) -> str:
    found = [table[side.uid, other.uid] for other in theirs]
    nearest = max(found, key=lambda one: (one.nearness, one.obstacle), default=None)
    if nearest is not None and nearest.nearness > 0.0:
        return nearest.obstacle
    shown = sorted({_name(other.kind) for other in theirs})
    if not shown:
        return "the prior holds no series to compare with"
    return f"the prior has no {_name(side.kind)} series; its {', '.join(shown)} would show other things"


def _unanswered(side: Side, ours: Sequence[Side], theirs: Sequence[Side], answered: set[str]) -> str:
    rival = next((t for t in theirs if t.uid in answered and _repeats(side, t)), None)
    if rival is not None:
        which = "a spoilt run" if side.spoilt else "another run"
        return f"{which} of a series of the prior that is compared already ({_shown(rival)})"
    if any(o.kind.weighting is side.kind.weighting for o in ours):
        return f"today's {_name(side.kind)} series are answered by others of the prior, or differ from this one"
    return f"no series of today answers this {_name(side.kind)}"


def _maps(
    today: Study, today_kinds: Kinds, prior: Study, prior_kinds: Kinds, checks: Mapping[str, SeriesCheck]
) -> list[Proposal]:
    """Pair derived maps of one kind with each other, one to one."""
    ours, theirs = (
        sorted(
            (
                Side(series=s, kind=kind, check=checks.get(s.series_instance_uid))
                for s in study.series
                if s.object is SeriesObject.IMAGE
                and (kind := kinds.get(s.series_instance_uid)) is not None
                and kind.derived
                and kind.weighting in _MAPS
                and kind.object is not Subject.PHANTOM
            ),
            key=lambda side: side.uid,
        )
        for study, kinds in ((today, today_kinds), (prior, prior_kinds))
    )
    table = {(a.uid, b.uid): likeness(a, b) for a in ours for b in theirs}
    return [_proposal(a, b, table[a.uid, b.uid], Role.MAP) for a, b in _assign(ours, theirs, table)]


def _views(
    today: Study,
    today_kinds: Kinds,
    prior: Study,
    prior_kinds: Kinds,
    checks: Mapping[str, SeriesCheck],
    alone: Mapping[str, str],
    proposals: Sequence[Proposal],
) -> list[Proposal]:
    """Propose, for every series alone that is a picture of the body, one of the other visit to see it beside."""
    ours, theirs = (
        [
            Side(series=s, kind=kinds[s.series_instance_uid], check=checks.get(s.series_instance_uid))
            for s in sorted(study.series, key=lambda s: s.series_instance_uid)
            if _to_be_seen(s, kinds.get(s.series_instance_uid))
        ]
        for study, kinds in ((today, today_kinds), (prior, prior_kinds))
    )
    found: dict[tuple[str, str], Proposal] = {}
    done = {(p.today, p.prior) for p in proposals}
    seen: set[str] = set()
    for mine, others, swap in ((ours, theirs, False), (theirs, ours, True)):
        for side in mine:
            if side.uid not in alone or side.uid in seen:
                continue
            fitting = [o for o in others if _one_place(side, o)]
            if not fitting:
                continue
            best = max(fitting, key=lambda o: (_to_view(side, o), o.uid))
            a, b = (best, side) if swap else (side, best)
            like = likeness(a, b)
            reason = like.obstacle or alone[side.uid]
            if (a.uid, b.uid) not in done:
                words = (*like.words, f"to be seen beside each other only: {reason}")
                one = replace(_proposal(a, b, like, Role.VIEW), comparability=words, reason=reason)
                found[a.uid, b.uid] = replace(one, score=_to_view(a, b) - 10.0)
                seen |= {a.uid, b.uid}
    return list(found.values())


def _to_be_seen(series: Series, kind: SeriesKind | None) -> bool:
    """Whether a series is a picture of a body that can lie in space, whatever it shows."""
    if kind is None or unfit(series, replace(kind, derived=False, weighting=Weighting.T1)):
        return False
    return kind.weighting not in _NOT_PICTURES and _COLLAPSED.isdisjoint(_image_type(series))


def _one_place(one: Side, other: Side) -> bool:
    sides = {str(laterality(s.series, s.kind.region)) for s in (one, other)}
    return same_region(one.kind.region, other.kind.region) and sides != {"left", "right"}


def _to_view(one: Side, other: Side) -> float:
    """How well two series serve to be seen beside each other (0 to 10): same kind, plane, thin slices, good anatomy."""
    score = 3.0 if one.kind.weighting is other.kind.weighting else 0.0
    score += sum(0.5 for s in (one, other) if s.kind.weighting in _ANATOMY)
    score += 2.0 if one.kind.plane is other.kind.plane is not Plane.UNKNOWN else 0.0
    score += sum(0.75 for s in (one, other) if s.kind.three_d is Truth.TRUE or (step_mm(s.series) or 9.0) < 2.0)
    score += 0.5 if named(one.series) and named(one.series) == named(other.series) else 0.0
    return score - sum(2.0 for s in (one, other) if s.spoilt) - sum(0.4 for s in (one, other) if s.kind.derived)


def _name(kind: SeriesKind) -> str:
    return kind.weighting.value


def _shown(side: Side) -> str:
    number = side.series.series_number
    return f"series {number}" if number is not None else f"…{side.uid[-10:]}"
