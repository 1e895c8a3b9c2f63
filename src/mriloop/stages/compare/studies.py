"""Compares a study with its priors: refuses what does not belong, pairs, aligns, lists changes, says what it can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.coding import Weighting
from mriloop.model.comparison import (
    Alignment,
    Comparison,
    LinkedSeries,
    NotComparable,
    PriorRole,
    SeriesPair,
)
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import (
    Loaded,
    across,
    backwards,
    itself,
    through,
    within,
)
from mriloop.stages.compare.change import ChangeMap
from mriloop.stages.compare.courses import courses
from mriloop.stages.compare.desk import Desk, Progress
from mriloop.stages.compare.listing import Listed, list_against, since
from mriloop.stages.compare.match import Proposal, match_series, unfit
from mriloop.stages.compare.pictures import PairImages, show


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """The record of a comparison and the pictures that belong to it."""

    comparison: Comparison
    images: tuple[PairImages, ...] = ()


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

    Every series of every study is tied to one reference series of today. Lesions are listed against the latest prior
    that has a FLAIR (else T2) series of the brain, and once more against the first one where that is another.
    Undated priors are taken in the order given, latest first. Raises SenderError `prior_other_patient`,
    `prior_same_study`, `prior_not_earlier` or `compare_one_series`.
    """
    refuse_strangers(today, priors, unnamed)
    tell = progress or (lambda share, step: None)
    desk = Desk(kinds=kinds, checks=checks, load=load, progress=tell, seed=seed, planted=planted)
    if len({study.patient for study in (today, *priors)}) > 1:
        desk.cautions.append("the input does not name the patient: that both visits are of one person was not verified")
    recent = sorted(priors, key=lambda p: p.started_at.timestamp() if p.started_at else 0.0, reverse=True)
    matched = [(prior, *match_series(today, kinds, prior, kinds)) for prior in recent]
    reference = _read_today(today, matched, desk)
    pairs: list[SeriesPair] = []
    unmatched: dict[str, list[str]] = {}
    for number, (prior, proposals, alone) in enumerate(matched):
        desk.progress(0.15 + 0.45 * number / max(len(matched), 1), f"aligning prior {number + 1} of {len(matched)}")
        _read_prior(prior, proposals, reference, desk)
        for one in alone:
            unmatched.setdefault(one.series, []).append(one.reason)
        pairs.extend(_pair(p, desk) for p in proposals if p.today in desk.linked and p.prior in desk.linked)
    paired = {uid for pair in pairs for uid in (pair.today, pair.prior)}
    reasons = {uid: "; ".join(dict.fromkeys(r)) for uid, r in unmatched.items() if uid not in paired} | desk.alone
    listed = list_against(pairs, recent, desk)
    first = _against_baseline(pairs, recent, listed, desk)
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
            against_baseline=first.record(PriorRole.BASELINE) if first else None,
            courses=courses(today, listed, first),
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


def _against_baseline(
    pairs: Sequence[SeriesPair], recent: Sequence[Study], listed: Listed, desk: Desk
) -> Listed | None:
    """List against the oldest prior too, None where that is the one already listed or where it cannot be used."""
    if listed.prior is None or len(recent) < 2 or recent[-1] is listed.prior:
        return None
    first = list_against(pairs, recent[-1:], desk)
    if first.change is None:
        desk.cautions.append(f"no list against the baseline: {first.said}")
        return None
    return first


def _usable(study: Study, desk: Desk) -> list[str]:
    return [s.series_instance_uid for s in study.series if not unfit(s, desk.kinds.get(s.series_instance_uid))]


def _read_today(
    today: Study, matched: Sequence[tuple[Study, list[Proposal], list[NotComparable]]], desk: Desk
) -> Loaded | None:
    """Choose the reference of today's study and tie today's other series to it."""
    usable = _usable(today, desk)
    if not usable:
        raise refuse("compare_one_series", path=today.study_instance_uid)
    wanted = {p.today for _, proposals, _ in matched for p in proposals}
    reference: Loaded | None = None
    for uid in sorted(usable, key=lambda u: -desk.worth(u, wanted)):
        desk.progress(0.02, "reading today's series")
        one = desk.read(uid, seek_brain=reference is None)
        if one is None:
            continue
        if reference is None:
            reference = one
            desk.linked[uid] = itself()
        else:
            desk.linked[uid] = within(reference, one)
    return reference


def _read_prior(prior: Study, proposals: list[Proposal], reference: Loaded | None, desk: Desk) -> None:
    """Tie the prior's reference to today's, and the prior's other series to its reference."""
    if reference is None:
        desk.alone.update(dict.fromkeys(_usable(prior, desk), "today's study gave no picture to lay it on"))
        return
    partner = {p.prior for p in proposals if p.today == reference.uid}
    bridge: Alignment | None = None
    hub: Loaded | None = None
    for uid in sorted(_usable(prior, desk), key=lambda u: -desk.worth(u, partner)):
        one = desk.read(uid, seek_brain=hub is None)
        if one is None:
            continue
        if hub is None or bridge is None:
            hub, bridge = one, across(reference, one)
            desk.linked[uid] = bridge
        else:
            desk.linked[uid] = through(within(hub, one), bridge)


def _pair(proposal: Proposal, desk: Desk) -> SeriesPair:
    alignment = through(desk.linked[proposal.prior], backwards(desk.linked[proposal.today]))
    return SeriesPair(
        today=proposal.today, prior=proposal.prior, comparability=proposal.comparability, alignment=alignment
    )


def _show(pair: SeriesPair, change: ChangeMap | None, desk: Desk) -> PairImages | None:
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
