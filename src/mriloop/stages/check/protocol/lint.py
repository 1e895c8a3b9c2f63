"""What a physicist should mend in a reference, and in what two references differ; pure text and tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mriloop.model.fact import Truth
from mriloop.model.guideline import Mark
from mriloop.model.protocol import CoilRule, FieldRule, Protocol, ProtocolProblem, SeriesProtocol, Span, When
from mriloop.stages.check.protocol.compare import slack, wanted_of
from mriloop.stages.check.protocol.fields import BY_KEYWORD

_WIDE = 1.0  # a tolerance of the whole value passes everything; public references have shipped such
_WORDS: dict[str, frozenset[str]] = {
    "FatSuppression": frozenset({"YES", "NO"}),
    "ContrastAgent": frozenset({"YES", "NO"}),
    "PartialFourier": frozenset({"YES", "NO"}),
    "MRAcquisitionType": frozenset({"2D", "3D"}),
    "InPlanePhaseEncodingDirection": frozenset({"ROW", "COL"}),
    "PhaseEncodingAxis": frozenset({"RL", "AP", "HF"}),
}


def lint_protocol(protocol: Protocol, readable: Collection[str]) -> tuple[ProtocolProblem, ...]:
    """Return what is wrong with a reference although it loads; `readable` are the element keywords that mriloop reads.

    unknown_field: nothing reads it, so it would be unknown for ever · wrong_unit, no_unit: the number stands in another
    unit than headers do · passes_all: a tolerance as wide as the value · never_met: words that the field never holds ·
    unreachable: a word of `one_of` in lower case is fine, a second general rule for the same field is not ·
    no_field: a required line that asks for nothing but its kind · weak_citation: only remembered, with no primary text.
    """
    found = [problem for line in protocol.series for problem in _line(line, readable)]
    if protocol.status.value == "active" and all(c.mark is Mark.M for c in protocol.citations):
        found.append(ProtocolProblem(code="weak_citation", where="citations", text="active, but only from memory"))
    if not protocol.keywords and not protocol.fallback:
        text = "no word and no region leads to it: it is used only when it is named"
        found.append(ProtocolProblem(code="never_chosen", where="keywords", text=text))
    if not any(line.required for line in protocol.series):
        found.append(ProtocolProblem(code="nothing_required", where="series", text="no series is required"))
    return tuple(found)


def _line(line: SeriesProtocol, readable: Collection[str]) -> list[ProtocolProblem]:
    where = f"series {line.id}"
    found = []
    groups = [(where, line.fields), *((f"{where}, set-up {s.title}", s.fields) for s in line.setups)]
    for place, rules in groups:
        general = [rule.keyword for rule in rules if not rule.when]
        for twice in sorted({k for k in general if general.count(k) > 1}):
            text = f"{twice} stands twice; both must hold"
            found.append(ProtocolProblem(code="field_twice", where=place, text=text))
        for rule in rules:
            found += _rule(rule, f"{place}, {rule.keyword}", readable)
    if len(line.setups) == 1:
        text = "one set-up is no choice: put its fields under fields"
        found.append(ProtocolProblem(code="lone_setup", where=where, text=text))
    return found


def _rule(rule: FieldRule, where: str, readable: Collection[str]) -> list[ProtocolProblem]:
    found = []
    field = BY_KEYWORD.get(rule.keyword)
    if field is None and rule.keyword not in readable:
        found.append(ProtocolProblem(code="unknown_field", where=where, text="mriloop reads no such field"))
    for keyword in (key for key, _ in rule.when):
        if keyword not in BY_KEYWORD and keyword not in readable:
            text = f"when: mriloop reads no {keyword}"
            found.append(ProtocolProblem(code="unknown_field", where=where, text=text))
    numeric = rule.value is not None or rule.values or rule.minimum is not None or rule.maximum is not None
    if field is not None and numeric and field.kind != "text" and field.unit not in ("1", "{count}"):
        if not rule.unit:
            found.append(ProtocolProblem(code="no_unit", where=where, text=f"say the unit: {field.unit}"))
        elif rule.unit != field.unit:
            text = f"headers give {field.unit}, the rule says {rule.unit}"
            found.append(ProtocolProblem(code="wrong_unit", where=where, text=text))
    if field is not None and field.kind == "text" and numeric:
        found.append(ProtocolProblem(code="never_met", where=where, text="a field of words is held against a number"))
    for value in ([] if rule.value is None else [rule.value]) + list(rule.values):
        if value and slack(rule, value) >= _WIDE * abs(value):
            text = f"a tolerance of {slack(rule, value):g} about {value:g} lets everything pass"
            found.append(ProtocolProblem(code="passes_all", where=where, text=text))
    known = _WORDS.get(rule.keyword)
    wrong = [word for word in rule.one_of if known and word.upper() not in known]
    if wrong and known:
        text = f"{', '.join(wrong)} is none of {', '.join(sorted(known))}"
        found.append(ProtocolProblem(code="never_met", where=where, text=text))
    return found + [problem for one in rule.any_of for problem in _rule(one, where, readable)]


def show_protocol(protocol: Protocol) -> str:
    """Return a reference as text that a physicist can read and sign."""
    head = f"{protocol.title} ({protocol.id}, version {protocol.version}, {protocol.status.value})"
    lines = [head, "=" * len(head), "", f"regions: {', '.join(r.value for r in protocol.regions)}"]
    lines += [f"words: {', '.join(protocol.keywords)}"] if protocol.keywords else []
    lines += [f"not for: {', '.join(protocol.not_for)}"] if protocol.not_for else []
    if protocol.fallback:
        where = ", ".join(r.value for r in protocol.fallback_regions or protocol.regions)
        lines += [f"without words it informs, and never punishes, exams of: {where}"]
    for line in protocol.series:
        lines += ["", *_shown(line, protocol)]
    lines += ["", "Sources (V read, V2 read second-hand, M+ and M remembered):"]
    lines += [f"  [{c.mark.value}] {c.text}, {c.year}; {c.locator}" + (f"; doi:{c.doi}" if c.doi else "") for c in
              protocol.citations]  # fmt: skip
    return "\n".join(lines)


def _shown(line: SeriesProtocol, protocol: Protocol) -> list[str]:
    what = [" or ".join(w.value for w in line.weightings)]
    what += [" or ".join(p.value for p in line.planes)] if line.planes else []
    what += [{Truth.TRUE: "after contrast", Truth.FALSE: "before contrast"}.get(line.contrast, "")]
    what += [{Truth.TRUE: "fat-suppressed", Truth.FALSE: "not fat-suppressed"}.get(line.fat_suppressed, "")]
    what += [{Truth.TRUE: "3-D", Truth.FALSE: "2-D"}.get(line.three_d, "")]
    what += [" or ".join(r.value for r in line.regions)] if line.regions not in ((), protocol.regions) else []
    need = "required" if line.required else "optional"
    found = [f"{line.id}: {line.title} [{need}]", f"  {', '.join(part for part in what if part)}"]
    found += [f"  why: {line.because}"] if line.because else []
    found += [f"  or instead: {', '.join(line.alternatives)}"] if line.alternatives else []
    rows = [_row(rule) for rule in line.fields] + [("coil", _coil(c), "", _on(c.when), c.because) for c in line.coils]
    for setup in line.setups:
        rows += [(f"set-up {setup.title}:", "", "", "", ""), *(_row(rule, indent="  ") for rule in setup.fields)]
    if rows:
        rows.insert(0, ("field", "wanted", "severity", "on", "why"))
        widths = [max(len(row[k]) for row in rows) for k in range(5)]
        found += ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return found


def _row(rule: FieldRule, indent: str = "") -> tuple[str, str, str, str, str]:
    severity = rule.severity.value
    limits = []
    if rule.value is not None and rule.major_tolerance is not None:
        limits.append(f"± {rule.major_tolerance:g}")
    limits += [f"below {rule.major_minimum:g}"] if rule.major_minimum is not None else []
    limits += [f"above {rule.major_maximum:g}"] if rule.major_maximum is not None else []
    if limits:
        severity += f", major beyond {' and '.join(limits)}"
    return indent + rule.keyword, wanted_of(rule), severity, _on(rule.when), rule.because


def _coil(rule: CoilRule) -> str:
    parts = [" or ".join((*rule.names, *rule.families))] if rule.names or rule.families else []
    return ", ".join([*parts, *([f"elements {' '.join(rule.elements)}"] if rule.elements else [])])


def _on(when: When) -> str:
    said = []
    for keyword, wanted in when:
        if isinstance(wanted, Span):
            low = "" if wanted.minimum is None else f"{wanted.minimum:g}"
            high = "" if wanted.maximum is None else f"{wanted.maximum:g}"
            said.append(f"{keyword} {low} to {high}".strip())
        else:
            said.append(f"{keyword} {wanted if isinstance(wanted, str) else ' or '.join(wanted)}")
    return ", ".join(said)


def diff_protocols(one: Protocol, two: Protocol) -> tuple[tuple[str, str, str], ...]:
    """Return (where, in the first, in the second) for everything in which two references differ; empty when nothing."""
    found: list[tuple[str, str, str]] = []
    for name in ("title", "version", "status", "regions", "keywords", "not_for", "fallback"):
        _differ(found, name, _plain(getattr(one, name)), _plain(getattr(two, name)))
    mine, its = ({line.id: line for line in p.series} for p in (one, two))
    for key in [*mine, *(k for k in its if k not in mine)]:
        a, b = mine.get(key), its.get(key)
        if a is None or b is None:
            found.append((f"series {key}", "absent" if a is None else a.title, "absent" if b is None else b.title))
            continue
        for name in ("title", "weightings", "planes", "regions", "contrast", "fat_suppressed", "three_d", "required",
                     "alternatives", "named"):  # fmt: skip
            _differ(found, f"series {key}, {name}", _plain(getattr(a, name)), _plain(getattr(b, name)))
        left, right = _conditions(a), _conditions(b)
        for field in [*left, *(k for k in right if k not in left)]:
            _differ(found, f"series {key}, {field}", left.get(field, "any"), right.get(field, "any"))
    return tuple(found)


def _conditions(line: SeriesProtocol) -> dict[str, str]:
    found = {f"coil {i}": _coil(rule) for i, rule in enumerate(line.coils, 1)}
    groups: Sequence[tuple[str, tuple[FieldRule, ...]]] = [("", line.fields)]
    groups = [*groups, *((f"set-up {s.title}, ", s.fields) for s in line.setups)]
    for prefix, rules in groups:
        for rule in rules:
            on = f" on {_on(rule.when)}" if rule.when else ""
            _, wanted, severity, _, _ = _row(rule)
            name = f"{prefix}{rule.keyword}{on}"
            text = wanted if severity == "minor" else f"{wanted} ({severity})"
            found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _plain(value: object) -> str:
    if isinstance(value, Truth):
        return "any" if value is Truth.UNKNOWN else value.answer
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _differ(found: list[tuple[str, str, str]], where: str, one: str, two: str) -> None:
    if one != two:
        found.append((where, one, two))
