"""The library of COMPARE: arrays, NIfTI files and folders of two visits in, one result out, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop import settings
from mriloop.app.compare_files import changing, draw_changes, write_maps
from mriloop.app.given import Picture, open_visit
from mriloop.app.longitudinal import LongitudinalOutcome
from mriloop.app.longitudinal import compare_bids as longitudinal
from mriloop.edges.dicom import write_nifti
from mriloop.edges.knowledge.models import load_change_score
from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.edges.publish.documents import comparison_document
from mriloop.imaging.resample import apply, sample
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment, Change, Comparison, SeriesPair
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.fact import Truth
from mriloop.model.volume import Affine, Floats
from mriloop.stages.compare import Compared, PairImages, refuse_strangers
from mriloop.stages.compare import compare as compare_studies
from mriloop.stages.compare.align import across, alignable, load_one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonResult:
    """What became of today's pictures since the prior.

    comparison : the record, as `mriloop compare --json` prints it
    images : every pair of series on the voxels of today's; the pair of the list of changes, where there is one, first
    pair : the two series that the properties below speak of: those of the list, else those aligned best; None when no
        two series could be paired
    """

    comparison: Comparison
    images: tuple[PairImages, ...]
    pair: SeriesPair | None

    @property
    def statement(self) -> str:
        """What may be said, always with what could not have been seen."""
        return self.comparison.statement

    @property
    def changes(self) -> tuple[Change, ...]:
        """Candidate changes, each a proposal for a reader; empty also where nothing could be told (see `statement`)."""
        return self.comparison.changes

    @property
    def alignment(self) -> Alignment | None:
        """The map from the prior (RAS+ mm) to today (RAS+ mm), its uncertainty, and whether it may be trusted."""
        return None if self.pair is None else self.pair.alignment

    @property
    def affine(self) -> Affine | None:
        """(4, 4) from the voxels of `on_today`, `difference` and `labels` to RAS+ mm: those of today's series."""
        return None if not self.images else self.images[0].today_volume.affine

    @property
    def on_today(self) -> Floats | None:
        """The prior on the voxels of today's series, interpolated once; None where the alignment was refused."""
        return None if not self.images else self.images[0].prior_on_today.data

    @property
    def difference(self) -> Floats | None:
        """Today less the prior in noise units on today's voxels; None where the alignment was refused."""
        return None if not self.images else self.images[0].subtraction.data

    @property
    def labels(self) -> npt.NDArray[np.int32] | None:
        """`Change.id` on today's voxels, 0 elsewhere; None where no list of changes was made."""
        return None if not self.images else self.images[0].changes_today

    def document(self) -> dict[str, Any]:
        """Return the document mriloop/comparison/1."""
        return comparison_document(self.comparison)

    def save(self, folder: str | PathLike[str]) -> tuple[Path, ...]:
        """Write comparison.json, the maps as NIfTI and a picture of every change to a folder, and return the paths.

        Without a list of changes the prior on today's voxels and the difference are written alone, where there are any.

        Raises
        ------
        MriloopError
            `out_not_writable`, `usage_not_a_folder`.
        """
        place = Path(folder)
        if place.exists() and not place.is_dir():
            raise refuse("usage_not_a_folder", path=place)
        compared = Compared(comparison=self.comparison, images=self.images)
        written = list(write_maps(compared, draw_changes(compared), place))
        if changing(compared) is None and self.images:
            for name, one in (("prior_on_today", self.on_today), ("difference", self.difference)):
                if one is not None and self.affine is not None:
                    written.append(write_nifti(place / f"{name}.nii.gz", np.asarray(one, np.float32), self.affine))
        text = json.dumps(self.document(), indent=2, ensure_ascii=False, allow_nan=False)
        path = place / "comparison.json"
        try:
            path.write_text(text + "\n", encoding="utf-8")
        except OSError:
            raise refuse("out_not_writable", path=place) from None
        return (*written, path)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """How one picture lies on another.

    alignment : the map from RAS+ mm of the moving picture to RAS+ mm of the fixed one; look at `accepted` first
    on_fixed : the moving picture on the voxels of the fixed one, interpolated once; None where it was refused
    affine : (4, 4) from those voxels to RAS+ mm
    """

    alignment: Alignment
    on_fixed: Floats | None
    affine: Affine

    def to_fixed(self, points_ras_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where points (n, 3) of the moving picture lie in the fixed one, RAS+ mm."""
        return apply(np.array(self.alignment.matrix), np.atleast_2d(np.asarray(points_ras_mm, dtype=np.float64)))


def compare(
    today: Picture,
    prior: Picture | Sequence[str | PathLike[str]],
    *,
    affine_today: npt.ArrayLike | None = None,
    affine_prior: npt.ArrayLike | None = None,
    weighting: Weighting | str | None = None,
    weighting_prior: Weighting | str | None = None,
    region: Region | str = Region.BRAIN,
    contrast: bool | None = None,
    baseline: int | None = None,
    same_person: bool = False,
    seed: int = 0,
    planted: int = 16,
    check: bool = True,
    progress: Callable[[float, str], None] | None = None,
) -> ComparisonResult:
    """Compare two visits: what is new, larger, smaller or gone, and how small a change this pair would have shown.

    Parameters
    ----------
    today, prior : each an array (i, j, k) with its affine, an image of nibabel, or a path: a NIfTI file, a DICOM file,
        or a folder or zip that holds one study. `prior` may be several paths.
    affine_today, affine_prior : (4, 4) from voxel index to RAS+ millimetres; for arrays only
    weighting : what both pictures are, such as "FLAIR" or "T1". An array does not tell it, so it must be said there;
        of files it replaces what header and name say, and counts for every series of both visits
    weighting_prior : where the prior is something else: a T1 beside a FLAIR is aligned and shown, never measured
    region : of arrays and of files that tell none; lesions are listed in the brain alone
    contrast : whether the pictures were taken after contrast agent; None leaves it open, or to the headers
    baseline : which of several priors is the baseline, counted from 0; None: the first usable one
    same_person : vouch that all visits are of one person, where the pictures let that be doubted
    seed, planted : of the synthetic lesions that measure the detection limit, and how many of each size and contrast;
        0 saves the time, and the statement then says that nothing can be excluded
    check : judge the files by CHECK first, so that a spoilt series gives "cannot tell"; arrays are taken as they are
    progress : told the share done (0 to 1) and the step, in words

    Returns
    -------
    ComparisonResult
        `.statement` is what may be said. Where alignment or quality failed nothing is listed, and it says why.

    Raises
    ------
    ValueError
        for arrays without affine or weighting, shapes that are no volume, a word that is no weighting or region.
    MriloopError
        with its `code`: prior_other_patient, prior_other_head, prior_same_study, prior_not_earlier, compare_one_series,
        input_not_found, several_studies and those of files that cannot be read.

    Examples
    --------
    A folded ball on two visits, the second time turned by 5 degrees and with new noise. For a brain,
    `weighting="FLAIR"` would list lesions too.

    >>> import numpy as np
    >>> from mriloop import compare
    >>> rng = np.random.default_rng(2)
    >>> x, y, z = np.meshgrid(*[np.arange(-20, 20) * 3.0] * 3, indexing="ij")
    >>> folds = 1 + 0.3 * np.sin(x / 9) * np.cos(y / 8 + z / 11)
    >>> ball = 90.0 * folds * (x**2 / 44**2 + y**2 / 54**2 + z**2 / 40**2 < 1)
    >>> affine = np.array([[3.0, 0, 0, -60], [0, 3.0, 0, -60], [0, 0, 3.0, -60], [0, 0, 0, 1]])
    >>> turn = np.eye(4)
    >>> turn[:2, :2] = [[0.9962, -0.0872], [0.0872, 0.9962]]
    >>> today, before = (ball + rng.normal(0, 1.5, ball.shape) for _ in range(2))
    >>> found = compare(
    ...     today, before, affine_today=affine, affine_prior=turn @ affine, weighting="PD", region="knee", planted=0
    ... )
    >>> found.alignment.accepted, round(float(np.degrees(np.arcsin(found.alignment.matrix[0][1]))))
    (True, 5)
    >>> found.on_today.shape, found.labels is None
    ((40, 40, 40), True)
    """
    said = _said(weighting), _said(weighting_prior if weighting_prior is not None else weighting)
    where, agent = Region(region), _truth(contrast)
    several = isinstance(prior, (list, tuple)) and bool(prior) and all(isinstance(p, str | PathLike) for p in prior)
    others: list[Any] = list(prior) if several else [prior]  # type: ignore[arg-type]
    if baseline is not None and baseline not in range(len(others)):
        raise ValueError(f"baseline is one of {len(others)} priors, counted from 0, not {baseline}")
    with ExitStack() as stack:
        visits = [stack.enter_context(open_visit(today, affine_today, said[0], where, agent, "today", check))]
        for number, one in enumerate(others):
            name = "prior" if len(others) == 1 else f"prior {number + 1}"
            visits.append(stack.enter_context(open_visit(one, affine_prior, said[1], where, agent, name, check)))
        studies = [visit.study for visit in visits]
        nameless = [visit.study.study_instance_uid for visit in visits if visit.nameless]
        for visit in visits[1:]:
            try:
                refuse_strangers(studies[0], [visit.study], nameless)
            except MriloopError as error:
                raise refuse(error.code, path=visit.path) from None
        compared = compare_studies(
            studies[0],
            studies[1:],
            kinds={uid: kind for visit in visits for uid, kind in visit.kinds.items()},
            checks={uid: one for visit in visits for uid, one in visit.checks.items()},
            load=lambda uid: next((visit.load(uid) for visit in visits if uid in visit.kinds), None),
            progress=progress,
            unnamed=nameless,
            baseline=None if baseline is None else studies[1 + baseline].study_instance_uid,
            same_person=same_person,
            seed=seed,
            planted=planted,
            repeatability=load_repeatability(),
            change_score=load_change_score(),
        )
    return _result(compared)


def align(
    fixed: Picture,
    moving: Picture,
    *,
    affine_fixed: npt.ArrayLike | None = None,
    affine_moving: npt.ArrayLike | None = None,
    weighting: Weighting | str = Weighting.T1,
    weighting_moving: Weighting | str | None = None,
    region: Region | str = Region.UNKNOWN,
    order: int = 3,
) -> Aligned:
    """Lay one picture on another: rigid, by mutual information, in both directions, with its uncertainty.

    Parameters
    ----------
    fixed, moving : each an array with its affine, an image of nibabel, or the path of one series
    affine_fixed, affine_moving : (4, 4) from voxel index to RAS+ millimetres; for arrays only
    weighting, weighting_moving : what the two are, where it is known; only the search for a brain depends on it
    region : where no brain may be looked for, say what it is, such as "knee"
    order : degree of the B-spline that `on_fixed` is interpolated with; 0 for label maps

    Raises
    ------
    ValueError
        for arrays without affine, shapes that are no volume, pictures too thin to be aligned in space.
    MriloopError
        with its `code`: input_not_found, several_series and those of files that cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> from mriloop import align
    >>> x, y, z = np.meshgrid(*[np.arange(-20, 20) * 3.0] * 3, indexing="ij")
    >>> folds = 1 + 0.3 * np.sin(x / 9) * np.cos(y / 8 + z / 11)
    >>> ball = 90.0 * folds * (x**2 / 44**2 + y**2 / 54**2 + z**2 / 40**2 < 1)
    >>> affine = np.array([[3.0, 0, 0, -60], [0, 3.0, 0, -60], [0, 0, 3.0, -60], [0, 0, 0, 1]])
    >>> shifted = affine.copy()
    >>> shifted[:3, 3] += [6, 0, -4]
    >>> found = align(ball, ball, affine_fixed=affine, affine_moving=shifted, region="knee")
    >>> bool(np.abs(found.to_fixed([6.0, 0.0, -4.0])).max() < 0.1)
    True
    """
    if order not in range(6):
        raise ValueError(f"order is 0 to 5, not {order}")
    one, two = Weighting(weighting), Weighting(weighting_moving if weighting_moving is not None else weighting)
    volumes = []
    for given, affine, shows, name in ((fixed, affine_fixed, one, "fixed"), (moving, affine_moving, two, "moving")):
        with open_visit(given, affine, shows, Region(region), Truth.UNKNOWN, name, False) as visit:
            if len(visit.study.series) != 1:
                raise refuse("several_series", path=visit.path, count=len(visit.study.series))
            uid = visit.study.series[0].series_instance_uid
            volume = visit.load(uid)
            reason = "its pixels could not be made a volume" if volume is None else alignable(volume)
            if volume is None or reason:
                raise ValueError(f"{name}: {reason}")
            volumes.append(load_one(volume, visit.kinds[uid], seek_brain=True))
    still, moved = volumes
    found = across(still, moved)
    laid = None
    if found.accepted:
        laid = sample(moved.volume.data, moved.volume.affine, still.grid, np.array(found.matrix), order=order)
    return Aligned(alignment=found, on_fixed=laid, affine=still.volume.affine)


def compare_bids(
    root: str | PathLike[str],
    out: str | PathLike[str],
    *,
    participants: Sequence[str] = (),
    baseline: bool = True,
    maps: bool = True,
    workers: int = 0,
    processes: bool = True,
) -> LongitudinalOutcome:
    """Compare the sessions of every subject of a BIDS dataset, as `mriloop compare-bids` does.

    Parameters
    ----------
    root : the dataset; images under anat/ and dwi/ of subjects with at least two sessions take part
    out : folder of the results, a BIDS derivative with longitudinal.tsv; the same call goes on where one ended
    participants : only these, with or without `sub-`
    baseline : compare with the first usable session too, not with the previous one alone
    maps : write label maps, differences and registered priors
    workers : subjects at the same time; 0 for one per processor
    processes : work in processes with limits of time and memory; False runs in this one (the caller's script then needs
        no `if __name__ == "__main__"`)

    Raises
    ------
    MriloopError
        with its `code`: input_not_found, bids_no_visits, out_not_writable, out_busy, out_not_ours.
    """
    in_force = settings.load({}, workers=workers, executor="process" if processes else "serial")
    return longitudinal(Path(root), Path(out), in_force, participants=participants, baseline=baseline, maps=maps)


def _result(compared: Compared) -> ComparisonResult:
    pairs = compared.comparison.pairs
    shown = sorted(compared.images, key=lambda one: one.role != "change")
    by_series = {(pair.today, pair.prior): pair for pair in pairs}
    pair = next((by_series[one.today, one.prior] for one in shown if (one.today, one.prior) in by_series), None)
    best = pair or min(pairs, key=lambda p: (not p.alignment.accepted, p.alignment.uncertainty_mm), default=None)
    return ComparisonResult(comparison=compared.comparison, images=tuple(shown), pair=best)


def _said(word: Weighting | str | None) -> Weighting | None:
    return None if word is None else Weighting(word)


def _truth(contrast: bool | None) -> Truth:
    return Truth.UNKNOWN if contrast is None else Truth.TRUE if contrast else Truth.FALSE
