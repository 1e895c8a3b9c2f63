"""What stands between a draft and a signature: incomplete recommendations, contradictions, open questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.coding import Laterality, Region, Urgency
from mriloop.model.comparison import Comparison
from mriloop.model.fact import Truth
from mriloop.model.finding import Finding, Source
from mriloop.model.follow_up import DATED_BY_PERSON, owed
from mriloop.model.guideline import Status, Step
from mriloop.model.quality import StudyCheck, Verdict
from mriloop.model.report import Objection, Outcome, RepeatPlan
from mriloop.model.study import Study
from mriloop.stages.report.wording import listed, plural, series_name

# Beyond this distance from the middle of a head, a side is not a matter of how the head lay in the coil.
OFF_MIDLINE_MM = 25.0
_HEAD = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
_EXAM_STEPS = frozenset({Step.FOLLOW_UP_IMAGING, Step.ADDITIONAL_IMAGING, Step.REPEAT_IMAGING, Step.COMPLETE_IMAGING})
_SIDE = re.compile(r"\b(left|right)(?:[- ]sided)?\b(?! (?:away|now|after))", re.IGNORECASE)
_ENHANCEMENT = re.compile(r"\b(?:non-?)?enhanc(?:es?|ing|ement)\b|(?<!non-)\benhanced\b", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(?:unchanged|compared (?:to|with)|since the (?:prior|previous|last)"
    r"|interval (?:change|growth|increase|decrease)|(?:larger|smaller) than (?:before|on the prior))\b",
    re.IGNORECASE,
)
_MALE = re.compile(
    r"\b(?:prostat\w*|testic\w*|testis|testes|seminal vesicle\w*|scrot\w*|penis|penile)\b", re.IGNORECASE
)
_FEMALE = re.compile(
    r"\b(?:uter(?:us|ine)|ovar(?:y|ies|ian)|endometri\w*|myometri\w*|cervix|vagina\w*|fallopian|adnexa\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything a draft is made of, once the reader's review has been taken into account.

    `today` is the day of the draft; `dated` are the recommendations whose window the reader set.
    """

    study: Study
    check: StudyCheck
    comparison: Comparison | None
    advice: Advice
    findings: tuple[Finding, ...]
    recommendations: tuple[Recommendation, ...]
    owners: Mapping[str, str]
    outcome: Outcome
    repeat: RepeatPlan | None
    prior_dates: Mapping[str, date]
    today: date
    dated: frozenset[str] = frozenset()


def object_to(material: Material) -> tuple[Objection, ...]:
    """Return every objection to signing, those that only mending helps first."""
    found = [
        *(problem for item in material.recommendations for problem in _recommendation(material, item)),
        *_outcome(material),
        *_quality(material),
        *(problem for item in material.findings for problem in _finding(material, item)),
        *_candidates(material),
        *_undetermined(material),
        *_conflicts(material),
    ]
    return tuple(sorted(found, key=lambda item: item.overridable))


def _recommendation(material: Material, item: Recommendation) -> Iterable[Objection]:
    """A recommendation names what, when, why and who: incomplete ones are the ones that nobody follows."""
    if not owed(item):
        return

    def lacks(code: str, what: str, remedy: str, *, overridable: bool = False) -> Objection:
        return Objection(
            code=f"recommendation_no_{code}",
            text=f"“{item.text.rstrip('.')}” has no {what}",
            remedy=remedy,
            subject=item.id,
            overridable=overridable,
        )

    wants_exam = item.modality is not None or bool(item.pulse_sequences) or item.step in _EXAM_STEPS
    if wants_exam and item.modality is None:
        yield lacks("modality", "modality", "say which exam is meant, or strike the recommendation")
    if wants_exam and item.region is None:
        yield lacks("region", "body region", "say which region is to be imaged", overridable=True)
    dated = item.window is not None or bool(item.then) or item.step in DATED_BY_PERSON
    if not dated and item.urgency is Urgency.ROUTINE:
        yield lacks("window", "time window", "set earliest, target and latest date")
    if item.window is not None and item.window.latest < material.today:
        yield Objection(
            code="recommendation_window_past",
            text=f"“{item.text.rstrip('.')}” was due by {item.window.latest.isoformat()}, before this report",
            remedy="set a window that lies ahead, or strike the recommendation",
            subject=item.id,
            overridable=False,
        )
    repeats = item.repeat_reason.startswith("R1")  # a repeat for technical reasons rests on this study, not on a rule
    if item.status is Status.DRAFT and item.default and item.id not in material.dated and not repeats:
        yield Objection(
            code="recommendation_unverified",
            text=f"“{item.text.rstrip('.')}” rests on a rule that nobody has verified yet",
            remedy="set its window yourself, strike it, or sign with a reason",
            subject=item.id,
        )
    if not any(reason.strip() for reason in item.because):
        yield lacks("reason", "reason", "say why, or strike the recommendation")
    if not material.owners.get(item.id):
        yield lacks("owner", "owner", "name who answers for it")


