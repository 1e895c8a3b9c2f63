"""Compares a study with its priors: refuses what does not belong, pairs, aligns, lists changes, says what it can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.coding import Weighting
import numpy as np

from mriloop.imaging.change_score import ChangeScore
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import (
    Comparison,
    LinkedSeries,
    NotComparable,
    PriorRole,
    Role,
    SeriesPair,
)
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.judgement import Repeatability
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import backwards, through
from mriloop.stages.compare.change import ChangeMap
from mriloop.stages.compare.courses import courses
from mriloop.stages.compare.desk import Desk, Progress
from mriloop.stages.compare.listing import Listed, list_against, since
from mriloop.stages.compare.match import match_series
from mriloop.stages.compare.pictures import PairImages, show
from mriloop.stages.compare.priors import choose_priors
from mriloop.stages.compare.tie import pair_up, tie_prior, tie_today


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """The record of a comparison and the pictures that belong to it."""

    comparison: Comparison
    images: tuple[PairImages, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Desk:
    """What lies on the desk while one study is compared."""

    kinds: Mapping[str, SeriesKind]
    checks: Mapping[str, SeriesCheck]
    load: Callable[[str], Volume | None]
    progress: Progress
    seed: int
    planted: int
    change_score: ChangeScore | None = None
    loaded: dict[str, Loaded] = field(default_factory=dict)
    linked: dict[str, Alignment] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)


def compare(
    today: Study,
    priors: Sequence[Study],
    *,
    kinds: Mapping[str, SeriesKind],
    checks: Mapping[str, SeriesCheck],
    load: Callable[[str], Volume | None],
    progress: Progress | None = None,
    unnamed: Collection[str] = (),
    seed: int = 0,
    planted: int = 16,
    baseline: str | None = None,
    same_person: bool = False,
    repeatability: Sequence[Repeatability] = (),
    change_score: ChangeScore | None = None,
) -> Compared:
    """Compare today's study with its priors.

    Parameters
    ----------
    kinds, checks : what CHECK says of the series of all studies, by SeriesInstanceUID; `checks` may be empty
    load : gives the primary volume of a series, None where there is none
    progress : told the share done (0 to 1) and the step, in words
    unnamed : StudyInstanceUIDs whose patient nobody has named (NIfTI without identity): their pseudonym proves nothing
    seed, planted : of the synthetic lesions that measure the detection limit, and how many per size and contrast
        (0: it is not measured, and the statement says so)
    baseline : StudyInstanceUID of the prior that a person names as the baseline; else the first usable one
    same_person : a person vouches that all visits are of one person, whatever the pictures say
    repeatability : how far measures repeat (`edges.knowledge`); without it no measure is judged
    change_score : the learned score of candidate changes; None: fixed rules decide, which are worse

    Every series of every study is tied to one reference series of today. Lesions are listed against the latest prior
    that has a FLAIR (else T2) series of the brain, and once more against the first one where that is another.
    Undated priors are taken in the order given, latest first. Raises SenderError `prior_other_patient`,
    `prior_same_study`, `prior_not_earlier`, `prior_other_head` or `compare_one_series`.
    """
    refuse_strangers(today, priors, unnamed)
    tell = progress or (lambda share, step: None)
    desk = Desk(
        kinds=kinds,
        checks=checks,
        load=load,
        progress=tell,
        seed=seed,
        planted=planted,
        unnamed=frozenset(unnamed),
        same_person=same_person,
        repeatability=repeatability,
    ),
    desk = _Desk(
        kinds=kinds, checks=checks, load=load, progress=tell, seed=seed, planted=planted, change_score=change_score
    )
    if len({study.patient for study in (today, *priors)}) > 1:
        desk.cautions.append("the input does not name the patient: that both visits are of one person was not verified")
    recent = sorted(priors, key=lambda p: p.started_at.timestamp() if p.started_at else 0.0, reverse=True)
    matched = [
        (prior, *match_series(today, kinds, prior, kinds, checks=checks, view=True, maps=True)) for prior in recent
    ]
    first = choose_priors(today, list(reversed(recent)), kinds, checks=checks, baseline=baseline).baseline
    reference = tie_today(today, matched, desk)
    pairs: list[SeriesPair] = []
    unmatched: dict[str, list[str]] = {}
    for number, (prior, proposals, alone) in enumerate(matched):
        desk.progress(0.15 + 0.45 * number / max(len(matched), 1), f"aligning prior {number + 1} of {len(matched)}")
        tie_prior(prior, proposals, reference, desk)
        for one in alone:
            unmatched.setdefault(one.series, []).append(one.reason)
        pairs.extend(pair_up(p, desk) for p in proposals if p.today in desk.linked and p.prior in desk.linked)
    paired = {uid for pair in pairs if pair.role is not Role.VIEW for uid in (pair.today, pair.prior)}
    reasons = {uid: "; ".join(dict.fromkeys(r)) for uid, r in unmatched.items() if uid not in paired} | desk.alone
    listed = list_against(pairs, recent, desk)
    earlier = _against_baseline(pairs, first, listed, desk)
    desk.progress(0.92, "drawing")
    images = [_show(pair, listed.change if pair is listed.pair else None, desk) for pair in pairs]
    desk.progress(1.0, "compared")
    owner = {s.series_instance_uid: study.study_instance_uid for study in (today, *recent) for s in study.series}
    return Compared(
        comparison=Comparison(
            today_study=today.study_instance_uid,
            prior_studies=tuple(p.study_instance_uid for p in recent),
            pairs=tuple(pairs),
            changes=listed.change.changes if listed.change else (),
            detection_limit=listed.limit,
            not_comparable=tuple(NotComparable(series=uid, reason=reason) for uid, reason in reasons.items()),
            statement=listed.said,
            reference=reference.uid if reference else None,
            linked=tuple(
                LinkedSeries(series=uid, study=owner[uid], alignment=alignment)
                for uid, alignment in desk.linked.items()
            ),
            changes_prior_study=owner[listed.pair.prior] if listed.pair else None,
            changes_today=listed.pair.today if listed.pair else None,
            changes_prior=listed.pair.prior if listed.pair else None,
            changes_weighting=kinds[listed.pair.today].weighting.value if listed.pair else "",
            changes_since=since(listed.prior) if listed.prior else "",
            cautions=tuple(dict.fromkeys(desk.cautions)),
            against_baseline=earlier.record(PriorRole.BASELINE) if earlier else None,
            courses=courses(today, listed, earlier),
        ),
        images=tuple(i for i in images if i is not None) + _enhancement(today, desk),
    )


def refuse_strangers(today: Study, priors: Sequence[Study], unnamed: Collection[str] = ()) -> None:
    """Raise when a prior is the study itself, another patient's, or not earlier: before any pixel is read.

    `unnamed` are the StudyInstanceUIDs whose patient nobody has named: these cannot contradict. Raises SenderError
    `prior_same_study`, `prior_other_patient`, `prior_not_earlier`; `path` of the refusal is the prior's UID.
    """
    for prior in priors:
        path = prior.study_instance_uid
        if prior.study_instance_uid == today.study_instance_uid:
            raise refuse("prior_same_study", path=path)
        named = today.study_instance_uid not in unnamed and prior.study_instance_uid not in unnamed
        if named and prior.patient != today.patient:
            raise refuse("prior_other_patient", path=path)
        if today.started_at and prior.started_at:
            first, second = prior.started_at.replace(tzinfo=None), today.started_at.replace(tzinfo=None)
            if first >= second:
                raise refuse("prior_not_earlier", path=path)


def _against_baseline(pairs: Sequence[SeriesPair], first: Study | None, listed: Listed, desk: Desk) -> Listed | None:
    """List against the baseline too, None where that is the one already listed or where it cannot be used."""
    if listed.prior is None or first is None or first is listed.prior:
        return None
    found = list_against(pairs, [first], desk)
    if found.change is None:
        desk.cautions.append(f"no list against the baseline: {found.said}")
        return None
    return found


def _show(pair: SeriesPair, change: ChangeMap | None, desk: Desk) -> PairImages | None:
def _usable(study: Study, desk: _Desk) -> list[str]:
    return [s.series_instance_uid for s in study.series if not unfit(s, desk.kinds.get(s.series_instance_uid))]


def _worth(uid: str, wanted: Collection[str], desk: _Desk) -> float:
    check = desk.checks.get(uid)
    spoilt = check is not None and check.verdict in _SPOILT
    return rank(desk.kinds[uid], 0) + (10.0 if uid in wanted else 0.0) - (20.0 if spoilt else 0.0)


def _read_today(
    today: Study, matched: Sequence[tuple[Study, list[Proposal], list[NotComparable]]], desk: _Desk
) -> Loaded | None:
    """Choose the reference of today's study and tie today's other series to it."""
    usable = _usable(today, desk)
    if not usable:
        raise refuse("compare_one_series", path=today.study_instance_uid)
    wanted = {p.today for _, proposals, _ in matched for p in proposals}
    reference: Loaded | None = None
    for uid in sorted(usable, key=lambda u: -_worth(u, wanted, desk)):
        desk.progress(0.02, "reading today's series")
        one = _read(uid, desk, seek_brain=reference is None)
        if one is None:
            continue
        if reference is None:
            reference = one
            desk.linked[uid] = itself()
        else:
            desk.linked[uid] = within(reference, one)
    return reference


def _read_prior(prior: Study, proposals: list[Proposal], reference: Loaded | None, desk: _Desk) -> None:
    """Tie the prior's reference to today's, and the prior's other series to its reference."""
    if reference is None:
        desk.alone.update(dict.fromkeys(_usable(prior, desk), "today's study gave no picture to lay it on"))
        return
    partner = {p.prior for p in proposals if p.today == reference.uid}
    bridge: Alignment | None = None
    hub: Loaded | None = None
    for uid in sorted(_usable(prior, desk), key=lambda u: -_worth(u, partner, desk)):
        one = _read(uid, desk, seek_brain=hub is None)
        if one is None:
            continue
        if hub is None or bridge is None:
            hub, bridge = one, across(reference, one)
            desk.linked[uid] = bridge
        else:
            desk.linked[uid] = through(within(hub, one), bridge)


