"""A person's word on the changes of a comparison that lies in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mriloop.app.compare import judged_changes
from mriloop.app.compare_files import DOCUMENT, MAPS, write_comparison
from mriloop.app.inputs import limits, only_study, open_input
from mriloop.app.results_dicom import write_dicom_results
from mriloop.edges.dicom import Limits, load_volumes, read_back, write_nifti
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.dicom.results import Reader
from mriloop.edges.dicom.uids import uid
from mriloop.edges.publish.documents import read_comparison
from mriloop.imaging.resample import Grid, sample
from mriloop.model.comparison import ChangeKind, Comparison, Standing
from mriloop.model.errors import refuse
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.compare import Compared, PairImages
from mriloop.stages.compare.edits import Drawn, Edit, Mask, amend

EARLIER = "earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says: ids to accept and to reject, outlines of redrawn changes by id, outlines of missed ones.

    An outline is a DICOM SEG, an RT structure set or a NIfTI mask in the patient frame of today's visit.
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


def amend_changes(folder: Path, said: Said, *, by: str, now: datetime) -> Comparison:
    """Apply a person's word to the comparison in a folder and write it back; what stood before goes to `earlier/`.

    Document and label maps follow. Raises what `read_changes` and `read_outlines` raise, `edit_unknown_change`,
    `edit_no_outline`, `edit_twice` (one change in two roles), `out_not_writable`.
    """
    comparison = read_changes(folder)
    drawn = _drawn(folder)
    edits = _edits(comparison, said, drawn)
    tracking = {edit.change: uid("lesion", comparison.today_study, edit.change, now.isoformat()) for edit in edits}
    after, redrawn = amend(comparison, drawn, edits, by=by, at=now, tracking=tracking)
    _keep_earlier(folder, len(comparison.amendments))
    for name, labels, grid in zip(
        MAPS, (redrawn.today, redrawn.prior), (redrawn.today_grid, redrawn.prior_grid), strict=True
    ):
        write_nifti(folder / name, labels.astype(np.int16), grid.affine)
    write_comparison(after, folder)
    return after


def rewrite_results(
    folder: Path, today: Path, priors: Sequence[Path], settings: Settings, *, by: str, now: datetime
) -> tuple[Path, ...]:
    """Write SEG, SR and the other DICOM results of an amended comparison anew, from the studies it was made of.

    The report is verified in the name of `by` once no candidate is left unread; stable spots need no word. Raises what
    `read_changes` raises, and SenderError `changes_other_study` where a study is not one that was compared.
    """
    comparison, drawn = read_changes(folder), _drawn(folder)
    with ExitStack() as stack:
        intakes = [stack.enter_context(open_input(path, settings)) for path in (today, *priors)]
        studies = [only_study(intake, path) for intake, path in zip(intakes, (today, *priors), strict=True)]
        volumes = {}
        for uid_ in (comparison.changes_today, comparison.changes_prior):
            found = next(
                ((i, s) for i, study in zip(intakes, studies, strict=True) for s in study.series
                 if s.series_instance_uid == uid_),
                None,
            )  # fmt: skip
            if uid_ is None or found is None:
                raise refuse("changes_other_study", path=today)
            volumes[uid_] = load_volumes(found[0], found[1], limits(settings))[0]
        compared = Compared(comparison=comparison, images=(_images(comparison, drawn, volumes),))
        waiting = any(
            one.standing is Standing.PROPOSED and one.kind is not ChangeKind.STABLE for one in comparison.changes
        )
        return write_dicom_results(
            compared,
            intakes,
            studies,
            folder,
            now=now,
            spend=limits(settings),
            nifti=False,
            judgements=judged_changes(comparison),
            reader=None if waiting else Reader(name=by, organisation=settings.clinic_name, at=now),
        )


def _images(comparison: Comparison, drawn: Drawn, volumes: Mapping[str, Volume]) -> PairImages:
    pair = next(
        one
        for one in comparison.pairs
        if (one.today, one.prior) == (comparison.changes_today, comparison.changes_prior)
    )
    today, prior = volumes[pair.today], volumes[pair.prior]
    laid = sample(prior.data, prior.affine, drawn.today_grid, np.array(pair.alignment.matrix))
    return PairImages(
        role="change",
        today=pair.today,
        prior=pair.prior,
        today_volume=today,
        prior_volume=prior,
        prior_on_today=replace(today, data=laid, sources=()),
        subtraction=replace(today, data=np.zeros_like(laid), sources=()),
        changes_today=drawn.today,
        changes_prior=drawn.prior,
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


def _edits(comparison: Comparison, said: Said, drawn: Drawn) -> list[Edit]:
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
        mask = _mask(path, drawn.today_grid)
        edits.append(Edit(change=number, standing=Standing.EDITED, reason=said.reason, today=mask))
    return edits


def _mask(path: Path, grid: Grid) -> Mask:
    """Return every region of a file together, on the voxels of today's series."""
    if not path.exists():
        raise refuse("input_not_found", path=path)
    whole = np.zeros(grid.shape, bool)
    for one in read_outlines(path, Limits()):
        whole |= sample(one.data.astype(np.float32), one.affine, grid, order=1) >= 0.5
    return whole


def _keep_earlier(folder: Path, said: int) -> None:
    place = folder / EARLIER / f"{said:03d}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in (DOCUMENT, *MAPS):
            shutil.copy2(folder / name, place / name)
    except OSError:
        raise refuse("out_not_writable", path=place) from None
