"""RANO 2010 for high-grade glioma, iRANO for immunotherapy, and RANO 2.0 by area or volume."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mriloop.model.fact import Truth, truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.response import (
    Category,
    Confirmation,
    Criteria,
    NewLesion,
    NonTarget,
    Size,
    Standing,
    Tissue,
    TrackedLesion,
    Trend,
)
from mriloop.stages.compare.response import measurable
from mriloop.stages.compare.response.rules import Rules, Situation, months_after, still_progressing
from mriloop.stages.compare.response.summary import judge_group, worst
from mriloop.stages.compare.response.table import Answer
from mriloop.stages.compare.response.volumetric import (
    VOLUME_GROWTH,
    VOLUME_MINOR,
    VOLUME_RESPONSE,
    volume_of,
)

AREA_RESPONSE, AREA_MINOR, AREA_GROWTH = 0.50, 0.25, 0.25
DOUBT_DAYS = 84  # twelve weeks after radiotherapy
CONFIRM_DAYS = 28
IMMUNE_MONTHS, IMMUNE_CONFIRM_MONTHS = 6, 3
RANO_2010 = Citation(
    text="Wen et al., Updated response assessment criteria for high-grade gliomas: Response Assessment in "
    "Neuro-Oncology working group, J Clin Oncol 28:1963",
    year=2010,
    locator="tables 2 and 4, through summaries (PMC10584081 table 1, PMC6655498 table 1)",
    mark=Mark.V2,
    doi="10.1200/JCO.2009.26.3541",
)
IRANO = Citation(
    text="Okada et al., Immunotherapy response assessment in neuro-oncology, Lancet Oncol 16:e534",
    year=2015,
    locator="six months: abstract; three months and the first progression as comparator: remembered",
    mark=Mark.M_PLUS,
    doi="10.1016/S1470-2045(15)00088-1",
)
RANO_2 = Citation(
    text="Wen et al., RANO 2.0: update to the Response Assessment in Neuro-Oncology criteria for high- and low-grade "
    "gliomas in adults, J Clin Oncol 41:5187",
    year=2023,
    locator="thresholds as in cai4cai/rano2.0-assist; the rest remembered, the paper itself was not at hand",
    mark=Mark.M_PLUS,
    doi="10.1200/JCO.23.01059",
)


def area_of(lesion: TrackedLesion, size: Size) -> float | None:
    """Return the product of the longest diameter and the longest perpendicular one, mm²; None where one is missing."""
    if size.longest_mm is None or size.perpendicular_mm is None:
        return None
    return size.longest_mm * size.perpendicular_mm


def judge_2010(situation: Situation) -> Answer:
    """Return the answer of RANO 2010; within 12 weeks of radiotherapy imaging alone cannot call progression."""
    sums = situation.one
    said = judge_group(
        situation, sums, response=AREA_RESPONSE, growth=sums.grew(AREA_GROWTH),
        growth_words="sum of products at least 25 % above its nadir", t2_flair=True,
    )  # fmt: skip
    if said.category is not Category.PD or situation.visit.outside_field is Truth.TRUE:
        return said
    early = _early(situation)
    if early is Truth.FALSE:
        return said
    asks: tuple[str, ...] = ("outside_field: whether the new enhancement lies outside the field of radiotherapy",)
    if early is Truth.UNKNOWN:
        asks = ("radiotherapy_ended: when radiotherapy ended, or that there was none", *asks)
    because = f"{said.because}, within 12 weeks after radiotherapy: no progression by imaging inside its field"
    return Answer(Category.NE, "within-12-weeks", because, asks)


def _early(situation: Situation) -> Truth:
    """Whether a visit lies within twelve weeks after the end of radiotherapy; one before its end does not."""
    history = situation.history
    if history.no_radiotherapy:
        return Truth.FALSE
    if history.radiotherapy_ended is None:
        return Truth.UNKNOWN
    days = (situation.visit.on - history.radiotherapy_ended).days
    return truth(0 <= days <= DOUBT_DAYS)


def judge_2(situation: Situation) -> Answer:
    """Return the answer of RANO 2.0 by area: enhancing and non-enhancing targets apart, the worse of the two."""
    return _both(situation, AREA_RESPONSE, AREA_MINOR, AREA_GROWTH, "sum of products")


def judge_2_volume(situation: Situation) -> Answer:
    """Return the answer of RANO 2.0 by volume."""
    return _both(situation, VOLUME_RESPONSE, VOLUME_MINOR, VOLUME_GROWTH, "volume")


def _both(situation: Situation, response: float, minor: float, growth: float, what: str) -> Answer:
    groups = [each for each in situation.sums if each.targets] or [situation.sums[0]]
    percent = f"{growth:.0%}".replace("%", " %")
    return worst(
        [
            judge_group(
                situation, sums, response=response, growth=sums.grew(growth),
                growth_words=f"{what} of {sums.tissue} targets at least {percent} above its nadir",
                minor=minor if sums.tissue is Tissue.NON_ENHANCING else None,
            )
            for sums in groups
        ]
    )  # fmt: skip


def doubt_after_radiotherapy(situation: Situation, said: Answer) -> Confirmation:
    """Progression within twelve weeks of radiotherapy is provisional, unless it lies outside the field."""
    early = _early(situation)
    if early is Truth.FALSE or situation.visit.outside_field is Truth.TRUE:
        return Confirmation()
    needs = "an MRI at least 4 weeks later that still shows progression: so early it may be an effect of radiotherapy"
    if early is Truth.UNKNOWN:
        needs = "the end of radiotherapy; if that lies within 12 weeks before, an MRI at least 4 weeks later"
    return Confirmation(
        standing=Standing.PENDING, needs=needs, earliest=situation.visit.on + timedelta(days=CONFIRM_DAYS)
    )


def doubt_under_immunotherapy(situation: Situation, said: Answer) -> Confirmation:
    """Progression within six months of immunotherapy is provisional unless the patient is clinically worse."""
    started, visit = situation.history.immunotherapy_started, situation.visit
    outside = started is not None and not started <= visit.on <= months_after(started, IMMUNE_MONTHS)
    if visit.clinical is Trend.WORSE or outside:
        return Confirmation()
    needs = "an MRI at least 3 months later that is progression against this one"
    if started is None:
        needs = "the first day of immunotherapy; if that lies within 6 months before, an MRI at least 3 months later"
    return Confirmation(standing=Standing.PENDING, needs=needs, earliest=months_after(visit.on, IMMUNE_CONFIRM_MONTHS))


def borne_out_under_immunotherapy(earlier: Situation, later: Situation, said: Answer) -> Truth:
    """Whether a later visit is progression against the visit that first showed it, not against the old nadir."""
    if later.visit.clinical is Trend.WORSE or later.others is NonTarget.PROGRESSES:
        return Truth.TRUE
    then, now = earlier.one.now.total, later.one.now
    if then is not None and replace(later.one, nadir=then).grew(AREA_GROWTH) is Truth.TRUE:
        return Truth.TRUE
    if still_progressing(earlier, later, said) is Truth.FALSE:
        return Truth.FALSE
    if later.visit.new_lesions is NewLesion.YES:
        more = set(later.visit.new_ids) - set(earlier.visit.new_ids)
        if earlier.visit.new_lesions is not NewLesion.YES or more:
            return Truth.TRUE
        if not later.visit.new_ids:
            return Truth.UNKNOWN
    return Truth.UNKNOWN if then is None or now.missing else Truth.FALSE


_NEEDS_SECOND = frozenset({Category.CR, Category.PR})
_STEROIDS = (
    "A raised dose of corticosteroids fits neither stable disease nor, alone, progression: such a visit is NE until "
    "the next one tells.",
)
RULES_2010 = Rules(
    criteria=Criteria.RANO_2010,
    title="RANO 2010 (high-grade glioma)",
    measure="sum of products of diameters",
    unit="mm2",
    size_of=area_of,
    judge=judge_2010,
    citation=RANO_2010,
    response=AREA_RESPONSE,
    growth=(AREA_GROWTH, 0.0),
    confirmed=_NEEDS_SECOND,
    objects=measurable.rano,
    cautions=_STEROIDS,
)
RULES_IRANO = replace(
    RULES_2010,
    criteria=Criteria.IRANO,
    title="iRANO (glioma under immunotherapy)",
    citation=IRANO,
    doubt=doubt_under_immunotherapy,
    bears_out=borne_out_under_immunotherapy,
    cautions=(
        *_STEROIDS,
        "That progression is confirmed after 3 months against the scan that first showed it is remembered (mark M+); "
        "the window of 6 months and the clinical exception were read in the abstract.",
    ),
)
RULES_2 = Rules(
    criteria=Criteria.RANO_2,
    title="RANO 2.0 (glioma, by area)",
    measure="sum of products of diameters",
    unit="mm2",
    size_of=area_of,
    judge=judge_2,
    citation=RANO_2,
    response=AREA_RESPONSE,
    growth=(AREA_GROWTH, 0.0),
    minor=AREA_MINOR,
    tissues=(Tissue.ENHANCING, Tissue.NON_ENHANCING),
    confirmed=_NEEDS_SECOND | {Category.MR},
    doubt=doubt_after_radiotherapy,
    after_radiotherapy=True,
    objects=measurable.rano_2,
    cautions=(
        *_STEROIDS,
        "RANO 2.0 was not read in full here (mark M+): the baseline after radiotherapy, the 12 and the 4 weeks are "
        "from secondary texts; that a confirming scan must still be progression against the same nadir is our reading.",
    ),
)
RULES_2_VOLUME = replace(
    RULES_2,
    criteria=Criteria.RANO_2_VOLUME,
    title="RANO 2.0 (glioma, by volume)",
    measure="sum of volumes",
    unit="mL",
    size_of=volume_of,
    judge=judge_2_volume,
    response=VOLUME_RESPONSE,
    growth=(VOLUME_GROWTH, 0.0),
    minor=VOLUME_MINOR,
)
