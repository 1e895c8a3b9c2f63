"""`mriloop response`: tumour response over any number of visits, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings
from mriloop.model.advice import Advice
from mriloop.model.errors import Exit
from mriloop.model.guideline import Citation
from mriloop.model.quantity import Quantity
from mriloop.model.response import (
    Category,
    Criteria,
    EntryCourse,
    Pattern,
    ResponseCourse,
    ResponseHistory,
    Role,
    Seen,
    Size,
    Standing,
    TrackedLesion,
    Verdict,
)

if TYPE_CHECKING:
    from rich.table import Table


@click.command()
@click.argument("history", type=click.Path(path_type=Path))
@click.option(
    "--criteria",
    type=click.Choice([*(each.value for each in Criteria), "disc", "ramris"]),
    help="Hold it against these in place of the file's own.",
)
@json_option
def response(history: Path, criteria: str | None, as_json: bool) -> None:
    """Hold lesions measured over several visits against published response criteria.

    HISTORY is a YAML file of lesions and visits (docs/reference/response.md; examples in docs/examples). Every visit
    gets its category, the row of the criteria that decided, what is provisional and what would confirm it. What is
    missing is named and never taken for stable disease. Discs and joints are compared in pairs. Exit code 10 when the
    last visit is progression, provisional, or not evaluable, or a disc or joint changed.
    """
    from mriloop.app.response import DISC, RAMRIS, criteria_of, entries, entries_advice, response_advice
    from mriloop.app.response import response as run
    from mriloop.edges.publish.documents import entries_document, response_document

    held = criteria_of(history, criteria)
    if held in (DISC, RAMRIS):
        compared = entries(history, held)
        if as_json:
            emit(entries_document(compared))
        else:
            show_entries(compared)
            show_advice(entries_advice(compared, site=load_settings().site_path))
        moved = any(each.pattern not in (Pattern.UNCHANGED, Pattern.CANNOT_TELL) for each in compared.entries)
        leave(Exit.NEEDS_PERSON if moved else Exit.DONE)
    stated, course = run(history, criteria, site=load_settings().site_path)
    if as_json:
        emit(response_document(course))
    else:
        show(stated, course)
        show_advice(response_advice(stated, course, site=load_settings().site_path))
    last = course.verdicts[-1]
    open_ = last.category in (Category.PD, Category.NE) or last.confirmation.standing is Standing.PENDING
    leave(Exit.NEEDS_PERSON if open_ else Exit.DONE)


def show_advice(advice: Advice) -> None:
    """Print the next step in short: what, when and on whose authority; `mriloop advise` on a case gives the reasons."""
    out = console()
    for each in advice.recommendations:
        due = f" Between {each.window.earliest} and {each.window.latest}." if each.window is not None else ""
        out.print(f"Next: {each.text}{due}", markup=False)
        cited = each.citation
        out.print(f"    {cited.text} ({cited.year}) [{cited.mark}: {cited.locator}], {each.status}", markup=False)
    for asked in advice.undetermined:
        for question in asked.questions:
            out.print(f"Next: cannot say yet. {question}", markup=False)
    for caution in advice.warnings:
        out.print(f"~ {caution.text}", markup=False)


def show_entries(course: EntryCourse) -> None:
    """Print discs or joints: visits as columns, then what changed, by which limit."""
    from rich.table import Table as Grid

    out = console()
    out.print(course.title, markup=False)
    table = Grid("", "unit", *(f"{name}\n{on.isoformat()}" for name, on in course.visits), "over all visits")
    for each in course.entries:
        cells = [f"{value.value:g}" if isinstance(value, Quantity) else "?" for value in each.values]
        table.add_row(each.name, each.unit, *cells, each.pattern.value)
    out.print(table)
    for each in course.entries:
        for one in each.judgements:
            change = "" if one.change is None else f" {one.change:+g}"
            out.print(f"{one.measure}:{change} {one.judged.value} ({one.because})", markup=False)
        for note in each.notes:
            out.print(f"    {note}", markup=False)
    for said in course.cautions:
        out.print(f"~ {said}", markup=False)
    for cited in course.citations:
        out.print(_source(cited), markup=False)


def show(history: ResponseHistory, course: ResponseCourse) -> None:
    """Print the table of a course: visits as columns, targets as rows, then what each visit amounts to and why."""
    out = console()
    out.print(f"{course.title}: {course.measure}, {course.unit}", markup=False)
    out.print(_table(history, course))
    for verdict in course.verdicts:
        for line in _remarks(verdict):
            out.print(line, markup=False)
    at = f" at {course.best_visit}" if course.best_visit else ""
    out.print(f"Best response: {course.best}{at} ({course.best_because})", markup=False)
    if course.progression_on is not None:
        unsure = "" if course.progression_standing is not Standing.PENDING else ", provisional"
        day = course.progression_on.isoformat()
        out.print(f"Progression: dated {day} ({course.progression_visit}){unsure}", markup=False)
    for said in course.objections:
        out.print(f"! {said}", markup=False)
    for said in course.cautions:
        out.print(f"~ {said}", markup=False)
    out.print(_source(course.verdicts[0].citation), markup=False)
    out.print("A measurement beside the criteria, not a treatment decision: a person decides.", markup=False)


def _source(cited: Citation) -> str:
    doi = f" doi:{cited.doi}" if cited.doi else ""
    return f"Source: {cited.text} ({cited.year}){doi} [{cited.mark}: {cited.locator}]"


def _table(history: ResponseHistory, course: ResponseCourse) -> Table:
    from rich.table import Table as Grid

    table = Grid("", *(f"{each.visit}\n{each.on.isoformat()}" for each in course.verdicts))
    by_id = {each.id: each for each in history.visits}
    for lesion in history.lesions:
        if lesion.role is Role.TARGET:
            cells = [_cell(by_id[each.visit].sizes.get(lesion.id), lesion) for each in course.verdicts]
            table.add_row(_name(lesion), *cells)
    table.add_section()
    for tissue in dict.fromkeys(sums.tissue for each in course.verdicts for sums in each.sums):
        label = "sum" if tissue is None else f"sum, {tissue}"
        rows: dict[str, list[str]] = {label: [], "  from baseline": [], "  from nadir": []}
        for verdict in course.verdicts:
            sums = next((each for each in verdict.sums if each.tissue is tissue), None)
            value = None if sums is None else getattr(sums.value, "value", None)
            rows[label].append("" if sums is None else "?" if value is None else f"{value:.4g}")
            rows["  from baseline"].append(_percent(None if sums is None else sums.from_baseline_percent))
            rows["  from nadir"].append(_percent(None if sums is None else sums.from_nadir_percent))
        for name, cells in rows.items():
            table.add_row(name, *cells)
    table.add_section()
    table.add_row("non-target", *(each.non_target.value for each in course.verdicts))
    table.add_row("new lesions", *(each.new_lesions.value for each in course.verdicts))
    table.add_row("category", *(_category(each) for each in course.verdicts), style="bold")
    return table


def _name(lesion: TrackedLesion) -> str:
    kind = "node" if lesion.node else lesion.organ
    return f"{lesion.id} {kind}".strip()


def _cell(size: Size | None, lesion: TrackedLesion) -> str:
    if size is None or size.seen is Seen.NOT_ASSESSED:
        return "?"
    if size.seen is Seen.GONE:
        return "gone"
    lengths = [size.perpendicular_mm] if lesion.node else [size.longest_mm, size.perpendicular_mm]
    said = " x ".join(f"{each:g}" for each in lengths if each is not None)
    if size.volume_ml is not None:
        said = f"{said} ({size.volume_ml:g} mL)".strip()
    return said or size.seen.value


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %"


def _category(verdict: Verdict) -> str:
    marks = {Standing.PENDING: "?", Standing.CONFIRMED: " confirmed", Standing.REFUTED: f" -> {verdict.counts_as}"}
    return f"{verdict.category}{marks.get(verdict.confirmation.standing, '')}"


def _remarks(verdict: Verdict) -> Iterator[str]:
    if verdict.category not in (Category.BASELINE, Category.BEFORE_BASELINE):
        yield f"{verdict.visit}: {_category(verdict)}: {verdict.because} [{verdict.row}]"
    if verdict.missing:
        yield f"    missing: {', '.join(verdict.missing)}"
    known = verdict.confirmation
    if known.standing is Standing.PENDING:
        since = f" (from {known.earliest.isoformat()})" if known.earliest is not None else ""
        yield f"    provisional, counts as {verdict.counts_as} so far; needs {known.needs}{since}"
    elif known.standing is not Standing.FINAL:
        yield f"    {known.standing} by {known.by_visit}; counts as {verdict.counts_as}"
    for said in verdict.flags:
        yield f"    note: {said}"
