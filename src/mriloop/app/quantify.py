"""Quantitative maps as a use case: ADC and fat fraction of a study, on disk, with the scanner's own map beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mriloop.app.inputs import Progress, limits, only_study, open_input, series_of, silent
from mriloop.app.warm import PRELOAD
from mriloop.edges.dicom import Intake, Limits, load_volumes, write_nifti
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.jobs import make_executor
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.outline import Outline
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Series, Study
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.check import identify_study
from mriloop.stages.compare.maps import Quantities, QuantityMap, quantify
from mriloop.stages.compare.quantities import RegionValues, home_of, one_frame, region_values

SCHEMA = "mriloop/quantities/1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantifyOutcome:
    """What `mriloop quantify` made of a study: maps, what could not be made, regions measured, files written."""

    study: Study
    found: Quantities
    names: tuple[str, ...]
    regions: tuple[tuple[str, Outline, RegionValues | NotAssessable], ...] = ()
    written: tuple[Path, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/quantities/1`."""
        named = list(zip(self.names, self.found.maps, strict=True))
        return {
            "schema": SCHEMA,
            "study_instance_uid": self.study.study_instance_uid,
            "maps": [_map_document(name, one) for name, one in named],
            "cannot": [{"series_instance_uid": uid, "reason": reason} for uid, reason in self.found.cannot],
            "regions": [
                {"map": name, "label": outline.label, "number": outline.number, **_region_document(values)}
                for name, outline, values in self.regions
            ],
            "written": [str(path) for path in self.written],
        }


def quantify_path(
    path: Path,
    settings: Settings,
    *,
    out: Path | None = None,
    masks: Sequence[Path] = (),
    erode: bool = False,
    progress: Progress = silent,
) -> QuantifyOutcome:
    """Make the maps of the study at `path`, measure them inside `masks`, and write them to `out`.

    Raises SenderError `several_studies`, `input_no_mr`, `outline_elsewhere`, those of `read_outlines` and others of
    the input.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise refuse("usage_not_a_folder", path=out)
    with open_input(path, settings, progress=progress) as intake:
        study = only_study(intake, path)
        spend = limits(settings)
        homes = {uid: (intake.part(series), series) for uid, series in series_of(study).items()}
        progress("mapping", 0, 1)
        with make_executor(
            settings.executor, 1, settings.step_timeout_s, settings.step_memory_gb, preload=PRELOAD
        ) as executor:
            kinds = identify_study(study)
            found, outlines = executor.submit(quantify_job, study, kinds, homes, spend, tuple(masks)).result()
        progress("mapping", 1, 1)
    names = _names(found.maps, study)
    regions = tuple(
        (name, outline, region_values(one.data, one.affine, outline, move, unit=one.unit, erode=erode))
        for name, one in zip(names, found.maps, strict=True)
        for outline, home in outlines
        for move in (np.eye(4) if one_frame(study, (home, *one.series)) else None,)
    )
    outcome = QuantifyOutcome(study=study, found=found, names=names, regions=regions)
    if out is None:
        return outcome
    written = write_quantities(outcome, out)
    return QuantifyOutcome(study=study, found=found, names=names, regions=regions, written=written)


def quantify_job(
    study: Study,
    kinds: Mapping[str, SeriesKind],
    homes: Mapping[str, tuple[Intake, Series]],
    spend: Limits,
    masks: tuple[Path, ...] = (),
) -> tuple[Quantities, tuple[tuple[Outline, str], ...]]:
    """Load the voxels, make the maps, and read the outlines, each with its series; runs in a process of its own.

    Raises SenderError `outline_elsewhere`, and those of `read_outlines`.
    """

    def read(uid: str) -> tuple[Volume, ...]:
        part, series = homes[uid]
        try:
            return load_volumes(part, series, spend)
        except MriloopError:
            return ()

    load = cache(read) if masks else read
    drawn: list[tuple[Outline, str]] = []
    if masks:
        volumes = [volume for uid in homes for volume in load(uid)[:1]]
        for mask in masks:
            for outline in read_outlines(mask, spend, volumes=volumes):
                home = home_of(outline, study, volumes)
                if home is None:
                    raise refuse("outline_elsewhere", path=mask.name, label=outline.label)
                drawn.append((outline, home))
    return quantify(study, kinds=kinds, load=load), tuple(drawn)


def write_quantities(outcome: QuantifyOutcome, out: Path) -> tuple[Path, ...]:
    """Write each map, its error or alternative, and why voxels lack (NIfTI), with what they rest on (JSON)."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise refuse("out_not_writable", path=out) from None
    written: list[Path] = []
    for name, one in zip(outcome.names, outcome.found.maps, strict=True):
        parts = ((name, one.data), (f"{name}_error", one.error), (f"{name}_alternative", one.alternative))
        written += [
            write_nifti(out / f"{stem}.nii.gz", data.astype(np.float32), one.affine)
            for stem, data in parts
            if data is not None
        ]
        written.append(write_nifti(out / f"{name}_unfit.nii.gz", one.unfit, one.affine))
    page = out / "quantities.json"
    written.append(page)
    document = {**outcome.document(), "written": [path.name for path in written]}
    try:
        page.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    except OSError:
        raise refuse("out_not_writable", path=page) from None
    return tuple(written)


def _names(maps: Sequence[QuantityMap], study: Study) -> tuple[str, ...]:
    """Return a file name for each map: its measure and the number of the series it was made of."""
    by_uid = series_of(study)
    names: list[str] = []
    for at, one in enumerate(maps, 1):
        number = by_uid[one.series[0]].series_number
        stem = f"{one.measure.replace(' ', '_').lower()}_{f's{number}' if number is not None else at}"
        names.append(stem if stem not in names else f"{stem}_{at}")
    return tuple(names)


def _map_document(name: str, one: QuantityMap) -> dict[str, Any]:
    known = one.data[np.isfinite(one.data)]
    return {
        "name": name,
        "measure": one.measure,
        "unit": one.unit,
        "series": list(one.series),
        "assessed_voxels": int(known.size),
        "median": float(np.median(known)) if known.size else None,
        "not_assessed": dict(one.reasons),
        "basis": {key: list(value) if isinstance(value, tuple) else value for key, value in one.basis.items()},
        "cautions": list(one.cautions),
        "beside": [
            {"series_instance_uid": b.series, "what": b.what, "voxels": b.voxels,
             "ratio": {"p5": b.low, "median": b.median, "p95": b.high}}
            for b in one.beside
        ],
    }  # fmt: skip


def _region_document(values: RegionValues | NotAssessable) -> dict[str, Any]:
    if isinstance(values, NotAssessable):
        return {"not_assessable": values.reason}
    return {
        "unit": values.mean.unit,
        "mean": values.mean.value,
        "median": values.median.value,
        "sd": values.sd.value,
        "percentiles": {str(p): v for p, v in values.percentiles.items()},
        "volume_ml": values.volume_ml,
        "voxels": values.voxels,
        "covered": values.covered,
        "standard_error": values.standard_error,
    }
