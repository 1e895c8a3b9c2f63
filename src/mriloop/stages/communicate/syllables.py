"""Syllables of English and Spanish words, by rule, and of numbers as they are read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

# Words that the English rules miscount and that letters use. Tested against the CMU pronouncing dictionary.
_ENGLISH = {
    "area": 3, "areas": 3, "being": 2, "doing": 2, "going": 2, "seeing": 2, "someone": 2, "something": 2,
    "sometimes": 2, "somewhere": 2, "everyone": 3, "everything": 3, "every": 2, "people": 2, "maybe": 2,
    "safely": 2, "safety": 2, "careful": 2, "carefully": 3, "useful": 2, "hopeful": 2, "movement": 2,
    "movements": 2, "statement": 2, "insurance": 3, "science": 2, "quiet": 2, "diet": 2, "poem": 2, "idea": 3,
    "real": 1, "really": 2, "trial": 2, "business": 2, "evening": 2, "different": 3, "several": 3, "camera": 3,
    "family": 3, "usual": 3, "usually": 4, "once": 1, "radio": 3, "period": 3, "image": 2, "images": 3,
    "therefore": 2, "before": 2, "overnight": 3, "anyone": 3, "forearm": 2, "breastfeeding": 3, "homework": 2,
    "bladder": 2, "pancreas": 3, "create": 2, "created": 3, "hours": 2, "hour": 2, "our": 1, "ours": 1,
    "doctors": 2, "placement": 2, "pacemaker": 3, "noise": 1, "noises": 2, "clothes": 1, "tests": 1,
    "fire": 1, "firm": 1, "wires": 1, "wire": 1, "colleague": 2, "tongue": 1, "league": 1, "vague": 1,
    "mri": 3, "eye": 1, "eyes": 1, "january": 4, "february": 4, "creature": 2, "creatures": 2,
}  # fmt: skip
_VOWELS = re.compile(r"[aeiouy]+")
# Groups of letters that hold one syllable more than their run of vowels, and one less.
_MORE = tuple(
    re.compile(pattern)
    for pattern in (
        r"[^cgstxz]ia(?!r$|rs$)", r"[eou]ing|(?<![aeiou])[aiy]ing(?!u)", r"ai[ck]", r"[^gq]ua(?!r)[^r]", r"iu",
        r"io(?!n|us)", r"eo(?!n)", r"[aeiou]y[aeiou]", r"[^tscg]ious$", r"ism$", r"[bcdfgkptz]les?$", r"creat",
        r"[^aeiou]ier$|[^aeiou]iest$", r"^re[aeiou][^adlsn]", r"[^q]uou", r"uity", r"^mc", r"iety", r"eum",
        r"^co(?:op|or|ed|ex|in)",
    )
)  # fmt: skip
_LESS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[^aeiouytdl]ed$", r"[aeiou][^aeiouytd]+led$", r"[^aeioulr]e$", r"[aeiouy][^aeiou]*[lr]e$",
        r"(?<![cst]h)(?<![aeiouyscgzx])es$", r"[^aeiou]eful$", r"[^aeiou]ement",
        r"[^aeiou]eless", r"[^aeiou]ely$", r"[^aeiou]eness",
    )
)  # fmt: skip
_ENGLISH_ONES = (2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 2, 2, 2, 2, 3, 2, 2)
_ENGLISH_TENS = (0, 0, 2, 2, 2, 2, 2, 3, 2, 2)
# cero uno dos … nueve diez once … quince dieciséis … veintinueve
_SPANISH_ONES = (2, 2, 1, 1, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 3, 2, 3, 4, 3, 4, 2, 3, 3, 3, 4, 4, 3, 4, 3, 4)
# treinta cuarenta cincuenta sesenta setenta ochenta noventa
_SPANISH_TENS = (0, 0, 0, 2, 3, 3, 3, 3, 3, 3)
_STRONG = "aeoáéó"
_ACCENTED_WEAK = "íú"
_WEAK = "iuü"


@lru_cache(maxsize=8192)
def english_syllables(word: str) -> int:
    """Return the syllables of an English word or number (at least 1). Hyphenated words are the sum of their parts."""
    if word[0].isdigit():
        return _number(word, _english_integer)
    return sum(_english_part(part) for part in re.split(r"[-]", word.lower().replace("’", "'")) if part)


def _english_part(part: str) -> int:
    base = re.sub(r"'(?:s|t|re|ve|ll|d|m)?$", "", part) or part
    base = re.sub(r"[^a-z]", "", base)
    if base in _ENGLISH:
        return _ENGLISH[base]
    runs = len(_VOWELS.findall(base))
    more = sum(bool(pattern.search(base)) for pattern in _MORE)
    less = sum(bool(pattern.search(base)) for pattern in _LESS)
    return max(1, runs + more - less)


@lru_cache(maxsize=8192)
def spanish_syllables(word: str) -> int:
    """Return the syllables of a Spanish word or number (at least 1), by the spelling rules of hiatus and diphthong."""
    if word[0].isdigit():
        return _number(word, _spanish_integer)
    text = re.sub(r"qu(?=[eiéí])|gu(?=[eiéí])", "q", word.lower())
    text = re.sub(r"(?<!c)h", "", text)
    text = re.sub(r"(?<=[aeiouáéíóú])y$|^y$", "i", text)
    total, before = 0, ""
    for letter in text:
        if letter in _STRONG + _ACCENTED_WEAK:
            joined = letter in _STRONG and before in _WEAK
            total += not (joined and before)
        elif letter in _WEAK:
            total += not (before and before in _STRONG + _WEAK)
        before = letter if letter in _STRONG + _WEAK + _ACCENTED_WEAK else ""
    return max(1, total)


def _number(text: str, integer: Callable[[int], int]) -> int:
    """Return the syllables of a numeral read aloud; what is not a plain number below 10 000 is read digit by digit."""
    digits = re.sub(r"\D", "", text)
    if digits == text and len(digits) <= 4:
        return integer(int(digits))
    return sum(integer(int(digit)) for digit in digits)


def _english_integer(value: int) -> int:
    if value < 20:
        return _ENGLISH_ONES[value]
    if value < 100:
        return _ENGLISH_TENS[value // 10] + (_ENGLISH_ONES[value % 10] if value % 10 else 0)
    if value < 1000:
        rest = value % 100
        return _ENGLISH_ONES[value // 100] + 2 + (_english_integer(rest) if rest else 0)
    if value >= 2010 or value < 2000:
        rest = value % 100
        return _english_integer(value // 100) + (_english_integer(rest) if rest else 2)
    return 3 + (_ENGLISH_ONES[value % 10] if value % 10 else 0)


def _spanish_integer(value: int) -> int:
    if value < 30:
        return _SPANISH_ONES[value]
    if value < 100:
        return _SPANISH_TENS[value // 10] + (1 + _SPANISH_ONES[value % 10] if value % 10 else 0)
    if value < 1000:
        rest = value % 100
        return _SPANISH_ONES[value // 100] + 2 + (_spanish_integer(rest) if rest else 0)
    rest = value % 1000
    thousands = value // 1000
    return (_SPANISH_ONES[thousands] if thousands > 1 else 0) + 1 + (_spanish_integer(rest) if rest else 0)
