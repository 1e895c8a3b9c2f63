"""What a batch leaves: one outcome in memory for a few studies, a folder of lines and tables for many."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mriloop.app.batch import Result, Stream, Tally
from mriloop.app.check import Checked, CheckOutcome, Judging
from mriloop.app.inputs import Progress, silent
from mriloop.edges.publish.documents import check_document
from mriloop.edges.publish.group import write_group
from mriloop.edges.publish.tables import (
    Column,
    Journal,
    Line,
    dictionary,
    need_arrow,
    replaced,
    rows_of,
    with_measures,
    write_csv,
    write_derivative,
    write_parquet,
    write_refused,
)
from mriloop.model.errors import Exit
from mriloop.model.quality import StudyCheck, Verdict
from mriloop.model.study import Refused
from mriloop.settings import Settings
from mriloop.stages.check import CATALOGUE

DEFAULT_FORMATS = ("csv", "html")
OnResult = Callable[[Result, Tally], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What a folder of results has come to: how many studies, what was refused, and the files that say it.

    checked, skipped, failed : studies checked by this run, done before it, stopped by a bug (they are tried again by
        the next run)
    counts : series by verdict, over all studies under the paths
    """

    out: Path
    checked: int
    skipped: int
    failed: tuple[tuple[str, str], ...]
    refused: tuple[Refused, ...]
    counts: Mapping[str, int]
    to_repeat: int
    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """Return the exit code: a bug before something that needs a person."""
        if self.failed:
            return Exit.BUG
        return Exit.NEEDS_PERSON if self.to_repeat else Exit.DONE

    def document(self) -> dict[str, Any]:
        """Return the document mriloop/check/1 of every study in the folder, read back from its lines."""
        with Journal(self.out) as journal:
            studies = [study for line in journal for study in line["studies"]]
        return {**check_document((), self.refused), "studies": studies, "warnings": list(self.warnings)}


def check_paths(
    paths: Sequence[Path],
    settings: Settings,
    judging: Judging,
    *,
    pictures: bool = False,
    progress: Progress = silent,
    on_result: OnResult | None = None,
) -> CheckOutcome:
    """Check every study under the paths and return all answers, in the order of the input. Raises as `Stream`.

    With `pictures` the studies and their mosaics are kept as well, as `found`.
    """
    stream = Stream(paths, settings, judging, pictures=pictures, progress=progress)
    results: list[tuple[int, Checked | StudyCheck]] = []
    for result in stream:
        results.append((result.number, result.checked if pictures else result.checked.check))
        if on_result is not None:
            on_result(result, stream.tally)
    results.sort(key=lambda pair: pair[0])
    kept = [one for _, one in results]
    return CheckOutcome(
        checks=tuple(one.check if isinstance(one, Checked) else one for one in kept),
        found=tuple(one for one in kept if isinstance(one, Checked)),
        refused=tuple(stream.tally.refused),
        warnings=_warnings(stream.tally),
    )


def check_into(
    out: Path,
    paths: Sequence[Path],
    settings: Settings,
    judging: Judging,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    descriptions: bool = False,
    progress: Progress = silent,
    on_result: OnResult | None = None,
) -> BatchOutcome:
    """Check every study under the paths that `out` holds no answer to yet, then write the tables of all of them.

    `out/results.jsonl` gets a line for each study as soon as it is judged, on the disk before the next. A run that was
    stopped, killed or cut off is taken up by the same call. A study that a bug stops is left out, and tried again by
    the next call. `descriptions` keeps SeriesDescription, which is free text, in lines and tables.

    Raises
    ------
    SenderError
        as `Stream`, where nothing under the paths could be checked.
    OperatorError
        out_not_writable, usage_not_a_folder, out_busy, out_not_ours.
    ComponentError
        component_missing, for Parquet without pyarrow; before anything is checked.
    """
    if "parquet" in formats:
        need_arrow()
    basis = [f"descriptions {descriptions}"]
    with Journal(out) as journal:
        stream = Stream(paths, settings, judging, done=journal, basis=basis, keep_going=True, progress=progress)
        for result in stream:
            journal.append(line_of(result, descriptions=descriptions))
            if on_result is not None:
                on_result(result, stream.tally)
        files = write_tables(out, journal, formats, stream.tally.refused)
        counts = dict.fromkeys((verdict.value for verdict in Verdict), 0)
        to_repeat = 0
        for line in journal:
            (study,) = line["studies"]
            open_verdicts = [study["verdict"]]
            for one in study["series"]:
                counts[one["verdict"]] += 1
                if one["series_instance_uid"] not in study["superseded"]:
                    open_verdicts.append(one["verdict"])
            to_repeat += Verdict.REPEAT.value in open_verdicts
    return BatchOutcome(
        out=out,
        checked=stream.tally.done,
        skipped=len(stream.tally.skipped),
        failed=tuple(stream.tally.failed),
        refused=tuple(stream.tally.refused),
        counts=counts,
        to_repeat=to_repeat,
        files=files,
        warnings=_warnings(stream.tally),
    )


def line_of(result: Result, *, descriptions: bool) -> Line:
    """Return the line of results.jsonl for a study: a document mriloop/check/1 with where it comes from beside it."""
    check = result.checked.check
    if not descriptions:
        check = replace(check, series=tuple(replace(one, description="") for one in check.series))
    return {
        **check_document([check]),
        "identity": result.identity,
        "subject": result.subject,
        "input": str(result.path),
        "folder": result.folder,
        "context": result.context,
    }


def write_tables(out: Path, journal: Journal, formats: Sequence[str], refused: Sequence[Refused]) -> tuple[Path, ...]:
    """Write the tables of all lines in the wanted formats, and return their paths."""
    columns = columns_of(journal)
    files = [out / "check.json", write_refused(out / "refused.csv", refused)]
    with replaced(files[0]) as fresh:
        fresh.write_text(json.dumps(dictionary(columns), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if "csv" in formats:
        files.append(write_csv(out / "check.csv", _rows(journal), columns))
    if "parquet" in formats:
        files.append(write_parquet(out / "check.parquet", _rows(journal), columns))
    if "bids" in formats:
        write_derivative(out / "bids", journal)
        files.append(out / "bids")
    if "html" in formats:
        files.append(write_group(out / "group.html", _rows(journal), columns))
    return tuple(files)


def columns_of(journal: Journal) -> tuple[Column, ...]:
    """Return the schema: that of this version, and behind it what lines of another version hold beyond it."""
    known = [_measure(one.name, one.unit, one.better) for one in CATALOGUE]
    names = {column.name for column in known}
    more: dict[str, Column] = {}
    for line in journal:
        for series in line["studies"][0]["series"]:
            for name, one in series["measures"].items():
                if name not in names and "value" in one:
                    more[name] = Column(name=name, kind="number", unit=one["unit"], meaning="of another version")
    return with_measures([*known, *(more[name] for name in sorted(more))])


def _measure(name: str, unit: str, better: str) -> Column:
    meaning = f"{name.replace('_', ' ')}: see docs/reference/measures.md"
    return Column(name=name, kind="number", unit=unit, meaning=meaning, better=better)


def _rows(journal: Journal) -> Iterator[dict[str, Any]]:
    for line in journal:
        yield from rows_of(line)


def _warnings(tally: Tally) -> tuple[str, ...]:
    patients = len(tally.patients)
    return (f"{patients} patients under one path: each was checked alone",) if patients > 1 else ()
