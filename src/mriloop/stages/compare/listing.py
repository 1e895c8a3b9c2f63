"""Chooses the pair of series on which lesions are listed, lists them, and says how far the list may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mriloop.imaging.one_brain import agree
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import ChangeList, DetectionLimit, PriorRole, Role, SeriesPair
from mriloop.model.study import Study
from mriloop.stages.compare.align import MOST_UNCERTAIN_MM, Loaded
from mriloop.stages.compare.change import ChangeMap, list_changes
from mriloop.stages.compare.desk import Desk
from mriloop.stages.compare.limit import detection_limit
from mriloop.stages.compare.words import cannot_tell, statement

_WEIGHTINGS = (Weighting.FLAIR, Weighting.T2)
_REGIONS = frozenset({Region.BRAIN, Region.UNKNOWN})
_MOST_APART_MM = 7.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listed:
    """A list of changes against one prior, or only the words why there is none (`pair` and `change` are None then)."""

    said: str
    pair: SeriesPair | None = None
    prior: Study | None = None
    change: ChangeMap | None = None
    limit: tuple[DetectionLimit, ...] = ()

    def record(self, role: PriorRole) -> ChangeList | None:
        """Return the list as a record, None where none was made."""
        if self.pair is None or self.prior is None or self.change is None:
            return None
        return ChangeList(
            role=role,
            prior_study=self.prior.study_instance_uid,
            today=self.pair.today,
            prior=self.pair.prior,
            changes=self.change.changes,
            detection_limit=self.limit,
            statement=self.said,
        )


def list_against(pairs: Sequence[SeriesPair], priors: Sequence[Study], desk: Desk) -> Listed:
    """List what changed against the first of `priors` that can be used; the others are named in the cautions."""
    said = _nothing_to_list(pairs, desk)
    tried: list[tuple[Study, str]] = []
    for prior in priors:
        chosen = _choose(pairs, prior, desk)
        if isinstance(chosen, SeriesPair):
            for study, obstacle in tried:
                desk.cautions.append(f"{since(study)} could not be used: {obstacle}")
            return _list(chosen, prior, desk)
        if chosen:
            said = chosen
            tried.append((prior, chosen))
    return Listed(said=cannot_tell(said))


def _nothing_to_list(pairs: Sequence[SeriesPair], desk: Desk) -> str:
    """Return why no pair can be listed on: what is there shows another region, or has another contrast."""
    shown = {desk.kinds[p.today].region for p in pairs if p.role is Role.CHANGE} - _REGIONS
    if shown:
        regions = " and ".join(sorted(one.value.replace("_", " ") for one in shown))
        return (
            f"lesions are listed on FLAIR and T2 series of the brain alone, and these visits show the {regions}; "
            "what is followed there can be outlined and given with --mask"
        )
    return "no FLAIR or T2 series of the brain is there on both visits"


def since(prior: Study) -> str:
    """Return how a sentence names a prior."""
    return f"the prior of {prior.started_at:%Y-%m-%d}" if prior.started_at else "the prior"


def _choose(pairs: Sequence[SeriesPair], prior: Study, desk: Desk) -> SeriesPair | str:
    """Return the best usable pair with one prior, or what stands in the way (empty: there is no such pair)."""
    if prior.study_instance_uid in desk.strangers:
        return "the pictures of the prior show another head; where it is this patient's, say so with --same-person"
    said = ""
    own = {s.series_instance_uid for s in prior.series}
    for weighting in _WEIGHTINGS:
        fitting = [
            p
            for p in pairs
            if p.prior in own
            and p.role is Role.CHANGE
            and desk.kinds[p.today].weighting is weighting
            and {desk.kinds[p.today].region, desk.kinds[p.prior].region} <= _REGIONS
        ]
        for pair in sorted(fitting, key=lambda p: -desk.worth(p.today)):
            obstacle = _obstacle(pair, desk)
            if not obstacle:
                return pair
            said = f"{weighting.value}: {obstacle}"
    return said


def _obstacle(pair: SeriesPair, desk: Desk) -> str:
    if not pair.alignment.accepted:
        return f"the two visits could not be aligned ({pair.alignment.reason})"
    if pair.alignment.uncertainty_mm > MOST_UNCERTAIN_MM:
        return f"the alignment of this pair is uncertain by {pair.alignment.uncertainty_mm:.1f} mm"
    for uid, visit in ((pair.today, "today's"), (pair.prior, "the prior's")):
        if desk.spoilt(uid):
            return f"CHECK says of {visit} series: {desk.checks[uid].verdict.value.replace('_', ' ')}"
        apart = max(desk.loaded[uid].grid.spacing_mm)
        if apart > _MOST_APART_MM:
            return f"{visit} slices are {apart:.0f} mm apart"
    return ""


def _list(pair: SeriesPair, prior: Study, desk: Desk) -> Listed:
    """List the changes of the chosen pair, with the detection limit and the words for both."""
    found = _one_brain(pair, desk)
    if isinstance(found, str):
        return Listed(said=cannot_tell(found))
    today, before = found
    if desk.kinds[pair.today].weighting is not Weighting.FLAIR:
        desk.cautions.append("the score of changes was trained on FLAIR; on other weightings it has not been measured")
    desk.progress(0.65, "listing changes")
    try:
        change = list_changes(today, before, pair.alignment, model=desk.change_score)
    except ValueError as reason:
        return Listed(said=cannot_tell(str(reason)))
    desk.progress(0.75, "measuring what this pair could have shown")
    rng = np.random.default_rng(desk.seed)
    limit = detection_limit(change.visits, change.seen, change.rules, rng, each=desk.planted, model=change.score)
    weighting = desk.kinds[pair.today].weighting.value
    said = statement(change.changes, limit, weighting=weighting, since=since(prior), differs=pair.comparability)
    return Listed(said=said, pair=pair, prior=prior, change=change, limit=limit)


def _one_brain(pair: SeriesPair, desk: Desk) -> tuple[Loaded, Loaded] | str:
    """Return both series with the one brain that they share, or why none was recognised."""
    today, before = (desk.with_brain(uid) for uid in (pair.today, pair.prior))
    assert today.brain is not None
    assert before.brain is not None
    for one, visit in ((today, "today"), (before, "at the prior")):
        if one.brain is not None and not one.brain.trusted and desk.kinds[one.uid].region is Region.UNKNOWN:
            return f"no brain was recognised {visit} ({one.brain.reason})"
    shared = agree(today.brain, today.grid, before.brain, before.grid, np.array(pair.alignment.matrix))
    if not (today.brain.trusted or before.brain.trusted):
        desk.cautions.append(
            f"the brain could not be outlined at either visit ({today.brain.reason}): "
            "the inside of the head was used, expect more false candidates at its border"
        )
    elif shared.caution:
        desk.cautions.append(shared.caution)
    return (
        replace(today, brain=replace(today.brain, mask=shared.today)),
        replace(before, brain=replace(before.brain, mask=shared.prior)),
    )
