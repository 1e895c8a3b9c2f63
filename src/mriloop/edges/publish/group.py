"""The report of a batch: one page that needs nothing from outside, and works without its few lines of script."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mriloop.edges.publish.render import asset, render
from mriloop.edges.publish.tables.columns import COLUMNS, Column
from mriloop.edges.publish.tables.outliers import LEAST, LIMIT, Spread, like, spreads
from mriloop.edges.publish.tables.rows import Row
from mriloop.edges.publish.tables.write import replaced
from mriloop.model.quality import Verdict

GROUPS_SHOWN = 8
APART_SHOWN = 200
_SCORED = (Verdict.ACCEPTABLE.value, Verdict.LIMITED.value, Verdict.REPEAT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One line of a table of counts: `repeat_share` in percent of the scored series, None where none was scored."""

    name: str
    counts: tuple[int, ...]
    total: int
    repeat_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One spread as it is drawn: places in percent of the measure's own axis."""

    spread: Spread
    ends: tuple[float, float]
    box: tuple[float, float]
    middle: float
    dots: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One measure with its groups of like series on one axis from `low` to `high`."""

    column: Column
    low: float
    high: float
    strips: tuple[Strip, ...]
    more: int


def write_group(path: Path, rows: Iterable[Row], columns: Sequence[Column]) -> Path:
    """Write the report of these rows to `path`. Raises OperatorError out_not_writable."""
    html = group_html(list(rows), columns)
    with replaced(path) as fresh:
        fresh.write_text(html, encoding="utf-8")
    return path


def group_html(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Return the page: verdicts by scanner, kind and defect, spread of each measure with outliers, all series."""
    fixed = {column.name for column in COLUMNS}
    measures = [column for column in columns if column.name not in fixed]
    distributions = [one for one in (_distribution(rows, column) for column in measures) if one is not None]
    apart = _apart(rows, distributions)
    style, script = asset("style.css") + asset("group.css"), asset("group.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    scored = [row for row in rows if row["verdict"] in _SCORED and row["superseded"] != "yes"]
    return str(
        render(
            "group.html.j2",
            style=Markup(style),
            script=Markup(script),
            policy=policy,
            rows=[_shown(number, row, apart) for number, row in enumerate(rows)],
            studies=len({row["study_instance_uid"] for row in rows}),
            verdicts=tuple(Verdict),
            tally=Counter(row["verdict"] for row in rows),
            scored=len(scored),
            repeats=sum(row["verdict"] == Verdict.REPEAT.value for row in scored),
            tables=[
                ("By scanner", "scanner", _counted(rows, _scanner)),
                ("By kind of series", "kind", _counted(rows, _kind)),
            ],
            causes=_causes(rows, len(scored)),
            distributions=distributions,
            apart=sorted(apart.values(), key=lambda one: -abs(one[0]["z"]))[:APART_SHOWN],
            apart_count=len(apart),
            limit=LIMIT,
            least=LEAST,
            groups_shown=GROUPS_SHOWN,
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _scanner(row: Row) -> str:
    parts = [str(row[name]) for name in ("manufacturer", "model") if row.get(name)]
    parts += [f"scanner {row['device'][:6]}"] if row.get("device") else []
    if isinstance(field := row.get("field_strength"), int | float):
        parts.append(f"{field:.1f} T")
    return " · ".join(parts) or "not said"


def _kind(row: Row) -> str:
    words = [str(row["weighting"])] + ([] if row["region"] == "unknown" else [str(row["region"]).replace("_", " ")])
    return ", ".join(words) + (", computed" if row["derived"] == "yes" else "")


def _counted(rows: Sequence[Row], of: Callable[[Row], str]) -> list[Counted]:
    """Count the verdicts by what `of` says of a series; the most series first. The rate leaves out replaced ones."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[of(row)].append(row)
    found = []
    for name, members in groups.items():
        verdicts = Counter(row["verdict"] for row in members)
        scored = [row["verdict"] for row in members if row["verdict"] in _SCORED and row["superseded"] != "yes"]
        share = 100 * scored.count(Verdict.REPEAT.value) / len(scored) if scored else None
        counts = tuple(verdicts[verdict.value] for verdict in Verdict)
        found.append(Counted(name=name, counts=counts, total=len(members), repeat_share=share))
    return sorted(found, key=lambda one: (-one.total, one.name))


def _causes(rows: Sequence[Row], scored: int) -> list[dict[str, Any]]:
    """Return for each defect how many series have it, how many have to be repeated for it, and the repeat rate."""
    seen: Counter[str] = Counter()
    spoils: Counter[str] = Counter()
    for row in rows:
        seen.update(row["defects"].split())
        if row["verdict"] == Verdict.REPEAT.value and row["superseded"] != "yes":
            spoils.update(row["reasons"].split())
    return [
        {"code": code, "seen": count, "repeats": spoils[code], "share": 100 * spoils[code] / scored if scored else None}
        for code, count in sorted(seen.items(), key=lambda one: (-spoils[one[0]], -one[1], one[0]))
    ]


def _distribution(rows: Sequence[Row], column: Column) -> Distribution | None:
    found = spreads(rows, column)
    if not found:
        return None
    shown = found[:GROUPS_SHOWN]
    low = min(
        min(one.ends[0], *(value for _, value, _ in one.apart[:20])) if one.apart else one.ends[0] for one in shown
    )
    high = max(
        max(one.ends[1], *(value for _, value, _ in one.apart[:20])) if one.apart else one.ends[1] for one in shown
    )
    width = high - low or 1.0

    def place(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / width)), 2)

    strips = tuple(
        Strip(
            spread=one,
            ends=(place(one.ends[0]), place(one.ends[1])),
            box=(place(one.quartiles[0]), place(one.quartiles[1])),
            middle=place(one.median),
            dots=tuple((number, place(value), value, z) for number, value, z in one.apart[:20]),
        )
        for one in shown
    )
    return Distribution(column=column, low=low, high=high, strips=strips, more=len(found) - len(shown))


def _apart(rows: Sequence[Row], distributions: Sequence[Distribution]) -> dict[int, list[dict[str, Any]]]:
    """Return for each row that stands apart in which measures, the worst first."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in distributions:
        for spread in spreads(rows, one.column):
            for number, value, z in spread.apart:
                found[number].append(
                    {
                        "number": number,
                        "measure": one.column.name,
                        "value": value,
                        "unit": one.column.unit,
                        "z": z,
                        "median": spread.median,
                        "group": spread.group,
                    }
                )
    for members in found.values():
        members.sort(key=lambda member: -abs(member["z"]))
    return found


def _shown(number: int, row: Row, apart: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what the table of all series shows of a row; `text` is what the filter looks through."""
    name = row.get("bids_name") or row.get("description") or ""
    number_said = row["series_number"]
    label = f"{'' if number_said is None else number_said} {name}".strip() or "without a number"
    if not name:
        label += f" of study …{row['study_instance_uid'][-6:]}"
    return {
        "anchor": f"s{number}",
        "study": row["study_instance_uid"],
        "series": row["series_instance_uid"],
        "label": label,
        "kind": _kind(row),
        "like": like(row),
        "scanner": _scanner(row),
        "verdict": Verdict(row["verdict"]),
        "superseded": row["superseded"] == "yes",
        "defects": row["defects"].split(),
        "apart": apart.get(number, []),
    }
