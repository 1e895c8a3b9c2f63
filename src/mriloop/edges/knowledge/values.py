"""Words of a YAML file → typed fact values, with what was expected where they do not fit. Shared by rules and cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from difflib import SequenceMatcher, get_close_matches

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.quantity import Quantity, UnitError, known_units
from mriloop.model.schedule import Duration

_UNIT_WORDS = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years", "yo", "y/o", "y.o.", "years old", "year old", "yrs old"), "a"),
    **dict.fromkeys(("month", "months", "mos"), "mo"),
    **dict.fromkeys(("week", "weeks", "wks"), "wk"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("hour", "hours"), "h"),
    **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters"), "mm"),
    **dict.fromkeys(("centimetre", "centimetres", "centimeter", "centimeters"), "cm"),
    **dict.fromkeys(("ml", "cc", "cm³"), "mL"),
    **dict.fromkeys(("ng/ml", "µg/L", "ug/l"), "ng/mL"),
    **dict.fromkeys(("ng/ml/ml", "ng/ml/cc", "ng/mL/cm3", "ng/ml2", "ng/mL²", "ng/mL2"), "ng/mL/mL"),
    **dict.fromkeys(("mm/y", "mm/yr", "mm/year", "mm per year"), "mm/a"),
    **dict.fromkeys(("10^9/l", "10^9/L", "10*9/l", "x10^9/L", "G/L", "/nL", "10⁹/L"), "10*9/L"),
    **dict.fromkeys(("cells/uL", "cells/µL", "/µL", "/ul"), "/uL"),
    **dict.fromkeys(("ml/min/1.73m2", "mL/min/1.73m2", "mL/min/1.73m²", "ml/min/1.73 m2", "mL/min/1.73 m2"),
                    "mL/min/{1.73_m2}"),
    **dict.fromkeys(("ml/min",), "mL/min"),
    **dict.fromkeys(("HU",), "[hnsf'U]"),
}  # fmt: skip
_BELOW_ZERO = frozenset({"[hnsf'U]"})  # fat is darker than water
_YES = {"yes": Truth.TRUE, "true": Truth.TRUE, "y": Truth.TRUE, "present": Truth.TRUE, "positive": Truth.TRUE}
_NO = {"no": Truth.FALSE, "false": Truth.FALSE, "n": Truth.FALSE, "absent": Truth.FALSE, "negative": Truth.FALSE}
_UNKNOWN_WORDS = {"unknown", "not_known", "not known", "?", "n/a", "na", "not stated", "not_stated"}
# How alike (share of letters in common) a misspelt word is to the one that was meant, and each of its parts.
_NEAR, _NEAR_PART = 0.75, 0.6
# Words of so many facts that they point to none.
_OF_MANY = frozenset({"none", "other", "unknown", "diagnostic", "limited", "not_diagnostic", "stable", "positive"})
_LIST_SHOWN, _LONGEST_WORD = 12, 60
_NUMBER = re.compile(r"\s*([-+]?(?:(?:0|[1-9]\d*)(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?)(?!\d)\s*(.*?)\s*")
# "1,200" may mean 1.2 or 1200: nobody but its writer knows.
_THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2}(?:,\d{3})+(?![\d])")
_LARGEST = 1e12
_DURATION = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")


class MisfitError(ValueError):
    """A value that does not fit its fact: `code` of the error table, what was found and what was expected."""

    def __init__(self, code: str, *, found: object, expected: str, unit: str = "") -> None:
        super().__init__(f"{expected}, not {found}")
        self.code, self.found, self.expected, self.unit = code, found, expected, unit


def parse_value(spec: FactSpec, raw: object, *, take_new_words: bool = False) -> FactValue:
    """Turn what a YAML file says into a typed value of this fact.

    Missing, empty and "unknown" give UNKNOWN, save where `unknown` is a value of the fact itself. Quantities come as a
    number in the fact's unit, as "14 mm" or as {value: 14, unit: mm}. `take_new_words` keeps a word that an open list
    has not, save one that looks like a misspelt known word. Raises MisfitError with a code `case_*`.
    """
    if raw is None:
        return UNKNOWN
    if isinstance(raw, str) and raw.strip().lower() in _UNKNOWN_WORDS and "unknown" not in spec.values:
        return UNKNOWN
    if spec.type is FactType.BOOL:
        return _bool(raw)
    if spec.type is FactType.QUANTITY:
        return _quantity(spec, raw)
    if spec.type is FactType.DATE:
        return _date(raw)
    if spec.type is FactType.LIST:
        return _list(spec, raw, take_new_words and spec.open)
    return _code(spec, raw)


def parse_duration(raw: object) -> Duration:
    """Turn ISO 8601 `P1Y6M`, `P2W` or `P14D` into a Duration. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(f"{raw!r} is no duration such as P6M, P1Y or P14D")
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return Duration(months=12 * years + months, days=7 * weeks + days)


