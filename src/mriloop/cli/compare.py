"""`mriloop compare`: today's study beside its priors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, workers_option
from mriloop.model.comparison import Standing
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console

    from mriloop.app.compare import CompareOutcome
    from mriloop.model.comparison import Comparison


@click.command()
@click.argument("today", type=click.Path(path_type=Path))
@click.argument("priors", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="PRIOR...")
@click.option("--out", type=click.Path(path_type=Path), help="Write change maps (NIfTI) and pictures to this folder.")
@workers_option
@json_option
def compare(today: Path, priors: tuple[Path, ...], out: Path | None, workers: int | None, as_json: bool) -> None:
    """Lay today's study over its priors and list what changed.

    Refused when a prior belongs to another patient, is the study itself, or is later than it. Changes are candidates
    for a reader; beside them stands how small and faint a change this very pair would have shown.
    """
    from mriloop.app.compare import compare_paths

    settings = load_settings(workers=workers)
    progress = Progress()
    with progress.shown():
        outcome = compare_paths(today, priors, settings, out=out, progress=progress)
    if as_json:
        emit(outcome.document())
    else:
        _show(outcome, console())
        for path in outcome.written:
            console().print(f"written: {path}")
    leave(Exit.DONE)


def _show(outcome: CompareOutcome, out: Console) -> None:
    from rich.table import Table

    comparison, names = outcome.comparison, outcome.names
    pairs = Table("today", "prior", "comparability", "map", "uncertain by", "usable", title="Series",
                  title_justify="left")  # fmt: skip
    for pair in comparison.pairs:
        alignment = pair.alignment
        pairs.add_row(
            names.get(pair.today, pair.today), names.get(pair.prior, pair.prior), ", ".join(pair.comparability),
            str(alignment.model), f"{alignment.uncertainty_mm:.2f} mm",
            "yes" if alignment.accepted else f"no: {alignment.reason}",
        )  # fmt: skip
    out.print(pairs)
    show_changes(comparison, out)
    for refused in comparison.not_comparable:
        out.print(f"not comparable: {names.get(refused.series, refused.series)}: {refused.reason}")
    for caution in comparison.cautions:
        out.print(f"caution: {caution}")
    for one in comparison.judgements:
        out.print(f"{one.measure}: {one.judged}: {one.because}")
    out.print(comparison.statement)
    if comparison.against_baseline is not None:
        out.print(f"Against the baseline: {comparison.against_baseline.statement}")


def show_changes(comparison: Comparison, out: Console) -> None:
    """Print the numbered list of changes, those that no person has rejected first."""
    from rich.table import Table

    changes = Table("id", "kind", "location", "volume", "change", "diameter", "confidence", "a person says",
                    title="Candidate changes", title_justify="left")  # fmt: skip
    for one in (*comparison.upheld, *(c for c in comparison.changes if c not in comparison.upheld)):
        across = f"{one.diameter_mm:.1f}"
        if one.perpendicular_mm is not None:
            across += f" × {one.perpendicular_mm:.1f}"
        changes.add_row(
            str(one.id), str(one.kind), one.location, f"{one.volume_ml:.3f} mL", f"{one.volume_change_ml:+.3f} mL",
            f"{across} mm", f"{one.confidence:.2f}",
            "" if one.standing is Standing.PROPOSED else str(one.standing),
        )  # fmt: skip
    out.print(changes)
