"""One guideline as a CQL library: facts as parameters, every conjunction as a named expression, tables as cases.

Two traps of CQL are written around: `in` on a null list is false there, not null, and a `case` takes a null condition
for false. So the expressions of single rows are three-valued as ours are, and `answer of …` is for complete facts only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mriloop.model.coding import Urgency
from mriloop.model.fact import FactValue, Truth
from mriloop.model.guideline import Condition, FactSpec, FactType, Guideline, Match, Op, Row, Table
from mriloop.model.quantity import Quantity

_TYPES = {
    FactType.BOOL: "Boolean",
    FactType.CODE: "String",
    FactType.QUANTITY: "Decimal",
    FactType.DATE: "Date",
    FactType.LIST: "List<String>",
}
_SIGNS = {Op.AT_LEAST: ">=", Op.MORE_THAN: ">", Op.AT_MOST: "<=", Op.LESS_THAN: "<", Op.IS: "=", Op.IS_NOT: "!="}
_EMERGENCIES = (Urgency.MINUTES, Urgency.HOURS)


def cql_of(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return a guideline as the text of a CQL library.

    Parameters are the facts that it asks for, null where unknown; numbers are in the unit of the comment. `raised`,
    `scope n`, `limit of <table>` and `<table>/<row>` are true, false or null. `guards` is the first guard that is true,
    emergencies first. `answer of <table>` is the first row that is true, or the list of all in an all-match table; it
    means what our engine says only where no fact of the table is null. Derived facts are parameters like the others.
    """
    lines = [
        f"// {_plain(guideline.title)}. After {_plain(guideline.edition)}. Proposals; a named person decides.",
        f"library {_name(guideline.id)} version {_text(guideline.version)}",
        "",
    ]
    for name in _facts(guideline):
        spec = vocabulary[name]
        unit = f" // in {spec.unit}" if spec.unit else ""
        lines.append(f"parameter {_name(name)} {_TYPES[spec.type]}{unit}")
    lines += ["", _define("raised", " or ".join(f"({_all(group, vocabulary)})" for group in guideline.raised_by))]
    for number, scope in enumerate(guideline.applies_when, 1):
        lines.append(_define(f"scope {number}", _all(scope.when, vocabulary)))
    guards = sorted(guideline.guards, key=_rank)
    lines += [_define(f"guards/{row.id}", _all(row.when, vocabulary)) for row in guards]
    lines.append(_define("guards", _first("guards", guards)))
    for table in guideline.tables:
        lines += ["", f"// {_plain(table.question)}: {_plain(table.profile)}"]
        lines.append(_define(f"limit of {table.id}", _all(table.when, vocabulary)))
        lines += [_define(f"{table.id}/{row.id}", _all(row.when, vocabulary)) for row in table.rows]
        lines.append(_define(f"answer of {table.id}", _answer(table)))
    return "\n".join(lines) + "\n"


def _facts(guideline: Guideline) -> tuple[str, ...]:
    groups: list[Sequence[Condition]] = [*guideline.raised_by, *(scope.when for scope in guideline.applies_when)]
    groups += [row.when for row in guideline.guards]
    for table in guideline.tables:
        groups += [table.when, *(row.when for row in table.rows)]
    return tuple(dict.fromkeys(each.fact for group in groups for each in group))


def _answer(table: Table) -> str:
    if table.match is Match.FIRST:
        return _first(table.id, table.rows)
    holding = ", ".join(f"if {_name(f'{table.id}/{row.id}')} then {_text(row.id)} else null" for row in table.rows)
    return f"({{ {holding} }}) answered where answered is not null"


def _first(place: str, rows: Iterable[Row]) -> str:
    cases = " ".join(f"when {_name(f'{place}/{row.id}')} then {_text(row.id)}" for row in rows)
    return f"case {cases} else null as String end" if cases else "null as String"


def _rank(row: Row) -> int:
    return list(Urgency).index(row.urgency) if row.urgency in _EMERGENCIES else len(Urgency)


def _define(name: str, expression: str) -> str:
    return f"define {_name(name)}: {expression or 'false'}"


def _all(conditions: Sequence[Condition], vocabulary: Mapping[str, FactSpec]) -> str:
    return " and ".join(_cell(each, vocabulary[each.fact]) for each in conditions) or "true"


def _cell(each: Condition, spec: FactSpec) -> str:
    fact = _name(each.fact)
    if each.op is Op.KNOWN:
        return f"{fact} is not null" if each.value is Truth.TRUE else f"{fact} is null"
    if each.op in (Op.CONTAINS, Op.LACKS):
        has = f"{_literal(each.value, spec)} in {fact}"
        return f"(if {fact} is null then null as Boolean else {has if each.op is Op.CONTAINS else f'not ({has})'})"
    if isinstance(each.value, tuple):
        words = " or ".join(f"{fact} = {_literal(word, spec)}" for word in each.value)
        return f"not ({words})" if each.op is Op.IS_NOT else f"({words})"
    return f"{fact} {_SIGNS.get(each.op, '=')} {_literal(each.value, spec)}"


def _literal(value: FactValue, spec: FactSpec) -> str:
    if isinstance(value, Truth):
        return "true" if value is Truth.TRUE else "false"
    if isinstance(value, Quantity):
        return f"{round(value.to(spec.unit or '1').value, 8):f}"
    return _text(str(value))


def _name(name: str) -> str:
    return f'"{_escaped(name)}"'


def _text(text: str) -> str:
    return f"'{_escaped(text)}'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')


def _plain(text: str) -> str:
    return " ".join(text.split())
