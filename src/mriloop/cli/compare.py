"""`mriloop compare`: today's study beside its priors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, site_option, workers_option
from mriloop.model.comparison import Role, Standing
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console

    from mriloop.app.compare import CompareOutcome
    from mriloop.model.comparison import Comparison


@click.command()
@click.argument("today", type=click.Path(path_type=Path))
@click.argument("priors", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="PRIOR...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write page, pictures, maps, DICOM results and transforms to this folder.",
)
@click.option("--mask", "masks", type=click.Path(path_type=Path), multiple=True,
              help="Measure and follow outlines of any visit: DICOM SEG, RTSTRUCT, NIfTI. Repeatable.")  # fmt: skip
@click.option("--baseline", type=click.Path(path_type=Path), help="The PRIOR that counts as the baseline.")
@click.option("--same-person", is_flag=True, help="You vouch that all visits are of one person.")
@site_option
@workers_option
@json_option
def compare(
    today: Path,
    priors: tuple[Path, ...],
    out: Path | None,
    masks: tuple[Path, ...],
    baseline: Path | None,
    same_person: bool,
    site: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Lay today's study over its priors and list what changed.

    Give the priors latest first; dates decide where they are known. Lesions are listed against the latest usable prior
    and against the baseline. Refused when a prior belongs to another patient, is the study itself, or is later than
    it. Changes are candidates for a reader; beside them stands how small and faint a change this very pair would have
    shown.
    """
    from mriloop.app.compare import Asked, compare_paths

    settings = load_settings(workers=workers, site=site)
    asked = Asked(masks=masks, baseline=baseline, same_person=same_person)
    progress = Progress()
    with progress.shown():
        outcome = compare_paths(today, priors, settings, out=out, asked=asked, progress=progress)
    if as_json:
        emit(outcome.document())
    else:
        _show(outcome, console())
        if out is not None:
            console().print(f"written: {outcome.written[0]} and {len(outcome.written) - 1} files beside it")
    leave(Exit.DONE)


def _show(outcome: CompareOutcome, out: Console) -> None:
    from rich.table import Table

    from mriloop.stages.compare.judge import words

    comparison, names = outcome.comparison, outcome.names
    pairs = Table("today", "prior", "comparability", "map", "uncertain by", "usable", title="Series",
                  title_justify="left")  # fmt: skip
    for pair in comparison.pairs:
        alignment = pair.alignment
        pairs.add_row(
            names.get(pair.today, pair.today), names.get(pair.prior, pair.prior), ", ".join(pair.comparability),
            str(alignment.model), f"{alignment.uncertainty_mm:.2f} mm",
            ("to be looked at" if pair.role is Role.VIEW else "yes") if alignment.accepted
            else f"no: {alignment.reason}",
        )  # fmt: skip
    out.print(pairs)
    if comparison.changes_today is not None:
        show_changes(comparison, out)
    for refused in comparison.not_comparable:
        out.print(f"not comparable: {names.get(refused.series, refused.series)}: {refused.reason}")
    for caution in comparison.cautions:
        out.print(f"caution: {caution}")
    for one in comparison.judgements:
        out.print(words(one))
    for found in comparison.enhancement:
        out.print(f"{names.get(found.after, found.after)}: {found.statement}")
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
