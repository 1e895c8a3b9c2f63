"""Compares a study with its priors: refuses what does not belong, pairs, aligns, lists changes, says what it can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mriloop.imaging.change_score import ChangeScore
from mriloop.model.comparison import (
    Comparison,
    LinkedSeries,
    NotComparable,
    PriorRole,
    Role,
    SeriesPair,
)
from mriloop.model.errors import refuse
from mriloop.model.judgement import Repeatability
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.change import ChangeMap
from mriloop.stages.compare.courses import courses
from mriloop.stages.compare.desk import Desk, Progress
from mriloop.stages.compare.judged import judge_list
from mriloop.stages.compare.listing import Listed, list_against, since
from mriloop.stages.compare.match import match_series
from mriloop.stages.compare.pictures import PairImages, show
from mriloop.stages.compare.priors import choose_priors
from mriloop.stages.compare.tie import pair_up, tie_prior, tie_today
from mriloop.stages.compare.uptake import take_up


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
        change_score=change_score,
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
    lit, lit_images = take_up(today, listed, desk)
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
            judgements=judge_list(listed, desk),
            enhancement=lit,
        ),
        images=tuple(i for i in images if i is not None) + lit_images,
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
    if not pair.alignment.accepted:
        return None
    role = "view" if change is None else "change"
    return show(role, desk.loaded[pair.today], desk.loaded[pair.prior], pair.alignment, change)
