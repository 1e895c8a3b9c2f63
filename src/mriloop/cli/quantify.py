"""`mriloop quantify`: ADC and fat-fraction maps of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the maps (NIfTI) and quantities.json here.")
@click.option("--mask", "masks", type=click.Path(path_type=Path), multiple=True,
              help="Measure inside these outlines: NIfTI labels, DICOM SEG or RTSTRUCT. May be repeated.")  # fmt: skip
@click.option("--erode", is_flag=True, help="Leave out the rim of each outline, where voxels are mixtures.")
@json_option
def quantify(path: Path, out: Path | None, masks: tuple[Path, ...], erode: bool, as_json: bool) -> None:
    """Map diffusion coefficients and fat fractions of a study.

    Says what cannot be mapped and why, and compares with the scanner's own ADC map where there is one. Outlines
    must name this study or one of its series, or lie on the very voxels of one (NIfTI): others are refused.
    """
    from mriloop.app.quantify import quantify_path

    settings = load_settings()
    progress = Progress()
    with progress.shown():
        outcome = quantify_path(path, settings, out=out, masks=masks, erode=erode, progress=progress)
    document = outcome.document()
    if as_json:
        emit(document)
    else:
        _show(document, console())
    leave(Exit.DONE)


def _show(document: dict[str, Any], out: Console) -> None:
    from rich.table import Table

    table = Table("map", "median", "voxels", "rests on", title="Maps", title_justify="left")
    for one in document["maps"]:
        rests = ", ".join(f"{key} {_words(value)}" for key, value in one["basis"].items())
        median = f"{one['median']:.4g} {one['unit']}" if one["median"] is not None else "none"
        table.add_row(one["name"], median, str(one["assessed_voxels"]), rests)
    out.print(table)
    for one in document["maps"]:
        for reason, share in one["not_assessed"].items():
            out.print(f"{one['name']}: {100 * share:.1f} % not assessed: {reason}")
        for caution in one["cautions"]:
            out.print(f"{one['name']}: {caution}")
        for beside in one["beside"]:
            ratio = beside["ratio"]
            out.print(
                f"{one['name']}: {beside['what']}, over ours: median {ratio['median']:.3f} "
                f"({ratio['p5']:.3f} to {ratio['p95']:.3f}), {beside['voxels']} voxels"
            )
    for region in document["regions"]:
        said = region.get("not_assessable")
        said = said or f"{region['mean']:.4g} {region['unit']} ± {region['sd']:.2g}, {region['volume_ml']:.2f} mL"
        out.print(f"{region['map']}, {region['label']}: {said}")
    for refused in document["cannot"]:
        out.print(f"no map of …{refused['series_instance_uid'][-10:]}: {refused['reason']}")
    for path in document["written"]:
        out.print(f"written: {path}")


def _words(value: object) -> str:
    listed = value if isinstance(value, list) else [value]
    return " ".join(f"{each:.4g}" if isinstance(each, float) else str(each) for each in listed)