def _outcome(material: Material) -> Iterable[Objection]:
    if material.outcome is Outcome.UNSTATED:
        yield Objection(
            code="outcome_unstated",
            text="the report does not say whether the result is normal or abnormal",
            remedy="state the outcome: the patient's letter depends on it",
            overridable=False,
        )
    elif material.outcome is Outcome.NORMAL and any(item.source is not Source.PERSON for item in material.findings):
        yield Objection(
            code="outcome_contradiction",
            text="the result is called normal while machine candidates stand among the findings",
            remedy="confirm or reject each candidate first",
            overridable=False,
        )


def _quality(material: Material) -> Iterable[Objection]:
    """No "nothing further" on a study that CHECK or the reader finds not diagnostic: a repeat, or a reason why not."""
    bad = [series_name(item) for item in material.check.series if item.verdict is Verdict.REPEAT]
    readable = material.outcome is not Outcome.NOT_DIAGNOSTIC
    assessed = readable and material.check.verdict in (Verdict.ACCEPTABLE, Verdict.LIMITED)
    if assessed or material.repeat is not None:
        return
    what = listed(bad) or "; ".join(item.message for item in material.check.defects) or "the study"
    yield Objection(
        code="series_not_diagnostic",
        text=f"a required part of the study is not diagnostic: {what}",
        remedy="recommend its repeat, or sign with the reason why the question is answered without it",
    )


def _finding(material: Material, item: Finding) -> Iterable[Objection]:
    """Hold a finding against the images it is said to be on."""
    for code, text, remedy in (
        *_laterality(material, item),
        *_sex(material, item),
        *_contrast(material, item),
        *_prior(material, item),
    ):
        yield Objection(code=f"{code}_contradiction", text=text, remedy=remedy, subject=item.id)


def _laterality(material: Material, item: Finding) -> Iterable[tuple[str, str, str]]:
    sides = {side.lower() for side in _SIDE.findall(item.text)}
    coded = item.laterality.value if item.laterality in (Laterality.LEFT, Laterality.RIGHT) else None
    side = coded or (next(iter(sides)) if len(sides) == 1 else None)
    if coded is not None and len(sides) == 1 and coded not in sides:
        yield "laterality", f"finding {item.id} is coded {coded} and its text says {sides.pop()}", "correct the side"
        return
    if side is None:
        return
    imaged = {
        str(value).upper()[:1]
        for series in material.study.series
        if not item.series or series.series_instance_uid in item.series
        for value in [series.parameters.get("ImageLaterality") or series.parameters.get("Laterality")]
        if value
    }
    if imaged and imaged <= {"L", "R"} and side[0].upper() not in imaged:
        yield "laterality", f"finding {item.id} is on the {side}, the images are of the other side", "correct the side"
    off = item.position_ras_mm[0] if item.position_ras_mm is not None else 0.0
    in_head = item.region in _HEAD or any(one.kind.region in _HEAD for one in material.check.series)
    if in_head and abs(off) > OFF_MIDLINE_MM and (off > 0) != (side == "right"):
        text = f"finding {item.id} is called {side} and lies {abs(off):.0f} mm to the other side in the images"
        yield "laterality", text, "correct the side"


def _sex(material: Material, item: Finding) -> Iterable[tuple[str, str, str]]:
    sex = (material.study.sex or "").upper()[:1]
    male = _MALE.search(item.text) or item.region is Region.PROSTATE
    female = _FEMALE.search(item.text) or item.region is Region.UTERUS
    if (sex == "F" and male and not female) or (sex == "M" and female and not male):
        remedy = "check that this is the right patient, or sign with the reason"
        yield "sex", f"finding {item.id} names an organ that does not go with the recorded sex", remedy


def _contrast(material: Material, item: Finding) -> Iterable[tuple[str, str, str]]:
    given = {one.kind.contrast for one in material.check.series}
    if _ENHANCEMENT.search(item.text) and given == {Truth.FALSE}:
        remedy = "strike the word, or correct what the series are"
        yield "contrast", f"finding {item.id} speaks of enhancement; no series was acquired after contrast", remedy


def _prior(material: Material, item: Finding) -> Iterable[tuple[str, str, str]]:
    if material.comparison is None and _CHANGE.search(item.text):
        remedy = "name and add the prior, or strike the comparison"
        yield "prior", f"finding {item.id} compares, and no prior was given", remedy


def _candidates(material: Material) -> Iterable[Objection]:
    waiting = [item.id for item in material.findings if item.source is not Source.PERSON]
    if waiting:
        yield Objection(
            code="candidate_unconfirmed",
            text=f"{plural(len(waiting), 'machine candidate')} neither confirmed nor rejected ({listed(waiting)})",
            remedy="take each one over, or reject it",
        )


def _undetermined(material: Material) -> Iterable[Objection]:
    for item in material.advice.undetermined:
        yield Objection(
            code="advice_undetermined",
            text=f"{item.guideline} cannot answer: {listed(item.questions or item.missing)}",
            remedy="answer the question, or sign with the reason why it does not matter here",
            subject=item.guideline,
        )


def _conflicts(material: Material) -> Iterable[Objection]:
    kept = {item.id for item in material.recommendations if item.default}
    for item in material.advice.conflicts:
        standing = [name for name in item.recommendations if name in kept]
        if len(standing) > 1:
            yield Objection(
                code="conflict_open",
                text=f"authorities disagree on {item.topic}, and the report follows {plural(len(standing), 'of them')}",
                remedy="strike all but one of the recommendations, or sign with the reason",
                subject=item.topic,
            )
