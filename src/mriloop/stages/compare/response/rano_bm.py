"""RANO-BM for brain metastases: sum of longest diameters within the central nervous system."""

from __future__ import annotations

from mriloop.model.guideline import Citation, Mark
from mriloop.model.response import Category, Criteria, Seen, Size, TrackedLesion
from mriloop.stages.compare.response import measurable
from mriloop.stages.compare.response.rules import Rules, Situation
from mriloop.stages.compare.response.summary import judge_group
from mriloop.stages.compare.response.table import Answer

RESPONSE, GROWTH, GROWTH_MM = 0.30, 0.20, 5.0
TOO_SMALL_MM = 5.0
SOURCE = Citation(
    text="Lin et al., Response assessment criteria for brain metastases: proposal from the RANO group, Lancet Oncol "
    "16:e270",
    year=2015,
    locator="target response (PMC7251532 table 2) and summary table (PMC6499019 table 4), both reprints",
    mark=Mark.V2,
    doi="10.1016/S1470-2045(15)70057-4",
)


def size_of(lesion: TrackedLesion, size: Size) -> float | None:
    """Return the longest diameter, mm; 5 mm for what is there but too small to measure."""
    if size.longest_mm is None and size.seen is Seen.TOO_SMALL:
        return TOO_SMALL_MM
    return size.longest_mm


def judge(situation: Situation) -> Answer:
    """Return the answer of RANO-BM: growth needs the share of the sum and 5 mm of at least one lesion."""
    sums = situation.one
    return judge_group(
        situation, sums, response=RESPONSE, growth=sums.grew(GROWTH) & sums.grew_alone(GROWTH_MM),
        growth_words="sum of longest diameters at least 20 % above its nadir, one lesion by at least 5 mm",
    )  # fmt: skip


RULES = Rules(
    criteria=Criteria.RANO_BM,
    title="RANO-BM (brain metastases)",
    measure="sum of longest diameters",
    unit="mm",
    size_of=size_of,
    judge=judge,
    citation=SOURCE,
    response=RESPONSE,
    growth=(GROWTH, GROWTH_MM),
    confirmed=frozenset({Category.CR, Category.PR}),
    objects=measurable.rano_bm,
    cautions=(
        "It judges the brain alone. Under immunotherapy a new lesion by itself is no progression by RANO-BM; "
        "hold such a patient against iRANO as well.",
        "That a lesion too small to measure counts 5 mm is remembered (mark M).",
    ),
)
