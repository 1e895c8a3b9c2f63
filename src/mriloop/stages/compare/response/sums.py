"""Sums of target sizes, their baseline and nadir over visits, and three-valued comparisons with thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mriloop.model.fact import Truth
from mriloop.model.response import ResponseVisit, Role, Seen, Size, Tissue, TrackedLesion

# Sizes come in tenths of a millimetre; a threshold that is met exactly must not be missed by binary rounding.
_SLACK = 1e-9
SizeOf = Callable[[TrackedLesion, Size], float | None]


@dataclass(frozen=True, slots=True)
class Burden:
    """The targets of one visit: size by lesion, and the lesions whose size is not known."""

    sizes: Mapping[str, float]
    missing: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def at_least(self) -> float:
        """Sum of what was measured: the whole sum can only be larger."""
        return float(sum(self.sizes.values()))

    @property
    def total(self) -> float | None:
        """The sum, or None where a target is missing from it."""
        return None if self.missing else self.at_least


@dataclass(frozen=True, slots=True)
class Sums:
    """The sum of one group of targets at a visit beside its baseline and its nadir (smallest whole sum before)."""

    targets: tuple[TrackedLesion, ...]
    now: Burden
    baseline_visit: str
    baseline: float | None
    nadir_visit: str
    nadir: float | None
    at_nadir: Mapping[str, float]
    was_gone: bool
    tissue: Tissue | None = None

    def grew(self, share: float, absolute: float = 0.0) -> Truth:
        """Whether the sum rose from its nadir by at least this share and this much. Growth needs no whole sum."""
        if not self.targets:
            return Truth.FALSE
        if self.nadir is None:
            return Truth.UNKNOWN
        risen = self.now.at_least - self.nadir
        enough = at_least(self.now.at_least, self.nadir * (1 + share)) and at_least(risen, absolute)
        if risen > 0 and enough:
            return Truth.TRUE
        return Truth.UNKNOWN if self.now.missing else Truth.FALSE

    def shrank(self, share: float) -> Truth:
        """Whether the sum fell from its baseline by at least this share."""
        if not self.targets:
            return Truth.FALSE
        if self.baseline is None:
            return Truth.UNKNOWN
        if not at_least(self.baseline * (1 - share), self.now.at_least):
            return Truth.FALSE
        return Truth.UNKNOWN if self.now.missing else Truth.TRUE

    def all_gone(self, normal: Callable[[TrackedLesion, float], bool] = lambda lesion, size: False) -> Truth:
        """Whether no target is left, or only such as are `normal` at their size."""
        if not self.targets:
            return Truth.FALSE
        for lesion in self.targets:
            size = self.now.sizes.get(lesion.id)
            if size is not None and lesion.id not in self.now.gone and not normal(lesion, size):
                return Truth.FALSE
        return Truth.UNKNOWN if self.now.missing else Truth.TRUE

    def grew_alone(self, absolute: float) -> Truth:
        """Whether a single target rose by this much since the visit of the nadir."""
        if not self.targets:
            return Truth.FALSE
        if self.nadir is None:
            return Truth.UNKNOWN
        risen = [size - self.at_nadir[name] for name, size in self.now.sizes.items() if name in self.at_nadir]
        if any(at_least(each, absolute) for each in risen):
            return Truth.TRUE
        return Truth.UNKNOWN if self.now.missing else Truth.FALSE

    @property
    def asks(self) -> tuple[str, ...]:
        """What must be measured to complete this comparison."""
        here = tuple(f"size of {name}" for name in self.now.missing)
        if self.baseline is None:
            here += (f"size of every target at the baseline ({self.baseline_visit})",)
        return here


def at_least(value: float, limit: float) -> bool:
    """Return whether a value reaches a limit, binary rounding aside."""
    return value >= limit - _SLACK * max(abs(value), abs(limit), 1.0)


def burden(visit: ResponseVisit, targets: tuple[TrackedLesion, ...], size_of: SizeOf) -> Burden:
    """Return the sizes that a visit gives of some targets."""
    sizes: dict[str, float] = {}
    missing, gone = [], []
    for lesion in targets:
        stated = visit.sizes.get(lesion.id, Size(seen=Seen.NOT_ASSESSED))
        size = 0.0 if stated.seen is Seen.GONE else size_of(lesion, stated)
        if stated.seen is Seen.NOT_ASSESSED or size is None:
            missing.append(lesion.id)
            continue
        sizes[lesion.id] = size
        if stated.seen is Seen.GONE or size == 0:
            gone.append(lesion.id)
    return Burden(sizes, tuple(missing), tuple(gone))


def follow(
    visits: tuple[ResponseVisit, ...], targets: tuple[TrackedLesion, ...], size_of: SizeOf, tissue: Tissue | None = None
) -> tuple[Sums, ...]:
    """Return the sums of visits that start with their baseline, each held against the visits before it."""
    found: list[Sums] = []
    first = burden(visits[0], targets, size_of)
    nadir, nadir_visit, at_nadir = first.total, visits[0].id, first.sizes
    was_gone = False
    for number, visit in enumerate(visits):
        now = first if number == 0 else burden(visit, targets, size_of)
        found.append(Sums(targets, now, visits[0].id, first.total, nadir_visit, nadir, at_nadir, was_gone, tissue))
        total = now.total
        if first.total is not None and total is not None and nadir is not None and total < nadir:
            nadir, nadir_visit, at_nadir = total, visit.id, now.sizes
        was_gone = was_gone or (number > 0 and bool(targets) and not now.missing and _no_mass(targets, now))
    return tuple(found)


def _no_mass(targets: tuple[TrackedLesion, ...], now: Burden) -> bool:
    """Return whether every target that is not a lymph node is gone: nodes have a size in health."""
    masses = [lesion.id for lesion in targets if not lesion.node]
    return bool(masses) and all(name in now.gone for name in masses)


def targets_of(lesions: tuple[TrackedLesion, ...], tissue: Tissue | None = None) -> tuple[TrackedLesion, ...]:
    """Return the measured lesions, of one tissue where one is named."""
    return tuple(each for each in lesions if each.role is Role.TARGET and tissue in (None, each.tissue))
