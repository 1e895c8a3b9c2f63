"""What is said to whom: letters to patients, messages to referrers, alerts to technologists, and their templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias


class Audience(StrEnum):
    """Who reads it."""

    PATIENT = "patient"
    REFERRER = "referrer"
    TECHNOLOGIST = "technologist"


# The 12 things a letter about a next MRI owes its reader; a letter names those it covers, in this order.
CHECKLIST: Mapping[str, str] = {
    "reason": "the reason in one line",
    "not_bad_news": "that it is no bad news, or not the reader's fault, where that is true",
    "seen": "what was or was not seen",
    "what": "what is done next and how long it takes",
    "contrast": "contrast agent yes or no, and why",
    "when": "when, and what to do if it is missed",
    "prepare": "how to prepare: lying still, tight spaces, implants, pregnancy, kidneys, allergies",
    "limits": "benefits and limits; no X-rays",
    "red_flags": "signs that must not wait, and whom to call",
    "results": "who explains the result; copies of report and images",
    "rights": "cost, getting there, and the right to ask or to say no",
    "source": "who wrote it, when, and that it is no diagnosis",
}

# Every patient letter owes its reader these; a letter about a next scan owes all twelve.
_ALWAYS = ("reason", "not_bad_news", "seen", "what", "limits", "red_flags", "results", "rights", "source")
REFERRER_KIND = "referrer"
# Each kind of letter with the points it must cover, whatever its parameters.
LETTER_KINDS: Mapping[str, tuple[str, ...]] = {
    "r1_motion": tuple(CHECKLIST),
    "r1_incomplete": tuple(CHECKLIST),
    "r1_technical": tuple(CHECKLIST),
    "r1_other": tuple(CHECKLIST),
    "r2_follow_up": tuple(CHECKLIST),
    "r3_contrast": tuple(CHECKLIST),
    "r3_technique": tuple(CHECKLIST),
    "r4_admin": tuple(CHECKLIST),
    "normal": _ALWAYS,
    "abnormal_next_step": (*_ALWAYS, "when"),
    "urgent_next_step": (*_ALWAYS, "when"),
    REFERRER_KIND: (),
}
# The words a template may leave open. Those of NAMES are somebody's own words, which no template can make easier.
PLACEHOLDERS: Mapping[str, str] = {
    "clinic": "name of the clinic",
    "phone": "number to call",
    "signer": "name of the person who signed the report",
    "body_part": "the region with its possessive: your brain",
    "scan_date": "day of the study",
    "written_on": "day of the letter",
    "earliest": "first day of the window",
    "target": "best day of the window",
    "latest": "last day of the window",
    "minutes": "how long the pictures take",
    "specialist": "the specialists to see, in plain words",
    "study_id": "StudyInstanceUID, for the referrer",
    "report_id": "id of the signed report",
    "outcome": "outcome of the report, for the referrer",
    "acknowledge_by": "until when the referrer is asked to answer",
}
NAMES = frozenset({"clinic", "phone", "signer"})
# What the text of a step may leave open: the dates only where its row has a schedule.
STEP_DATES = frozenset({"earliest", "target", "latest"})
STEP_PLACEHOLDERS = STEP_DATES | {"body_part"}
# What patients are told of a step, by (language, Recommendation.id).
StepTexts: TypeAlias = Mapping[tuple[str, str], str]
LISTS: Mapping[str, str] = {
    "red_flags": "signs that must not wait, for this region",
    "told": "the guideline's own text for the patient",
    "impression": "lines of the impression",
    "steps": "the recommendations, one line each",
    "questions": "what no guideline could answer yet",
    "disagreements": "where authorities disagree",
}
FLAGS: Mapping[str, str] = {
    "scan_date_known": "the day of the study is known",
    "contrast_yes": "the next scan needs contrast agent",
    "contrast_no": "the next scan is done without contrast agent",
    "contrast_open": "nobody has decided about contrast agent",
    "window_now": "there is a window and it is open",
    "window_later": "there is a window and it opens later",
    "no_window": "a person sets the date",
    "minutes_known": "it is known how long the pictures take",
    "repeat_whole": "all pictures are taken again",
    "repeat_part": "some pictures are taken again",
    "tight_space": "the scan stopped because of the tight space",
    "urgent": "the step must not wait: minutes or hours",
    "right_now": "the step must not wait for hours: minutes",
    "imaging": "the next step is a scan",
    "mri": "the next step is an MRI scan",
    "referral": "the next step is to see a specialist",
    "other_step": "the next step is neither a scan nor a specialist",
    "no_step": "nothing is owed",
    "more_steps": "there are further steps beside the one in the letter",
    "finding": "the signed result is abnormal: something was found",
    "has_told": "the guideline has a patient text in this language",
    "has_steps": "there are recommendations",
    "has_questions": "some guideline could not answer",
    "has_disagreements": "authorities disagree",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readability:
    """How hard a text is, by the formulas of its language; None where a formula does not apply to the language.

    fkgl: Flesch-Kincaid grade level and smog: SMOG grade (US school years, lower is easier; English).
    ease: Fernández-Huerta (0 to about 120) and perspicuity: Szigriszt-Pazos (higher is easier; Spanish).
    longest_words: number of words in the longest sentence.
    """

    fkgl: float | None
    smog: float | None
    longest_words: int
    ease: float | None = None
    perspicuity: float | None = None
    words: int = 0
    sentences: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """Who a letter is from and whom to call. FHIR: Organization. `address` are lines as printed."""

    name: str
    phone: str
    address: tuple[str, ...] = ()
    department: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Name and address lines for the window of an envelope. Identity: given at the wall, never kept in a Letter."""

    name: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPart:
    """A headed part of a letter; `count` is how many of the letter's paragraphs, in order, belong to it.

    `tone` is "urgent" where the layout has to make it stand out, and empty otherwise.
    """

    heading: str
    count: int
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A text for one reader. FHIR: Communication payload.

    `report_digest` ties it to the verified report it was made from; a repeat alert to the technologist has none.
    `checklist` names the points of CHECKLIST that it covers. `parts` divides `paragraphs` under headings; a paragraph
    that starts with "- " is an item of a list. `labels` are the words that the layout needs, in the letter's language.
    """

    id: str
    audience: Audience
    language: str
    kind: str
    title: str
    paragraphs: tuple[str, ...]
    report_digest: str | None
    readability: Readability | None = None
    checklist: tuple[str, ...] = ()
    parts: tuple[LetterPart, ...] = ()
    written_on: date | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One paragraph of a template: said when all flags of `when` hold and none of `unless` does.

    `each` names a list parameter: the paragraph is then said once for every member, as {item}.
    `points` are the CHECKLIST points that it covers, `statements` the numbers of the mission's statements it carries.
    """

    text: str
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    each: str = ""
    points: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePart:
    """A headed part of a template; `tone` as in LetterPart."""

    heading: str
    paragraphs: tuple[Paragraph, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterTemplate:
    """What a kind of letter says, as reviewed data. `review` names who has checked the words, empty when nobody has."""

    kind: str
    audience: Audience
    language: str
    title: str
    parts: tuple[TemplatePart, ...]
    review: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterWords:
    """The small words of one language: body parts, specialists, months, red flags, and the labels of the layout.

    `months` has 12 names; `date` is a format over {day}, {month} and {year}. `regions`, `specialties` and `red_flags`
    map the codes of the model to plain words; each has the key "other" for what has no word of its own. `checklist` has
    the points of CHECKLIST in the language; one that lacks them has the English ones.
    """

    language: str
    months: tuple[str, ...]
    date: str
    regions: Mapping[str, str]
    specialties: Mapping[str, str]
    red_flags: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    checklist: Mapping[str, str] = field(default_factory=lambda: CHECKLIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterTemplates:
    """Every template, by (language, kind), the words of every language, and what is told of each guideline's steps."""

    templates: Mapping[tuple[str, str], LetterTemplate]
    words: Mapping[str, LetterWords]
    steps: StepTexts = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that letters can be written in."""
        return tuple(sorted(self.words))
