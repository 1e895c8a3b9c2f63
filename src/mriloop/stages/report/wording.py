"""How a report writes dates, series, windows and lists in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast, Plane, Weighting
from mriloop.model.guideline import Citation
from mriloop.model.quality import SeriesCheck
from mriloop.model.schedule import Window

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
CONTRAST = {
    Contrast.WITHOUT: "without contrast",
    Contrast.WITH: "with contrast",
    Contrast.WITHOUT_AND_WITH: "without and with contrast",
    Contrast.SITE_POLICY: "contrast by site policy",
    Contrast.NEEDS_DECISION: "contrast for a person to decide",
    Contrast.UNKNOWN: "contrast not stated",
}


def day(value: date) -> str:
    """Return a date as a report writes it: 3 May 2026."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def span(window: Window) -> str:
    """Return a window as a report writes it: between two dates, with the target."""
    if window.earliest == window.latest:
        return f"on {day(window.target)}"
    return f"between {day(window.earliest)} and {day(window.latest)} (target {day(window.target)})"


def series_name(item: SeriesCheck) -> str:
    """Return what people call a series: its number and what it is, or its own description where that is unclear."""
    kind = item.kind
    words = [
        word.value.replace("_", " ")
        for word, unknown in ((kind.plane, Plane.UNKNOWN), (kind.weighting, Weighting.UNKNOWN))
        if word is not unknown
    ]
    what = " ".join(words) if kind.weighting is not Weighting.UNKNOWN else item.description or "not identified"
    return f"series {item.series_number} ({what})" if item.series_number is not None else f"a series ({what})"


def exam(item: Recommendation) -> str:
    """Return the exam that a recommendation asks for, or an empty text where it asks for none."""
    if item.modality is None:
        return ""
    words = ["MRI" if item.modality == "MR" else item.modality]
    if item.region is not None:
        words.append("of the " + item.region.value.replace("_", " "))
    if item.contrast is not None:
        words.append(CONTRAST[item.contrast])
    return " ".join(words)


def source(citation: Citation) -> str:
    """Return a citation in one line: text, year, place in it, DOI, how well it is verified."""
    doi = f", doi:{citation.doi}" if citation.doi else ""
    place = f", {citation.locator}" if citation.locator else ""
    year = "" if str(citation.year) in citation.text else f", {citation.year}"
    return f"{citation.text}{year}{place}{doi} [{citation.mark.value}]"


def listed(items: Iterable[str]) -> str:
    """Join words as a sentence does: one, two and three."""
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def plural(count: int, word: str) -> str:
    """Return a count with its noun: 1 lesion, 2 lesions; "series" stays as it is."""
    return f"{count} {word}" if count == 1 or word.endswith("s") else f"{count} {word}s"


def capital(text: str) -> str:
    """Return the text with a capital first letter and everything else as it was."""
    return text[:1].upper() + text[1:]