def canonical_fact(name: str, vocabulary: Mapping[str, FactSpec], aliases: Mapping[str, str]) -> str | None:
    """Return the fact that a file means by this name, None when the vocabulary has none."""
    if name in vocabulary:
        return name
    return aliases.get(_fold(name))


def aliases_of(vocabulary: Mapping[str, FactSpec]) -> dict[str, str]:
    """Return every other name of every fact, folded to lower case and underscores.

    Raises ValueError when two facts claim the same name.
    """
    aliases: dict[str, str] = {}
    for name, spec in vocabulary.items():
        for other in (name, *spec.synonyms):
            folded = _fold(other)
            if aliases.setdefault(folded, name) != name:
                raise ValueError(f"{other!r} stands for both {aliases[folded]} and {name}")
    return aliases


def hint_for(name: str, known: Sequence[str]) -> str:
    """Return ", did you mean …?" for the known word that this one misspells; empty where there is none.

    Words that only look alike get no hint: one that the other ends with (asymptomatic and symptomatic, renal and
    adrenal), or words of several parts of which one part is another word (grade_2 and grade_3).
    """
    word = _fold(name)
    folded = {_fold(other): other for other in known}
    near = get_close_matches(word, folded, n=3, cutoff=_NEAR)
    found = next((folded[other] for other in near if _misspells(word, other)), None)
    return f", did you mean {found}?" if found else ""


def hint_for_fact(name: str, vocabulary: Mapping[str, FactSpec], aliases: Mapping[str, str]) -> str:
    """Return what to write instead of an unknown fact: the fact whose word it is, or the one that it misspells."""
    elsewhere = home_of(name, vocabulary)
    return f"; write {elsewhere}" if elsewhere else hint_for(name, [*vocabulary, *aliases])


