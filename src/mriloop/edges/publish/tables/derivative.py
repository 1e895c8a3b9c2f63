"""A BIDS derivative of the check: one JSON for each image under its BIDS name, and group tables with MRIQC's names.

https://bids-specification.readthedocs.io, derivatives. Only images that came with a BIDS name have a place in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mriloop import __version__
from mriloop.edges.publish.tables.columns import Column, dictionary
from mriloop.edges.publish.tables.journal import Line
from mriloop.edges.publish.tables.mriqc import mriqc_columns, mriqc_values
from mriloop.edges.publish.tables.rows import Row
from mriloop.edges.publish.tables.write import replaced, write_csv
from mriloop.model.errors import refuse

BIDS_VERSION = "1.10.0"
_IGNORED = "*.html\ngroup_*\n"
_OWN = (
    Column(name="verdict", kind="text", meaning="the answer of CHECK (mriloop)"),
    Column(name="defects", kind="text", meaning="codes of its defects (mriloop)"),
)


def write_derivative(folder: Path, lines: Iterable[Line]) -> int:
    """Write the derivative into `folder` and return how many images it describes.

    `group_<suffix>.tsv` has `bids_name` first, MRIQC's columns for that suffix, then our verdict and defects; `n/a`
    stands for what was not measured by MRIQC's definition. Every measure of ours is in the JSON of the image.
    Raises OperatorError out_not_writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise refuse("out_not_writable", path=folder) from None
    _json(folder / "dataset_description.json", _description())
    with replaced(folder / ".bidsignore") as fresh:
        fresh.write_text(_IGNORED, encoding="utf-8")
    groups: dict[str, list[Row]] = {}
    count = 0
    for line in lines:
        for suffix, row, path, document in _images(line):
            groups.setdefault(suffix, []).append(row)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _json(target, document)
            count += 1
    for suffix, rows in groups.items():
        columns = _columns(suffix)
        rows.sort(key=lambda row: row["bids_name"])
        write_csv(folder / f"group_{suffix}.tsv", rows, columns, dialect="excel-tab", absent="n/a")
        _json(folder / f"group_{suffix}.json", dictionary(columns))
    return count


def _images(line: Line) -> Iterator[tuple[str, Row, PurePosixPath, Mapping[str, Any]]]:
    """Yield (suffix, row of the group table, path, document) for each image of a line that has a BIDS name."""
    for series in line["studies"][0]["series"]:
        context = line["context"].get(series["series_instance_uid"], {})
        name, place = context.get("bids_name"), context.get("bids_folder")
        if not name or not place:
            continue
        suffix = name.rpartition("_")[2]
        values = mriqc_values(series, context.get("grid", {}), suffix)
        defects = " ".join(dict.fromkeys(defect["code"] for defect in series["defects"]))
        row = {"bids_name": name, **values, "verdict": series["verdict"], "defects": defects}
        document = {
            **{key: value for key, value in values.items() if value is not None},
            "bids_meta": {"modality": PurePosixPath(place).name, **_entities(name)},
            "provenance": {"software": "mriloop", "version": __version__, "identity": line["identity"]},
            "mriloop": series,
        }
        yield suffix, row, PurePosixPath(place) / f"{name}.json", document


def _entities(name: str) -> dict[str, str]:
    *parts, suffix = name.split("_")
    words = {"sub": "subject", "ses": "session", "acq": "acquisition", "rec": "reconstruction", "dir": "direction"}
    pairs = (part.partition("-") for part in parts)
    return {**{words.get(key, key): value for key, _, value in pairs if value}, "suffix": suffix}


def _columns(suffix: str) -> tuple[Column, ...]:
    return (
        Column(name="bids_name", kind="text", meaning="name of the image, without its ending"),
        *(Column(name=name, kind="number", meaning=f"{name} as MRIQC defines it") for name in mriqc_columns(suffix)),
        *_OWN,
    )


def _description() -> dict[str, Any]:
    return {
        "Name": "mriloop: quality of the images",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "mriloop", "Version": __version__, "Description": "mriloop check"}],
    }


def _json(path: Path, document: Mapping[str, Any]) -> None:
    with replaced(path) as fresh:
        fresh.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
