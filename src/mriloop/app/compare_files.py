"""What `mriloop compare --out` writes: the document, maps, pictures and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom import write_nifti
from mriloop.edges.knowledge.history_draft import draft_history
from mriloop.edges.publish.comparison_page import ChangeFigures, ComparisonView, write_comparison_page
from mriloop.edges.publish.documents.comparison import comparison_document
from mriloop.edges.publish.figures import Pin, colour_slices, flicker_pair, projections, triptych
from mriloop.edges.publish.view import Figure
from mriloop.model.comparison import Change, ChangeKind, Comparison
from mriloop.model.errors import refuse
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Point, Study
from mriloop.model.volume import Affine
from mriloop.stages.compare import Compared, PairImages

DOCUMENT = "comparison.json"
HISTORY = "history.yaml"
MAPS = ("changes_today.nii.gz", "changes_prior.nii.gz")
COLOUR_LEAST, COLOUR_FULL = 2.5, 6.0
_FILES = {
    HISTORY: "the sizes of what was outlined, begun for `mriloop response`",
    DOCUMENT: "everything on this page, for programs (mriloop/comparison/1)",
    "changes_today.nii.gz": "the numbered changes on the voxels of today's series",
    "changes_prior.nii.gz": "the same on the voxels of the prior's series",
    "prior_on_today.nii.gz": "the prior on the voxels of today's series, interpolated once",
    "difference.nii.gz": "today less prior, in noise units",
    "changed_today.nii.gz": "the tissue that changed alone: all of a new lesion, the rim of an enlarging one",
    "colour.nii.gz": "the sensitive map for the eye, signed noise units",
}


def write_outcome(
    compared: Compared, out: Path, *, names: Mapping[str, str], studies: Sequence[Study]
) -> tuple[Path, ...]:
    """Write everything to a folder and return the paths. Raises `out_not_writable`.

    `names` is what people call each series; `studies` are today's and the priors.
    """
    drawn = draw_changes(compared)
    written = [*write_maps(compared, drawn, out), write_comparison(compared.comparison, out)]
    history = draft_history(compared.comparison.measured)
    if history is not None:
        (out / HISTORY).write_text(history, encoding="utf-8")
        written.append(out / HISTORY)
    view = comparison_view(compared, drawn, names=names, studies=studies, written=written)
    pictures = {f"map_{number}.png": one for number, one in enumerate(view.maps, start=1)}
    for number, figures in view.changes.items():
        pictures |= {
            f"change_{number:02d}_prior.png": figures.prior,
            f"change_{number:02d}_today.png": figures.today,
        }
    for name, figure in pictures.items():
        (out / name).write_bytes(figure.png)
        written.append(out / name)
    return (write_comparison_page(view, out), *written)


def comparison_view(
    compared: Compared,
    drawn: Mapping[int, bytes],
    *,
    names: Mapping[str, str],
    studies: Sequence[Study],
    written: Sequence[Path],
) -> ComparisonView:
    """Return what the page shows. `drawn` are the triptychs by change, `written` the files beside the page."""
    comparison, pair = compared.comparison, changing(compared)
    by_uid = {one.study_instance_uid: one for one in studies}
    ordered = [by_uid[name] for name in comparison.visits if name in by_uid]
    moving = [one for one in comparison.changes if one.id in drawn]
    return ComparisonView(
        comparison=comparison,
        names=names,
        visits={one.study_instance_uid: one.started_at.date() if one.started_at else None for one in ordered},
        changes={} if pair is None else {one.id: _figures(pair, one, drawn[one.id]) for one in moving},
        maps=() if pair is None else _maps(pair, comparison),
        views=tuple(_view(one, names) for one in compared.images if one is not pair),
        files=tuple((one.name, _FILES[one.name]) for one in written if one.name in _FILES),
    )


def _figures(pair: PairImages, change: Change, drawn: bytes) -> ChangeFigures:
    told = f"change {change.id}, {change.kind}, {change.location or 'place not named'}"
    prior, today = flicker_pair(
        pair.prior_on_today.data, pair.today_volume.data, pair.today_volume.affine, change.position_ras_mm
    )
    return ChangeFigures(
        triptych=Figure(png=drawn, alt=f"Prior, today and difference around {told}."),
        prior=Figure(png=prior, alt=f"The prior around {told}."),
        today=Figure(png=today, alt=f"Today around {told}."),
    )


def _maps(pair: PairImages, comparison: Comparison) -> tuple[Figure, ...]:
    pins = [Pin(number=one.id, kind=one.kind, at=one.position_ras_mm) for one in comparison.upheld]
    where = projections(pair.today_volume.data, pair.today_volume.affine, pins)
    colours = colour_slices(
        pair.today_volume.data,
        pair.subtraction.data if pair.colour is None else pair.colour.data,
        pair.today_volume.affine,
        least=COLOUR_LEAST,
        full=COLOUR_FULL,
    )
    return (
        Figure(
            png=where,
            alt="Three projections of the head with a numbered pin for each change.",
            caption="Where the changes lie",
        ),
        Figure(
            png=colours,
            alt="Slices of today's series, orange where it is brighter than the prior and blue where it is darker.",
            caption="Sensitive map for the eye: it shows more than the list does, and some of it is noise",
        ),
    )


def _view(pair: PairImages, names: Mapping[str, str]) -> Figure:
    volume = pair.today_volume
    middle = volume.affine @ np.array([*((np.array(volume.data.shape[:3]) - 1) / 2), 1.0])
    what = "after and before contrast agent" if pair.role == "enhancement" else "today and prior"
    return Figure(
        png=picture(pair, (float(middle[0]), float(middle[1]), float(middle[2]))),
        alt=f"{names.get(pair.today, 'a series')}: {what}, and their difference.",
        caption=f"{names.get(pair.today, 'a series')}: {what}, aligned for viewing, subtracted",
    )


def name_series(studies: Sequence[Study], kinds: Mapping[str, SeriesKind]) -> dict[str, str]:
    """Return a short name for every series, today's study first: number, weighting and plane, as far as known."""
    names = {}
    for study in studies:
        for series in study.series:
            kind = kinds.get(series.series_instance_uid)
            known = [word for word in (kind.weighting.value, kind.plane.value) if word != "unknown"] if kind else []
            number = "" if series.series_number is None else f"{series.series_number} "
            names[series.series_instance_uid] = number + (" ".join(known) or "series")
    return names


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Write the document to a folder, whole or not at all, and return its path. Raises `out_not_writable`."""
    path = out / DOCUMENT
    part = path.with_suffix(".part")
    try:
        part.write_text(
            json.dumps(comparison_document(comparison), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        part.replace(path)
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    return path


def changing(compared: Compared) -> PairImages | None:
    """Return the pair of series that the list of changes was made on, None where there is no list."""
    return next((one for one in compared.images if one.changes_today is not None), None)


def draw_changes(compared: Compared) -> dict[int, bytes]:
    """Return the triptych (PNG) of every change by its id; what is stable is listed, not pictured."""
    pair = changing(compared)
    if pair is None:
        return {}
    moving = (one for one in compared.comparison.changes if one.kind is not ChangeKind.STABLE)
    return {one.id: picture(pair, one.position_ras_mm, one.id) for one in moving}


def picture(pair: PairImages, centre: Point, change: int | None = None) -> bytes:
    """Return before, after and difference through a point (RAS+ mm), with the outline of a change (PNG)."""
    labels = pair.changes_today
    return triptych(
        pair.prior_on_today.data,
        pair.today_volume.data,
        pair.subtraction.data,
        pair.today_volume.affine,
        centre,
        labels=None if labels is None or change is None else np.where(labels == change, change, 0),
    )


def begin_folder(out: Path) -> None:
    """Find out before any work whether a folder can be written to, and leave nothing. Raises `out_not_writable`."""
    nearest = next(place for place in (out, *out.absolute().parents) if place.exists())
    try:
        with TemporaryFile(dir=nearest):
            pass
    except OSError:
        raise refuse("out_not_writable", path=out) from None


def write_maps(compared: Compared, pictures: Mapping[int, bytes], out: Path) -> tuple[Path, ...]:
    """Write change maps as NIfTI (labels are Change.id, on the voxels of the two source series), and the pictures."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise refuse("out_not_writable", path=out) from None
    pair = changing(compared)
    if pair is None or pair.changes_today is None or pair.changes_prior is None:
        return ()
    maps: tuple[tuple[str, npt.NDArray[Any], Affine], ...] = (
        ("changes_today", pair.changes_today.astype(np.int16), pair.today_volume.affine),
        ("changes_prior", pair.changes_prior.astype(np.int16), pair.prior_volume.affine),
        ("prior_on_today", pair.prior_on_today.data.astype(np.float32), pair.prior_on_today.affine),
        ("difference", pair.subtraction.data.astype(np.float32), pair.subtraction.affine),
    )
    if pair.changed_today is not None and pair.colour is not None:
        maps = (
            *maps,
            ("changed_today", pair.changed_today.astype(np.int16), pair.today_volume.affine),
            ("colour", pair.colour.data.astype(np.float32), pair.today_volume.affine),
        )
    written = [write_nifti(out / f"{name}.nii.gz", data, affine) for name, data, affine in maps]
    for change, png in pictures.items():
        path = out / f"change_{change:02d}.png"
        path.write_bytes(png)
        written.append(path)
    return tuple(written)
