"""How hard a letter is to read: syllables counted by rule, and the published formulas of each language."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mriloop.model.communication import Readability
from mriloop.stages.communicate.syllables import english_syllables, spanish_syllables

# Gate for patient letters (NIH and AMA: grade 6). SMOG runs about two grades higher on the same text.
FKGL_LIMIT = 6.0
SMOG_LIMIT = 8.0
# Fernández-Huerta 80 to 90 is his sixth grade; 65 to 80 on the INFLESZ scale is "quite easy" (Barrio-Cantalejo 2008).
EASE_LIMIT = 80.0
PERSPICUITY_LIMIT = 65.0
# Every sentence of a letter, whether it comes from a template, a guideline or a site, has 15 words or fewer.
LONGEST_SENTENCE = 15
SMOG_SAMPLE = 30
# Abbreviations that a letter may use without explaining them: the name of the scan itself.
KNOWN_ABBREVIATIONS = frozenset({"MRI", "RM"})
# What no patient text says: shares, doses, prognosis, blame, or a cancer that nobody has proven.
FORBIDDEN = re.compile(
    r"\d\s?%|\bper ?cent\b|\bpor ciento\b|\d\s?(?:mg|ml|mL|µg|mcg)\b|\bsurviv\w+|\bsobreviv\w+|\bsupervivencia\b"
    r"|\blife expectancy\b|\besperanza de vida\b|\bprognos\w+|\bpronóstico\b|\bchances? (?:of|that)\b"
    r"|\bprobabilidad\w*|\bprobabilit\w+|\blikely to die\b|\bmortal\w*|\bincurable\w*"
    r"|\b(?:one|two|\d+)(?: out of| in) (?:\d+|two|three|four|five|ten|a hundred)\b|\b(?:uno|una|\d+) de cada\b"
    r"|(?<!not )\byour fault\b|\byou (?:failed|refused|should have (?:been|come|gone|kept|\w+ed))\b"
    r"|(?<!no es )\b(?:su|por su) culpa\b"
    r"|\b(?:is|are|have|has|shows?|found|saw) (?:an? )?(?:cancer|malignan\w+)\b"
    r"|(?<!no )\b(?:es|son|tiene|muestra|hay|vimos) (?:un )?(?:cáncer|malign\w+)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?:])[\"”»)]?\s+")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*", re.UNICODE)
_ABBREVIATION = re.compile(r"\b[A-ZÁÉÍÓÚÑ]{2,}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the formulas need. `polysyllables` are words of three syllables or more."""

    sentences: int
    words: int
    syllables: int
    polysyllables: int
    longest: int


def count(paragraphs: Iterable[str], language: str) -> Counts:
    """Count sentences, words and syllables. Each list item is a sentence; a number is read aloud; hyphens do not split.

    Headings are not part of the running text and are left to the caller to leave out.
    """
    told = [sentence for text in paragraphs for sentence in _sentences(text, language)]
    sizes = [size for sentence in told for size in sentence]
    return Counts(
        sentences=len(told),
        words=len(sizes),
        syllables=sum(sizes),
        polysyllables=sum(size >= 3 for size in sizes),
        longest=max((len(sentence) for sentence in told), default=0),
    )


def sentences_of(text: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph as written; the mark of a list item goes, the full stops stay."""
    return tuple(part for part in _SENTENCE_END.split(text.removeprefix("- ")) if part)


@lru_cache(maxsize=4096)
def _sentences(text: str, language: str) -> tuple[tuple[int, ...], ...]:
    """Return, for every sentence of a paragraph, the syllables of each of its words."""
    syllables_of = spanish_syllables if language == "es" else english_syllables
    sentences = (_WORD.findall(part) for part in sentences_of(text))
    return tuple(tuple(syllables_of(word) for word in words) for words in sentences if words)


def fkgl(counts: Counts) -> float:
    """Flesch-Kincaid grade level (Kincaid 1975): school years, lower is easier. Raises ValueError for no words."""
    _check(counts)
    return 0.39 * counts.words / counts.sentences + 11.8 * counts.syllables / counts.words - 15.59


def smog(counts: Counts) -> float:
    """SMOG grade (McLaughlin 1969), polysyllables scaled to 30 sentences: lower is easier. ValueError for no words."""
    _check(counts)
    return 1.0430 * math.sqrt(counts.polysyllables * SMOG_SAMPLE / counts.sentences) + 3.1291


def fernandez_huerta(counts: Counts) -> float:
    """Fernández-Huerta (1959, with words per sentence as corrected by Law 2011): higher is easier, Spanish."""
    _check(counts)
    return 206.84 - 60 * counts.syllables / counts.words - 1.02 * counts.words / counts.sentences


def szigriszt_pazos(counts: Counts) -> float:
    """Szigriszt-Pazos perspicuity (1993), read on the INFLESZ scale: higher is easier, Spanish."""
    _check(counts)
    return 206.835 - 62.3 * counts.syllables / counts.words - counts.words / counts.sentences


def _check(counts: Counts) -> None:
    if not counts.words or not counts.sentences:
        raise ValueError("a text without words has no readability")


def readability(paragraphs: Iterable[str], language: str) -> Readability:
    """Measure a text by the formulas of its language; the others stay None."""
    counts = count(paragraphs, language)
    spanish = language == "es"
    return Readability(
        fkgl=None if spanish else fkgl(counts),
        smog=None if spanish else smog(counts),
        ease=fernandez_huerta(counts) if spanish else None,
        perspicuity=szigriszt_pazos(counts) if spanish else None,
        longest_words=counts.longest,
        words=counts.words,
        sentences=counts.sentences,
    )


def too_hard(measured: Readability) -> str:
    """Return what makes a text too hard for a patient letter, in words; empty when it passes every limit."""
    checks = (
        ("Flesch-Kincaid grade", measured.fkgl, FKGL_LIMIT, 1),
        ("SMOG grade", measured.smog, SMOG_LIMIT, 1),
        ("Fernández-Huerta", measured.ease, EASE_LIMIT, -1),
        ("Szigriszt-Pazos", measured.perspicuity, PERSPICUITY_LIMIT, -1),
        ("words in the longest sentence", float(measured.longest_words), float(LONGEST_SENTENCE), 1),
    )
    missed = [
        f"{name} {value:.1f} (limit {limit:g})"
        for name, value, limit, sign in checks
        if value is not None and sign * (value - limit) > 0
    ]
    return "; ".join(missed)


def unexplained_abbreviations(paragraphs: Iterable[str]) -> tuple[str, ...]:
    """Return the abbreviations that a patient cannot be expected to know."""
    found = (word for text in paragraphs for word in _ABBREVIATION.findall(text))
    return tuple(dict.fromkeys(word for word in found if word not in KNOWN_ABBREVIATIONS))