def _pair(proposal: Proposal, desk: _Desk) -> SeriesPair:
    alignment = through(desk.linked[proposal.prior], backwards(desk.linked[proposal.today]))
    return SeriesPair(
        today=proposal.today, prior=proposal.prior, comparability=proposal.comparability, alignment=alignment
    )


def _change_pair(pairs: Sequence[SeriesPair], recent: Sequence[Study], desk: _Desk) -> tuple[SeriesPair, Study] | str:
    """Return the pair on which lesions are listed, or what to say when there is none."""
    said = "no FLAIR or T2 series of the brain is there on both visits"
    for prior in recent:
        own = {s.series_instance_uid for s in prior.series}
        for weighting in _CHANGE_WEIGHTINGS:
            fitting = [
                p
                for p in pairs
                if p.prior in own
                and desk.kinds[p.today].weighting is weighting
                and {desk.kinds[p.today].region, desk.kinds[p.prior].region} <= _CHANGE_REGIONS
            ]
            for pair in sorted(fitting, key=lambda p: -_worth(p.today, (), desk)):
                obstacle = _obstacle(pair, desk)
                if not obstacle:
                    return pair, prior
                said = f"{weighting.value}: {obstacle}"
    return cannot_tell(said)


def _obstacle(pair: SeriesPair, desk: _Desk) -> str:
    if not pair.alignment.accepted:
        return f"the two visits could not be aligned ({pair.alignment.reason})"
    for uid, visit in ((pair.today, "today's"), (pair.prior, "the prior's")):
        check = desk.checks.get(uid)
        if check is not None and check.verdict in _SPOILT:
            return f"CHECK says of {visit} series: {check.verdict.value.replace('_', ' ')}"
        if max(desk.loaded[uid].grid.spacing_mm) > 7.0:
            return f"{visit} slices are {max(desk.loaded[uid].grid.spacing_mm):.0f} mm apart"
    return ""


