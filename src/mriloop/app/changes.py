"""A person's word on the changes of a comparison that lies in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mriloop.app.changes_page import (
    CHANGED,
    draw_anew,
    keep_earlier,
    outlines_moved,
    page_from_folder,
    write_changed,
)
from mriloop.app.compare import judged_changes
from mriloop.app.compare_files import DOCUMENT, MAPS, write_comparison
from mriloop.app.inputs import limits, only_study, open_input, series_of
from mriloop.app.results_dicom import write_dicom_results
from mriloop.edges.dicom import Intake, Limits, load_volumes, read_back, read_values, write_nifti
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.dicom.results import Reader
from mriloop.edges.dicom.uids import uid
from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.edges.publish.documents import read_comparison
from mriloop.imaging.resample import Grid, apply, inverse, sample
from mriloop.model.comparison import ChangeKind, Comparison, Standing
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.outline import Outline
from mriloop.model.study import Study
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.compare import Compared, PairImages
from mriloop.stages.compare.edits import Drawn, Edit, Mask, amend
from mriloop.stages.compare.quantities import LEAST_COVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says: ids to accept and to reject, outlines of redrawn changes by id, outlines of missed ones.

    An outline is a DICOM SEG, an RT structure set or a NIfTI mask in the patient frame of today's visit; contours that
    were not drawn on today's series of the list need the study.
    """

    accepted: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    redrawn: Mapping[int, Path] = field(default_factory=dict)
    added: tuple[Path, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        """Tell whether anything was said."""
        return bool(self.accepted or self.rejected or self.redrawn or self.added)


def read_changes(folder: Path) -> Comparison:
    """Return the comparison in a folder that `mriloop compare --out` wrote.

    Raises OperatorError `comparison_unreadable`, SenderError `input_not_found`.
    """
    path = folder / DOCUMENT
    if not path.is_file():
        raise refuse("input_not_found", path=path)
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        raise refuse("comparison_unreadable", detail="it is not JSON") from None
    return read_comparison(document)


def amend_changes(
    folder: Path,
    said: Said,
    settings: Settings,
    *,
    by: str,
    now: datetime,
    today: Path | None = None,
    priors: Sequence[Path] = (),
) -> Comparison:
    """Apply a person's word to the comparison in a folder and write it back; what stood before goes to `earlier/`.

    Document, maps and page follow; a picture that shows an old outline goes to `earlier/`, until `rewrite_results`
    draws it anew. `today` and `priors` are the studies, which contours need that were drawn on another series than that
    of the list. Raises what `read_changes`, `read_outlines` and `amend` raise, `edit_twice` (one change in two roles),
    `edit_outside`, `edit_needs_study`, `out_not_writable`.
    """
    comparison = read_changes(folder)
    drawn = _drawn(folder)
    with ExitStack() as stack:
        opened = None if today is None or not (said.redrawn or said.added) else _open(stack, today, priors, settings)
        edits = _edits(comparison, said, drawn, _Canvas(folder=folder, opened=opened, settings=settings))
    tracking = {edit.change: uid("lesion", comparison.today_study, edit.change, now.isoformat()) for edit in edits}
    coefficients = load_repeatability(settings.site_path)
    after, redrawn = amend(comparison, drawn, edits, by=by, at=now, tracking=tracking, repeatability=coefficients)
    moved = outlines_moved(drawn, redrawn)
    keep_earlier(folder, comparison, after, moved)
    for name, labels, grid in zip(
        MAPS, (redrawn.today, redrawn.prior), (redrawn.today_grid, redrawn.prior_grid), strict=True
    ):
        write_nifti(folder / name, labels.astype(np.int16), grid.affine)
    write_changed(folder, after, redrawn, moved)
    write_comparison(after, folder)
    page_from_folder(folder, after)
    return after


def unsigned(comparison: Comparison, by: str) -> str:
    """Return why a report of these changes cannot be verified in the name of `by`, empty where it can."""
    if any(one.standing is Standing.PROPOSED and one.kind is not ChangeKind.STABLE for one in comparison.changes):
        return "changes are left of which nobody has said a word"
    if all(one.by != by for one in comparison.amendments):
        return "this person has said nothing of these changes"
    return ""


def rewrite_results(
    folder: Path,
    today: Path,
    priors: Sequence[Path],
    settings: Settings,
    *,
    by: str,
    now: datetime,
    sign: bool = False,
) -> tuple[Path, ...]:
    """Write page, pictures, SEG, SR and the other DICOM results anew, from the studies of an amended comparison.

    With `sign` the report is verified in the name of `by`, unless something stands against it (`unsigned`); else it is
    preliminary. Raises what `read_changes` raises, and SenderError `changes_other_study` where a study is not one that
    was compared, `changes_unloadable` where its voxels are no longer those that were compared.
    """
    comparison, drawn = read_changes(folder), _drawn(folder)
    with ExitStack() as stack:
        opened = _open(stack, today, priors, settings)
        grids = {comparison.changes_today: drawn.today_grid, comparison.changes_prior: drawn.prior_grid}
        volumes = {}
        for uid_, grid in grids.items():
            if uid_ is None:
                raise refuse("changes_other_study", path=today)
            volumes[uid_] = _loaded(opened, uid_, grid, limits(settings))
        compared = Compared(comparison=comparison, images=(_images(comparison, drawn, volumes, folder),))
        page = draw_anew(folder, compared, opened.studies)
        verified = sign and not unsigned(comparison, by)
        return page + write_dicom_results(
            compared,
            opened.intakes,
            opened.studies,
            folder,
            now=now,
            spend=limits(settings),
            nifti=False,
            judgements=judged_changes(comparison),
            reader=Reader(name=by, organisation=settings.clinic_name, at=now) if verified else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The studies of a comparison, today's first."""

    paths: tuple[Path, ...]
    intakes: tuple[Intake, ...]
    studies: tuple[Study, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canvas:
    """What an outline may have been drawn on."""

    folder: Path
    opened: _Opened | None
    settings: Settings


def _open(stack: ExitStack, today: Path, priors: Sequence[Path], settings: Settings) -> _Opened:
    paths = (today, *priors)
    intakes = tuple(stack.enter_context(open_input(path, settings)) for path in paths)
    studies = tuple(only_study(intake, path) for intake, path in zip(intakes, paths, strict=True))
    return _Opened(paths=paths, intakes=intakes, studies=studies)


def _loaded(opened: _Opened, series_uid: str, grid: Grid, spend: Limits) -> Volume:
    """Return the first time point of a series, on the voxels that its change map has."""
    for path, intake, study in zip(opened.paths, opened.intakes, opened.studies, strict=True):
        series = series_of(study).get(series_uid)
        if series is not None:
            for volume in load_volumes(intake, series, spend):
                if volume.data.shape[:3] == grid.shape and np.allclose(volume.affine, grid.affine, atol=1e-2):
                    return first_time(volume)
            raise refuse("changes_unloadable", path=path)
    raise refuse("changes_other_study", path=opened.paths[0])


def first_time(volume: Volume) -> Volume:
    """Return the time point that changes are listed on (as `stages.compare.align.load_one`)."""
    if volume.data.ndim == 3:
        return volume
    return replace(volume, data=volume.data[..., 0], sources=volume.sources[:1], b_values=volume.b_values[:1],
                   b_vectors_ras=volume.b_vectors_ras[:1])  # fmt: skip


def _images(comparison: Comparison, drawn: Drawn, volumes: Mapping[str, Volume], folder: Path) -> PairImages:
    listed = (comparison.changes_today, comparison.changes_prior)
    pair = next((one for one in comparison.pairs if (one.today, one.prior) == listed), None)
    if pair is None:
        raise refuse("comparison_unreadable", detail="the pair that the changes were listed on is missing")
    today, prior = volumes[pair.today], volumes[pair.prior]
    laid = sample(prior.data, prior.affine, drawn.today_grid, np.array(pair.alignment.matrix))

    def beside(name: str) -> Volume | None:
        path = folder / name
        values = read_values(path)[0] if path.is_file() else None
        return None if values is None or values.shape != laid.shape else replace(today, data=values, sources=())

    changed = folder / CHANGED
    return PairImages(
        role="change",
        today=pair.today,
        prior=pair.prior,
        today_volume=today,
        prior_volume=prior,
        prior_on_today=replace(today, data=laid, sources=()),
        subtraction=beside("difference.nii.gz") or replace(today, data=np.zeros_like(laid), sources=()),
        changes_today=drawn.today,
        changes_prior=drawn.prior,
        changed_today=read_back(changed)[0] if changed.is_file() else None,
        colour=beside("colour.nii.gz"),
    )


def _drawn(folder: Path) -> Drawn:
    (today, today_affine), (prior, prior_affine) = (read_back(folder / name) for name in MAPS)
    return Drawn(
        today=today,
        prior=prior,
        today_grid=_grid(today.shape, today_affine),
        prior_grid=_grid(prior.shape, prior_affine),
    )


def _grid(shape: Sequence[int], affine: np.ndarray) -> Grid:
    return Grid(shape=(shape[0], shape[1], shape[2]), affine=np.asarray(affine, dtype=float))


def _edits(comparison: Comparison, said: Said, drawn: Drawn, canvas: _Canvas) -> list[Edit]:
    roles = [*said.accepted, *said.rejected, *said.redrawn]
    twice = next((number for number in roles if roles.count(number) > 1), None)
    if twice is not None:
        raise refuse("edit_twice", number=twice)
    known = {one.id for one in comparison.changes}
    for number in said.redrawn:
        if number not in known:
            raise refuse("edit_unknown_change", number=number)
    edits = [Edit(change=number, standing=Standing.ACCEPTED, reason=said.reason) for number in said.accepted]
    edits += [Edit(change=number, standing=Standing.REJECTED, reason=said.reason) for number in said.rejected]
    following = max(known, default=0) + 1
    outlines = [*said.redrawn.items(), *((following + n, path) for n, path in enumerate(said.added))]
    for number, path in outlines:
        mask = _mask(number, path, comparison, drawn.today_grid, canvas)
        edits.append(Edit(change=number, standing=Standing.EDITED, reason=said.reason, today=mask))
    return edits


def _mask(number: int, path: Path, comparison: Comparison, grid: Grid, canvas: _Canvas) -> Mask:
    """Return every region of a file together, on the voxels of today's series."""
    if not path.exists():
        raise refuse("input_not_found", path=path)
    whole = np.zeros(grid.shape, bool)
    for one in _outlines(path, comparison, grid, canvas):
        points = apply(one.affine, np.argwhere(one.data).astype(float))
        index = apply(inverse(grid.affine), points)
        inside = np.all((index > -0.5) & (index < np.array(grid.shape) - 0.5), axis=1)
        if float(inside.mean()) < LEAST_COVERED:
            raise refuse("edit_outside", number=number)
        whole |= sample(one.data.astype(np.float32), one.affine, grid, order=1) >= 0.5
    return whole


def _outlines(path: Path, comparison: Comparison, grid: Grid, canvas: _Canvas) -> Sequence[Outline]:
    """Read a file of outlines; contours by the series of the list first, then by every series of today's study."""
    spend = limits(canvas.settings)
    blank = Volume(data=np.zeros(grid.shape, np.float32), affine=grid.affine,
                   series_instance_uid=comparison.changes_today or "")  # fmt: skip
    try:
        return read_outlines(path, spend)
    except MriloopError as error:
        if error.code != "outline_without_images":
            raise
    try:
        return read_outlines(path, spend, volumes=[blank])
    except MriloopError as error:
        if error.code not in ("outline_without_images", "outline_geometry"):
            raise
    if canvas.opened is None:
        raise refuse("edit_needs_study", path=path.name)
    volumes: list[Volume] = []
    for series in canvas.opened.studies[0].series:
        try:
            volumes += load_volumes(canvas.opened.intakes[0], series, spend)
        except MriloopError:
            continue  # no picture, or none that can be drawn on
    return read_outlines(path, spend, volumes=[first_time(one) for one in volumes])
