"""`mriloop compare`: today's study beside its priors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, workers_option
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console

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
        _show(outcome.comparison, console())
        for path in outcome.written:
            console().print(f"written: {path}")
    leave(Exit.DONE)


def _show(comparison: Comparison, out: Console) -> None:
    from rich.table import Table

    pairs = Table("today", "prior", "comparability", "uncertainty", "accepted", title="Series", title_justify="left")
    for pair in comparison.pairs:
        alignment = pair.alignment
        accepted = "yes" if alignment.accepted else f"no: {alignment.reason}"
        pairs.add_row(
            f"…{pair.today[-10:]}", f"…{pair.prior[-10:]}", ", ".join(pair.comparability) or "same protocol",
            f"{alignment.uncertainty_mm:.2f} mm", accepted,
        )  # fmt: skip
    out.print(pairs)
    changes = Table("id", "kind", "location", "volume", "change", "diameter", "confidence", title="Candidate changes",
                    title_justify="left")  # fmt: skip
    for one in comparison.changes:
        changes.add_row(
            str(one.id), str(one.kind), one.location, f"{one.volume_ml:.3f} mL", f"{one.volume_change_ml:+.3f} mL",
            f"{one.diameter_mm:.1f} mm", f"{one.confidence:.2f}",
        )  # fmt: skip
    out.print(changes)
    for refused in comparison.not_comparable:
        out.print(f"not comparable: …{refused.series[-10:]}: {refused.reason}")
    out.print(comparison.statement)
