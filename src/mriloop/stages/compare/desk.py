"""What lies on the desk while one study is compared: series, what CHECK says of them, and how they are tied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mriloop.imaging.change_score import ChangeScore
from mriloop.model.comparison import Alignment, LocalAlignment
from mriloop.model.judgement import Repeatability
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import Loaded, alignable, load_one, rank

Progress = Callable[[float, str], None]
SPOILT = frozenset({Verdict.REPEAT, Verdict.NOT_ASSESSABLE})


@dataclass(slots=True, kw_only=True)
class Desk:
    """The series of all studies by SeriesInstanceUID, loaded when they are first asked for.

    linked : the alignment of each series with the reference of today's study
    alone : why a series could not be aligned
    parts : how parts that move by themselves lie, by the series of today and of the prior
    unnamed : studies whose patient nobody has named; strangers : studies whose pictures show another head
    same_person : a person vouches that all visits are of one person, whatever the pictures say
    cautions : what a reader must know before trusting the comparison
    repeatability : how far measures repeat, as the knowledge of the house has it
    change_score : the learned score of candidate changes; None: fixed rules decide
    """

    kinds: Mapping[str, SeriesKind]
    checks: Mapping[str, SeriesCheck]
    load: Callable[[str], Volume | None]
    progress: Progress
    seed: int
    planted: int
    unnamed: frozenset[str] = frozenset()
    same_person: bool = False
    repeatability: Sequence[Repeatability] = ()
    change_score: ChangeScore | None = None
    loaded: dict[str, Loaded] = field(default_factory=dict)
    linked: dict[str, Alignment] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    parts: dict[tuple[str, str], tuple[LocalAlignment, ...]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    cautions: list[str] = field(default_factory=list)

    def read(self, uid: str, *, seek_brain: bool) -> Loaded | None:
        """Return a series, None (with the reason noted) where it has no volume that can be aligned."""
        if uid in self.loaded:
            return self.loaded[uid]
        volume = self.load(uid)
        reason = "its pixels could not be made a volume" if volume is None else alignable(volume)
        if volume is None or reason:
            self.alone[uid] = reason
            return None
        self.loaded[uid] = load_one(volume, self.kinds[uid], seek_brain=seek_brain)
        return self.loaded[uid]

    def with_brain(self, uid: str) -> Loaded:
        """Return a loaded series whose brain has been looked for."""
        one = self.loaded[uid]
        if one.brain is None:
            one = load_one(one.volume, one.kind, seek_brain=True)
            self.loaded[uid] = one
        return one

    def spoilt(self, uid: str) -> bool:
        """Tell whether CHECK says that nothing may be concluded from a series."""
        check = self.checks.get(uid)
        return check is not None and check.verdict in SPOILT

    def worth(self, uid: str, wanted: Collection[str] = ()) -> float:
        """Return how well a series serves to be aligned to (higher is better); `wanted` ones come first."""
        return rank(self.kinds[uid], 0) + (10.0 if uid in wanted else 0.0) - (20.0 if self.spoilt(uid) else 0.0)