def _list(chosen: tuple[SeriesPair, Study] | str, desk: _Desk) -> _Listed:
    """List the changes of the chosen pair, with the detection limit and the words for both."""
    if isinstance(chosen, str):
        return _Listed(said=chosen)
    pair, prior = chosen
    today, before = (_with_brain(uid, desk) for uid in (pair.today, pair.prior))
    for one, visit in ((today, "today"), (before, "at the prior")):
        if one.brain is not None and not one.brain.trusted:
            if desk.kinds[one.uid].region is Region.UNKNOWN:
                return _Listed(said=cannot_tell(f"no brain was recognised {visit} ({one.brain.reason})"))
            desk.cautions.append(
                f"the brain could not be outlined {visit} ({one.brain.reason}): "
                "the inside of the head was used, expect more false candidates at its border"
            )
    desk.progress(0.65, "listing changes")
    try:
        change = list_changes(today, before, pair.alignment, model=desk.change_score)
    except ValueError as reason:
        return _Listed(said=cannot_tell(str(reason)))
    desk.progress(0.75, "measuring what this pair could have shown")
    rng = np.random.default_rng(desk.seed)
    limit = detection_limit(change.visits, change.seen, change.rules, rng, each=desk.planted, model=change.score)
    since = f"the prior of {prior.started_at:%Y-%m-%d}" if prior.started_at else "the prior"
    said = statement(change.changes, limit, weighting=desk.kinds[pair.today].weighting.value, since=since)
    return _Listed(said=said, pair=pair, change=change, limit=limit)


def _with_brain(uid: str, desk: _Desk) -> Loaded:
    one = desk.loaded[uid]
    if one.brain is None:
        one = load_one(one.volume, one.kind, seek_brain=True)
        desk.loaded[uid] = one
    return one


def _show(pair: SeriesPair, change: ChangeMap | None, desk: _Desk) -> PairImages | None:
    if not pair.alignment.accepted:
        return None
    role = "view" if change is None else "change"
    return show(role, desk.loaded[pair.today], desk.loaded[pair.prior], pair.alignment, change)


def _enhancement(today: Study, desk: Desk) -> tuple[PairImages, ...]:
    """Lay the series before contrast agent on the one after, for display only."""
    own = [s.series_instance_uid for s in today.series if s.series_instance_uid in desk.linked]
    t1 = [u for u in own if desk.kinds[u].weighting is Weighting.T1]
    after = [u for u in t1 if desk.kinds[u].contrast is Truth.TRUE]
    before = [u for u in t1 if desk.kinds[u].contrast is Truth.FALSE]
    shown = []
    for uid in after:
        same = [u for u in before if desk.kinds[u].plane is desk.kinds[uid].plane]
        if same:
            alignment = through(desk.linked[same[0]], backwards(desk.linked[uid]))
            if alignment.accepted:
                shown.append(show("enhancement", desk.loaded[uid], desk.loaded[same[0]], alignment, None))
    return tuple(shown)
