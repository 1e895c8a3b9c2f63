"""Response by volume: thresholds that are those of the area, carried over by geometry."""

from __future__ import annotations

from mriloop.model.guideline import Citation, Mark
from mriloop.model.response import Category, Criteria, Size, TrackedLesion
from mriloop.stages.compare.response.rules import Rules, Situation
from mriloop.stages.compare.response.summary import judge_group
from mriloop.stages.compare.response.table import Answer

VOLUME_RESPONSE, VOLUME_MINOR, VOLUME_GROWTH = 0.65, 0.40, 0.40
SOURCE = Citation(
    text="Volume thresholds of RANO 2.0 (Wen et al., J Clin Oncol 41:5187), by imaging alone",
    year=2023,
    locator="-65 % and +40 % as in cai4cai/rano2.0-assist; they follow from -50 % and +25 % of the area",
    mark=Mark.V2,
    doi="10.1200/JCO.23.01059",
)


def volume_of(lesion: TrackedLesion, size: Size) -> float | None:
    """Return the volume of a lesion, mL; None where it was not measured."""
    return size.volume_ml


def judge(situation: Situation) -> Answer:
    """Return the answer by volume, without the columns that only a person can fill."""
    sums = situation.one
    return judge_group(
        situation, sums, response=VOLUME_RESPONSE, growth=sums.grew(VOLUME_GROWTH),
        growth_words="volume at least 40 % above its nadir", person=False,
    )  # fmt: skip


RULES = Rules(
    criteria=Criteria.VOLUME,
    title="volumetric response (imaging alone)",
    measure="sum of volumes",
    unit="mL",
    size_of=volume_of,
    judge=judge,
    citation=SOURCE,
    response=VOLUME_RESPONSE,
    growth=(VOLUME_GROWTH, 0.0),
    on_request=frozenset({Category.CR, Category.PR}),
    cautions=("No published criteria rest on volume alone: this is a measurement beside them.",),
)
