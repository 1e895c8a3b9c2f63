"""The words a page uses for codes, numbers, dates and identifiers: one table, so that no template invents its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime

from mriloop.model.advice import Recommendation
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.model.repeats import SCREENS, screens_of
from mriloop.model.schedule import Window

VERDICTS: dict[Verdict, str] = {
    Verdict.ACCEPTABLE: "Acceptable",
    Verdict.LIMITED: "Limited",
    Verdict.REPEAT: "Repeat",
    Verdict.NOT_ASSESSABLE: "Not assessable",
    Verdict.NOT_AN_IMAGE: "Not an image",
}
# Each answer of the order check: the words for it, the look of its pill and its icon.
ORDERS: dict[str, tuple[str, str, str]] = {
    "block": ("Blocked: change it, or let a radiologist override with a reason", "repeat", "stop"),
    "hold": ("Held until somebody has found out", "repeat", "stop"),
    "needs_information": ("Cannot be judged before the questions are answered", "limited", "decide"),
    "ask": ("May go on once a person has answered", "limited", "decide"),
    "advise": ("May go on; one thing to consider", "limited", "decide"),
    "allow": ("Nothing stands against it", "acceptable", "acceptable"),
}
STATUS: dict[str, str] = {
    "draft": "Unverified draft rule",
    "reviewed-pending-signature": "Reviewed, not yet signed by a clinician",
    "active": "Active",
    "retired": "Retired",
}
MARKS: dict[str, str] = {
    "V": "checked against the primary text",
    "V2": "checked against a secondary text",
    "M+": "number not verified",
    "M": "number not verified",
    "C": "corrected source",
}
_UNITS: dict[str, str] = {
    "1": "",
    "{count}": "",
    "{index}": "",
    "{au}": "a.u.",
    "mo": "months",
    "a": "years",
    "d": "days",
    "wk": "weeks",
    "deg": "°",
    "[ppth]": "‰",
    "mm2/s": "mm²/s",
    "um2/ms": "µm²/ms",
    "10*-6.mm2/s": "×10⁻⁶ mm²/s",
    "s/mm2": "s/mm²",
    "mm2": "mm²",
    "cm2": "cm²",
    "mm3": "mm³",
    "cm3": "cm³",
    "um": "µm",
    "uL": "µL",
    "us": "µs",
}


def count(number: int, noun: str) -> str:
    """Return `1 question`, `3 questions`, `9 series`."""
    plural = noun if noun.endswith("series") or number == 1 else noun + "s"
    return f"{number} {plural}"


def code_words(code: object) -> str:
    """Return a code of ours as words: `without_and_with` becomes `without and with`."""
    return str(getattr(code, "value", code)).replace("_", " ")


def sentences(*texts: str) -> str:
    """Return texts as sentences after each other: a capital at the start, a full stop where no other mark ends it."""
    whole = [text.strip() for text in texts if text.strip()]
    return " ".join(one[:1].upper() + one[1:] + ("" if one[-1] in ".?!…" else ".") for one in whole)


def clip(text: str, limit: int = 180) -> str:
    """Return a text cut at a word, with an ellipsis, where it is longer than `limit`."""
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(" ,;:(") + "…"


def point_words(place: Sequence[float]) -> str:
    """Say where a RAS+ point in millimetres lies as a reader does: `L 19, P 37, S 54 mm`."""
    named = (f"{names[value < 0]} {abs(round(value))}" for names, value in zip(("RL", "AP", "SI"), place, strict=True))
    return ", ".join(named) + " mm"


def step_words(step: str) -> str:
    """Return the code of a step as the start of a sentence."""
    words = code_words(step)
    return words[:1].upper() + words[1:]


def number_words(value: float) -> str:
    """Return a number as a person reads it: three significant digits, a true minus sign, never an exponent."""
    if not math.isfinite(value):
        return "not a number"
    if value == 0:
        return "0"
    digits = max(0, min(6, 2 - math.floor(math.log10(abs(value)))))
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", " ").replace("-", "−")


def quantity_words(value: float, unit: str) -> str:
    """Return a number with its unit as printed in a clinical text: `3.2 mm`, `45 %`, `12°`."""
    shown = _UNITS.get(unit, unit)
    gap = "" if shown in ("", "°") else " "
    return f"{number_words(value)}{gap}{shown}"


def measure_words(measure: Measure) -> str:
    """Return a measure in words, or the reason why there is none."""
    if isinstance(measure, NotAssessable):
        return f"not assessable: {measure.reason}"
    return quantity_words(measure.value, measure.unit)


def day_words(day: date | datetime | None) -> str:
    """Return `10 Apr 2026`: the month in letters, so that no reader can swap day and month."""
    return "not known" if day is None else f"{day.day} {day:%b} {day.year}"


def window_words(window: Window | None) -> str:
    """Return a window as its span, or who sets the date."""
    if window is None:
        return "a person sets the date"
    if window.earliest == window.latest:
        return day_words(window.target)
    return f"{day_words(window.earliest)} to {day_words(window.latest)}"


def all_windows(step: Recommendation) -> tuple[Window, ...]:
    """Return every window of a step once, in order: `window` is the next one, and `schedule` may hold it too."""
    windows = {*step.schedule, *((step.window,) if step.window else ())}
    return tuple(sorted(windows, key=lambda one: one.target))


def later_windows(step: Recommendation) -> tuple[Window, ...]:
    """Return the windows of a step that come after its next one."""
    return tuple(one for one in all_windows(step) if step.window is None or one.target > step.window.target)


def screen_words(step: Recommendation) -> tuple[str, ...]:
    """Return what must be screened before a step is booked, in words."""
    return tuple(SCREENS[name] for name in screens_of(step))


def capital(text: str) -> str:
    """Return a text with a capital at its start and no other change."""
    return text[:1].upper() + text[1:]


def series_name(check: SeriesCheck) -> str:
    """Return how people name a series: its number and description."""
    number = "series without number" if check.series_number is None else f"series {check.series_number}"
    return f"{number}, {check.description}" if check.description else number


def kind_words(kind: SeriesKind) -> str:
    """Return what a series is, in the order in which it is spoken: plane, weighting, contrast, region."""
    parts = [code_words(part) for part in (kind.plane, kind.weighting) if part.value != "unknown"]
    words = " ".join(parts) or "kind unknown"
    if kind.contrast is Truth.TRUE:
        words += ", after contrast"
    if kind.region.value != "unknown":
        words += f", {code_words(kind.region)}"
    return words + (", computed" if kind.derived else "")


def short_uid(uid: str) -> str:
    """Return the two ends of a long identifier; the page gives the whole on demand."""
    return uid if len(uid) <= 18 else f"{uid[:6]}…{uid[-8:]}"
