"""One field of a header against its rule: passes, deviates, or cannot be told; a missing tag is never a pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mriloop.model.fact import Truth, any_of
from mriloop.model.protocol import FieldResult, FieldRule, FieldState, Span, When
from mriloop.model.quality import Severity
from mriloop.model.study import Series
from mriloop.stages.check.header import Header
from mriloop.stages.check.protocol.fields import BY_KEYWORD, take

_EDGE = 1e-3  # share of a limit that rounding in headers may take; a limit is not a value
_ROUNDING = 1e-9
_SEVERITY = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2}


def applies(when: When, header: Header) -> Truth:
    """Tell whether a header is of the scanners that `when` names: UNKNOWN where it does not say what would decide."""
    result = Truth.TRUE
    for keyword, wanted in when:
        if isinstance(wanted, Span):
            numbers = take(keyword, header, text=False)
            found = Truth.UNKNOWN if not numbers else _inside(float(numbers[0]), wanted)
        else:
            parts = (wanted,) if isinstance(wanted, str) else wanted
            words = header.words(keyword)
            held = any(part.upper() in word for part in parts for word in words)
            found = Truth.UNKNOWN if not words else Truth.TRUE if held else Truth.FALSE
        result &= found
    return result


def _inside(number: float, span: Span) -> Truth:
    low = span.minimum is None or number >= span.minimum - abs(span.minimum) * _EDGE
    high = span.maximum is None or number <= span.maximum + abs(span.maximum) * _EDGE
    return Truth.TRUE if low and high else Truth.FALSE


def in_force(rules: Sequence[FieldRule], header: Header) -> tuple[FieldRule, ...]:
    """Return the rules that hold for this scanner: one that names it replaces the general one for the same keyword."""
    own = {rule.keyword for rule in rules if rule.when and applies(rule.when, header) is Truth.TRUE}
    return tuple(
        rule
        for rule in rules
        if (rule.when and applies(rule.when, header) is not Truth.FALSE) or (not rule.when and rule.keyword not in own)
    )


def compare(rule: FieldRule, series: Series) -> FieldResult:
    """Hold one field of a series against its rule. A number equal to the wanted one within 1 % passes by default."""
    header = Header(series)
    here = applies(rule.when, header)
    wanted = wanted_of(rule)
    if here is Truth.FALSE:
        return _result(rule, FieldState.NOT_APPLICABLE, "", "")
    if here is Truth.UNKNOWN:
        return _result(rule, FieldState.UNKNOWN, "", wanted)
    if rule.any_of:
        return _one_suffices(rule, series, wanted)
    text = bool(rule.one_of or rule.contains_any or rule.contains_all or rule.none_of)
    found = take(rule.keyword, header, text=text)
    if not found:
        return _result(rule, FieldState.UNKNOWN, "", wanted)
    if text:
        words = tuple(str(word) for word in found)
        good = _text_holds(rule, words)
        return _result(rule, FieldState.PASS if good else FieldState.DEVIATION, "\\".join(words), wanted)
    numbers = tuple(float(number) for number in found)
    if rule.values:
        good = _same_set(rule, numbers)
        shown = ", ".join(f"{number:.4g}" for number in numbers)
        return _result(rule, FieldState.PASS if good else FieldState.DEVIATION, shown, wanted)
    number = numbers[0]
    if _number_holds(rule, numbers if _all_count(rule.keyword) else (number,)):
        return _result(rule, FieldState.PASS, f"{number:.4g}", wanted)
    worse = replace(rule, severity=Severity.MAJOR) if _spoils(rule, number) else rule
    return _result(worse, FieldState.DEVIATION, f"{number:.6g}", wanted)


def _all_count(keyword: str) -> bool:
    return keyword in BY_KEYWORD and BY_KEYWORD[keyword].kind == "numbers"


def _one_suffices(rule: FieldRule, series: Series, wanted: str) -> FieldResult:
    results = [compare(replace(each, when=()), series) for each in rule.any_of]
    best = min(results, key=lambda r: (r.state is not FieldState.PASS, r.state is FieldState.UNKNOWN))
    answer = any_of(_truth(r.state) for r in results)
    state = {Truth.TRUE: FieldState.PASS, Truth.FALSE: FieldState.DEVIATION, Truth.UNKNOWN: FieldState.UNKNOWN}[answer]
    return _result(rule, state, best.found, wanted)


def _truth(state: FieldState) -> Truth:
    return {FieldState.PASS: Truth.TRUE, FieldState.DEVIATION: Truth.FALSE}.get(state, Truth.UNKNOWN)


def _text_holds(rule: FieldRule, words: Sequence[str]) -> bool:
    good = not rule.one_of or any(word in {w.upper() for w in rule.one_of} for word in words)
    good &= not rule.contains_any or any(part.upper() in word for part in rule.contains_any for word in words)
    good &= all(any(part.upper() in word for word in words) for part in rule.contains_all)
    return good and not any(word in {w.upper() for w in rule.none_of} for word in words)


def slack(rule: FieldRule, value: float) -> float:
    """Return the absolute tolerance of a rule about `value`."""
    return rule.tolerance if rule.tolerance is not None else abs(value) * rule.relative


def _near(rule: FieldRule, number: float, value: float) -> bool:
    return abs(number - value) <= slack(rule, value) * (1 + _ROUNDING) + _ROUNDING


def _same_set(rule: FieldRule, numbers: Iterable[float]) -> bool:
    found = tuple(numbers)
    wanted = all(any(_near(rule, number, value) for number in found) for value in rule.values)
    return wanted and all(any(_near(rule, number, value) for value in rule.values) for number in found)


def _number_holds(rule: FieldRule, numbers: Sequence[float]) -> bool:
    span = Span(minimum=rule.minimum, maximum=rule.maximum)
    return all(
        (rule.value is None or _near(rule, number, rule.value)) and _inside(number, span) is Truth.TRUE
        for number in numbers
    )


def _spoils(rule: FieldRule, number: float) -> bool:
    """Tell whether a deviation is beyond the second limit, where there is one."""
    apart = rule.value is not None and rule.major_tolerance is not None
    far = apart and abs(number - (rule.value or 0.0)) > (rule.major_tolerance or 0.0)
    low = rule.major_minimum is not None and number < rule.major_minimum
    return far or low or (rule.major_maximum is not None and number > rule.major_maximum)


def wanted_of(rule: FieldRule) -> str:
    """Return in words what a rule asks for, with tolerance and unit."""
    unit = f" {rule.unit}" if rule.unit not in ("", "1", "{count}") else ""
    if rule.any_of:
        return " or ".join(wanted_of(replace(each, unit=each.unit or rule.unit)) for each in rule.any_of)
    said = []
    if rule.value is not None:
        allowed = slack(rule, rule.value)
        said.append(f"{rule.value:g}{f' ± {allowed:.3g}' if allowed else ''}{unit}")
    if rule.values:
        allowed = max(slack(rule, value) for value in rule.values)
        said.append(" and ".join(f"{v:g}" for v in rule.values) + (f" ± {allowed:.3g}" if allowed else "") + unit)
    if rule.minimum is not None and rule.maximum is not None:
        said.append(f"{rule.minimum:g} to {rule.maximum:g}{unit}")
    elif rule.minimum is not None:
        said.append(f"at least {rule.minimum:g}{unit}")
    elif rule.maximum is not None:
        said.append(f"at most {rule.maximum:g}{unit}")
    said += [" or ".join(rule.one_of)] if rule.one_of else []
    said += [("a text with " + " or ".join(rule.contains_any))] if rule.contains_any else []
    said += [("a text with " + " and ".join(rule.contains_all))] if rule.contains_all else []
    said += [("not " + ", ".join(rule.none_of))] if rule.none_of else []
    return ", ".join(said)


def _action(rule: FieldRule, wanted: str) -> str:
    field = BY_KEYWORD.get(rule.keyword)
    what = field.action.format(wanted=wanted) if field else f"Set {rule.keyword} to {wanted}"
    if rule.severity is Severity.MAJOR:
        return f"{what} and repeat the series before the patient leaves."
    if rule.severity is Severity.MINOR:
        return f"{what} and mend the stored protocol; repeat only if the deviation changes what can be seen."
    return f"{what} next time; nothing to repeat."


def _result(rule: FieldRule, state: FieldState, found: str, wanted: str) -> FieldResult:
    return FieldResult(
        keyword=rule.keyword,
        state=state,
        found=found,
        wanted=wanted,
        severity=rule.severity,
        unit=rule.unit,
        tolerance=None if rule.value is None else slack(rule, rule.value),
        because=rule.because,
        action=_action(rule, wanted) if state is FieldState.DEVIATION else "",
    )


def burden(results: Sequence[FieldResult]) -> tuple[int, int, int, int]:
    """Order results from best to worst: major, minor and slight deviations, then fields of which nothing is known."""
    off = [r for r in results if r.state is FieldState.DEVIATION]
    counts = [sum(_SEVERITY[r.severity] == level for r in off) for level in (2, 1, 0)]
    return counts[0], counts[1], counts[2], sum(r.state is FieldState.UNKNOWN for r in results)