def home_of(name: str, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return how a case states this word, as "`fact: word`", where facts have it as a value; empty otherwise."""
    word = _fold(name)
    holders = [
        spec
        for spec in vocabulary.values()
        if word in {_fold(each) for each in (*spec.values, *spec.value_synonyms)} and word not in _OF_MANY
    ]
    holders.sort(key=lambda spec: spec.type is not FactType.LIST)
    return " or ".join(f"`{spec.name}: {word}`" for spec in holders[:3])


def _misspells(word: str, other: str) -> bool:
    ours, theirs = word.split("_"), other.split("_")
    if any(one != two and (one.endswith(two) or two.endswith(one)) for one in ours for two in theirs):
        return False
    if len(ours) != len(theirs):
        return True
    pairs = [(one, two) for one, two in zip(ours, theirs, strict=True) if one != two]
    return all(SequenceMatcher(None, one, two).ratio() >= _NEAR_PART for one, two in pairs)


def _fold(word: str) -> str:
    return re.sub(r"[\s\-]+", "_", word.strip()).lower()


def _bool(raw: object) -> Truth:
    if isinstance(raw, bool):
        return Truth.TRUE if raw else Truth.FALSE
    word = str(raw).strip().lower() if isinstance(raw, str) else ""
    if word not in _YES and word not in _NO:
        raise MisfitError("case_wrong_type", found=_short(raw), expected="yes, no or unknown")
    return _YES[word] if word in _YES else _NO[word]


def _code(spec: FactSpec, raw: object) -> str:
    if isinstance(raw, bool):
        raw = "yes" if raw else "no"
    if isinstance(raw, list | dict | date | float):
        raise MisfitError("case_wrong_type", found=_short(raw), expected=f"one of {_some(spec.values)}")
    word = str(raw)
    folded = _fold(word)
    for value in spec.values:
        if folded == value.lower():
            return value
    for other, value in spec.value_synonyms.items():
        if folded == _fold(other):
            return value
    hint = hint_for(word, [*spec.values, *spec.value_synonyms])
    if len(spec.values) > _LIST_SHOWN:
        many = f"{len(spec.values)} words that `mriloop guidelines facts {spec.name}` prints{hint}"
        raise MisfitError("case_wrong_value", found=_short(word), expected=many)
    raise MisfitError("case_wrong_value", found=_short(word), expected=f"{_some(spec.values)}{hint}")


def _new_word(spec: FactSpec, raw: object) -> str:
    """Return a word of an open list: a known one, or a new one that misspells none. Raises MisfitError."""
    try:
        return _code(spec, raw)
    except MisfitError:
        word = _fold(raw) if isinstance(raw, str) else ""
        plain = word.isprintable() and any(map(str.isalpha, word)) and len(word) <= _LONGEST_WORD
        if not plain or word in {*_YES, *_NO, *_UNKNOWN_WORDS} or hint_for(word, [*spec.values, *spec.value_synonyms]):
            raise
        return word


def _list(spec: FactSpec, raw: object, take_new_words: bool) -> tuple[str, ...]:
    items = raw if isinstance(raw, list) else [raw]
    if not spec.values:
        return tuple(sorted({_date(item).isoformat() for item in items}))
    read = _new_word if take_new_words else _code
    return tuple(dict.fromkeys(read(spec, item) for item in items))


def _date(raw: object) -> date:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, int | float | list | dict):
        raise MisfitError("case_wrong_type", found=_short(raw), expected="a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(str(raw).strip())
    except ValueError:
        raise MisfitError("case_impossible_date", found=_short(raw), expected="a date as YYYY-MM-DD") from None


def _quantity(spec: FactSpec, raw: object) -> Quantity:
    unit = spec.unit or "1"
    expected = f"a number in {unit}"
    number: float | None = None
    given = ""
    if isinstance(raw, dict):
        if set(raw) - {"value", "unit"} or "value" not in raw:
            raise MisfitError("case_wrong_type", found=_short(raw), expected="{value: number, unit: word}")
        given, raw = raw.get("unit") or "", raw["value"]
        if not isinstance(given, str):
            raise MisfitError("case_wrong_type", found=_short(given), expected=f"a unit such as {unit}")
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        number = float(raw) if abs(raw) <= _LARGEST else None
    elif isinstance(raw, str):
        if _THOUSANDS.match(raw):
            raise MisfitError("case_wrong_type", found=_short(raw), expected=f"{expected} without thousands commas")
        found = _NUMBER.fullmatch(raw)
        if found:
            number, given = float(found[1].replace(",", ".")), given or found[2]
    if number is None or not abs(number) <= _LARGEST:
        raise MisfitError("case_wrong_type", found=_short(raw), expected=expected)
    if number < 0 and unit not in _BELOW_ZERO:
        raise MisfitError("case_wrong_value", found=_short(raw), expected="a number that is not negative")
    code = _UNIT_WORDS.get(given, _UNIT_WORDS.get(given.lower(), given)) if given else unit
    try:
        return Quantity(value=number, unit=code).to(unit) if code != unit else Quantity(value=number, unit=unit)
    except UnitError:
        shown = given if code in known_units() else f"{given} (an unknown unit)"
        raise MisfitError("case_wrong_unit", found=_short(raw), expected=unit, unit=shown[:60]) from None


def _some(values: Sequence[str]) -> str:
    return ", ".join(values)


def _short(raw: object) -> str:
    if isinstance(raw, list):
        return "a list"
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) > _LARGEST:
        return "a number of far too many digits"
    return "a mapping" if isinstance(raw, dict) else repr(raw)[:60]
