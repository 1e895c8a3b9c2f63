"""What fills a template: words for its placeholders, members for its lists, and which of its paragraphs are said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast, Urgency
from mriloop.model.communication import LetterWords, Paragraph
from mriloop.stages.communicate.choice import AT_ONCE, WITH_DYE, tight_space
from mriloop.stages.communicate.step_texts import day


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What fills a template: words for its placeholders, members for its lists, and which flags hold."""

    words: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    flags: frozenset[str]


def applies(paragraph: Paragraph, content: Content) -> bool:
    """Whether a paragraph is said: all flags that it asks for hold, and none that it excludes."""
    return set(paragraph.when) <= content.flags and not set(paragraph.unless) & content.flags


def spoken(paragraph: Paragraph, content: Content) -> list[str]:
    """Return what a paragraph says: once, or once for each member of its list, or nothing."""
    if not applies(paragraph, content):
        return []
    members = content.lists[paragraph.each] if paragraph.each else ("",)
    return [paragraph.text.format(**content.words, item=member) for member in members]


def step_words(step: Recommendation | None, words: LetterWords) -> dict[str, str]:
    """Return the words that follow from a step: its window and whom to see."""
    window = step.window if step is not None else None
    codes = step.specialty[:1] if step is not None else ()
    code = codes[0].strip().lower().replace(" ", "_") if codes else "other"
    return {
        "specialist": words.specialties.get(code, words.specialties["other"]),
        "earliest": day(window.earliest if window else None, words),
        "target": day(window.target if window else None, words),
        "latest": day(window.latest if window else None, words),
    }


def step_flags(step: Recommendation | None, *, on: date) -> dict[str, bool]:
    """Return the flags that follow from a step, as it stands `on` a day."""
    window = step.window if step is not None else None
    referral = step is not None and step.step.endswith("referral")
    imaging = step is not None and step.modality is not None and not referral
    contrast = step.contrast if step is not None else None
    return {
        "no_step": step is None,
        "window_now": window is not None and window.earliest <= on,
        "window_later": window is not None and window.earliest > on,
        "no_window": window is None,
        "contrast_yes": contrast in WITH_DYE,
        "contrast_no": contrast is Contrast.WITHOUT,
        "contrast_open": contrast not in WITH_DYE and contrast is not Contrast.WITHOUT,
        "tight_space": step is not None and tight_space(step),
        "urgent": step is not None and step.urgency in AT_ONCE,
        "right_now": step is not None and step.urgency is Urgency.MINUTES,
        "imaging": imaging,
        "mri": imaging and step is not None and step.modality == "MR",
        "referral": referral,
        "other_step": step is not None and not imaging and not referral,
    }
