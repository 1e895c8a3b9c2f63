"""What COMPARE found, as objects that other programs read: DICOM SEG, SR, registration, registered prior, transforms.

Identity is read from the source files at the moment of writing, and from nowhere else. NIfTI input has none, so that
only transforms and NIfTI come of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom import Intake, Limits, open_volumes, read_outlines, write_nifti
from mriloop.edges.dicom.results import (
    Followed,
    Reader,
    Segment,
    Segmentation,
    SourceSeries,
    read_source,
    write_derived_prior,
    write_report,
    write_segmentation,
    write_spatial_registration,
)
from mriloop.edges.dicom.transforms import write_transforms
from mriloop.edges.dicom.uids import uid
from mriloop.imaging.resample import Grid, sample
from mriloop.model.comparison import Alignment, Change, ChangeKind, Role, SeriesPair, Standing
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.judgement import Judgement
from mriloop.model.outline import Outline
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare import Compared, PairImages

COLOURS = {  # CIELab as DICOM scales it (PS3.3 C.10.7.1.1): red, orange, blue, green, grey
    ChangeKind.NEW: (34_883, 53_485, 50_171),
    ChangeKind.ENLARGING: (49_068, 39_056, 53_232),
    ChangeKind.SHRINKING: (21_167, 53_200, 5_283),
    ChangeKind.RESOLVED: (57_503, 10_768, 54_309),
    ChangeKind.STABLE: (35_388, 32_896, 32_896),
}
_MANY = 8_000_000  # voxels from which on pictures for the eye are interpolated linearly


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    """Where a series comes from: its intake, itself, and how file names call it."""

    intake: Intake
    series: Series
    label: str


def write_dicom_results(
    compared: Compared,
    intakes: Sequence[Intake],
    studies: Sequence[Study],
    out: Path,
    *,
    now: datetime,
    spend: Limits,
    nifti: bool = True,
    earlier: Sequence[Outline] = (),
    judgements: Mapping[int, tuple[Judgement, ...]] | None = None,
    reader: Reader | None = None,
) -> tuple[Path, ...]:
    """Write everything that other programs can use of a comparison to `out`, and return the files.

    Parameters
    ----------
    intakes, studies : those that were compared, today first; the intakes must still be open
    now : dates the objects
    nifti : also write every linked series on the voxels of the reference series, which reads them all once more
    earlier : outlines of the prior with tracking UIDs (`edges.dicom.outlines`): a lesion that lies on one keeps its UID
    judgements : what was judged of each change, by Change.id
    reader : the person who verified the changes; without one the report says that software proposes

    `dicom/seg`, `dicom/sr`, `dicom/registration`, `dicom/prior_registered` are written where both studies are DICOM,
    the last for each pair that is more than to be looked at;
    `transforms` (linear maps; those of single parts too) and `nifti` always. A change that a person rejected is left
    out; stable lesions are reported where an earlier outline follows them. Raises OperatorError `out_not_writable`,
    SenderError `result_source_unreadable`.
    """
    homes = _homes(intakes, studies)
    comparison = compared.comparison
    linked = {one.series: one.alignment for one in comparison.linked if one.alignment.accepted}
    written: list[Path] = []
    if comparison.reference is not None:
        written += _transforms(linked, comparison.reference, homes, out / "transforms")
        written += _transforms_of_parts(comparison.pairs, homes, out / "transforms")
        if nifti:
            written += _on_reference(linked, comparison.reference, homes, spend, out / "nifti")
    desk = _Desk(homes=homes, spend=spend, now=now, out=out / "dicom")
    sources = {name: source for name in linked if (source := desk.source(homes[name].series)) is not None}
    if comparison.reference in sources and len(sources) > 1:
        pairs = [(source, linked[name]) for name, source in sources.items()]
        path = desk.out / "registration" / "registration.dcm"
        written.append(write_spatial_registration(path, pairs, sources[comparison.reference], now=now))
    answering = {(p.today, p.prior): p.alignment for p in comparison.pairs if p.role is not Role.VIEW}
    shown = [one for one in compared.images if (one.today, one.prior) in answering and one.role != "enhancement"]
    for number, pair in enumerate(shown):
        alignment = answering[pair.today, pair.prior]
        written += _pair(pair, alignment, number, desk, comparison.statement, comparison.changes, earlier,
                         judgements or {}, reader)  # fmt: skip
    return tuple(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What lies at hand while results are written."""

    homes: Mapping[str, _Home]
    spend: Limits
    now: datetime
    out: Path

    def source(self, image: Volume | Series) -> SourceSeries | None:
        """Return what DICOM results need of a volume or a series; None for NIfTI."""
        home = self.homes[image.series_instance_uid]
        if image.series_instance_uid in home.intake.nifti:
            return None
        return read_source(home.intake.files[image.series_instance_uid][0], image, self.spend)


def _homes(intakes: Sequence[Intake], studies: Sequence[Study]) -> dict[str, _Home]:
    found: dict[str, _Home] = {}
    for visit, (intake, study) in enumerate(zip(intakes, studies, strict=True)):
        name = "today" if visit == 0 else f"prior{visit}"
        for place, series in enumerate(study.series, 1):
            number = series.series_number if series.series_number is not None else place
            label = f"{name}S{number}".replace("-", "minus")  # labels of BIDS are letters and digits
            if any(home.label == label for home in found.values()):
                label += f"n{place}"
            found[series.series_instance_uid] = _Home(intake=intake, series=series, label=label)
    return found


def _transforms(
    linked: Mapping[str, Alignment], reference: str, homes: Mapping[str, _Home], folder: Path
) -> list[Path]:
    written: list[Path] = []
    for series, alignment in linked.items():
        if series != reference:
            moving, fixed = homes[series].label, homes[reference].label
            written += write_transforms(
                folder, alignment, moving=moving, fixed=fixed,
                FromSeriesInstanceUID=series, ToSeriesInstanceUID=reference,
            )  # fmt: skip
    return written


def _transforms_of_parts(pairs: Sequence[SeriesPair], homes: Mapping[str, _Home], folder: Path) -> list[Path]:
    """Write the maps of vertebrae, joints and organs, each with where it holds."""
    written: list[Path] = []
    for pair in pairs:
        for part in pair.parts:
            if part.alignment.accepted:
                written += write_transforms(
                    folder, part.alignment, moving=homes[pair.prior].label, fixed=homes[pair.today].label,
                    part="".join(letter for letter in part.part if letter.isascii() and letter.isalnum()) or "part",
                    Part=part.part, CentreRAS=list(part.centre_ras_mm), RadiusMillimetres=part.radius_mm,
                )  # fmt: skip
    return written


def _on_reference(
    linked: Mapping[str, Alignment], reference: str, homes: Mapping[str, _Home], spend: Limits, folder: Path
) -> list[Path]:
    """Write every linked series on the voxels of the reference series, each interpolated once."""
    base = _voxels(homes[reference], spend)
    if base is None:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise refuse("out_not_writable", path=folder) from None
    i, j, k = base.data.shape[:3]
    grid = Grid(shape=(i, j, k), affine=base.affine)
    written = []
    for series, alignment in linked.items():
        volume = base if series == reference else _voxels(homes[series], spend)
        if volume is None:
            continue
        data = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
        order = 3 if data.size < _MANY else 1
        laid = (
            data if series == reference else sample(data, volume.affine, grid, np.array(alignment.matrix), order=order)
        )
        path = folder / f"{homes[series].label}_on_reference.nii.gz"
        written.append(write_nifti(path, np.asarray(laid, np.float32), base.affine))
    return written


def _voxels(home: _Home, spend: Limits) -> Volume | None:
    """Return the primary volume of a series once more; the comparison has confirmed it already."""
    try:
        with open_volumes(home.intake, home.series, spend) as (volumes, _):
            return volumes[0]
    except MriloopError:
        return None


def _pair(
    pair: PairImages,
    alignment: Alignment,
    number: int,
    desk: _Desk,
    statement: str,
    changes: Sequence[Change],
    earlier: Sequence[Outline],
    judgements: Mapping[int, tuple[Judgement, ...]],
    reader: Reader | None,
) -> list[Path]:
    """Write the registered prior of a pair and, where changes were listed on it, outlines and report."""
    today, prior = desk.source(pair.today_volume), desk.source(pair.prior_volume)
    if today is None or prior is None:
        return []
    label = desk.homes[pair.prior].label
    description = desk.homes[pair.prior].series.description
    laid = write_derived_prior(
        desk.out / "prior_registered" / f"{label}_on_{desk.homes[pair.today].label}",
        pair.prior_on_today.data,
        today=today,
        prior=prior,
        alignment=alignment,
        label=description[:32] or label,
        now=desk.now,
        series_number=9010 + number,
    )
    written = list(laid.paths)
    if pair.changes_today is None or pair.changes_prior is None:
        return written
    followed = follow(changes, pair, earlier, judgements)
    i, j, k = pair.today_volume.data.shape[:3]
    grid = Grid(shape=(i, j, k), affine=pair.today_volume.affine)
    before = sample(
        pair.changes_prior.astype(np.float32), pair.prior_volume.affine, grid, np.array(alignment.matrix), order=0
    )
    segments = [segment_of(one) for one in followed]
    for name in ("changes_today", "changes_prior"):  # of an earlier call: where nothing is left, none is written below
        (desk.out / "seg" / f"{name}.dcm").unlink(missing_ok=True)
    outlined: list[Segmentation | None] = [
        write_segmentation(
            desk.out / "seg" / f"{name}.dcm", labels, segments, source, now=desk.now, description=words,
            series_number=series_number,
        )
        for name, labels, source, words, series_number in (
            ("changes_today", pair.changes_today, today, "Changes, as they are today", 9001),
            ("changes_prior", np.rint(before).astype(np.int32), laid.source, "Changes, as they were before", 9002),
        )
    ]  # fmt: skip
    written += [one.path for one in outlined if one is not None]
    written.append(
        write_report(
            desk.out / "sr" / "changes.dcm",
            followed,
            today=today,
            prior=prior,
            segments_today=outlined[0],
            segments_prior=outlined[1],
            source_of_prior=laid.source,
            now=desk.now,
            statement=statement,
            reader=reader,
        )
    )
    return written


def follow(
    changes: Sequence[Change],
    pair: PairImages,
    earlier: Sequence[Outline] = (),
    judgements: Mapping[int, tuple[Judgement, ...]] | None = None,
) -> tuple[Followed, ...]:
    """Return the changes to be reported, each under the name that it keeps over visits.

    A change that has no tracking UID takes that of the earlier outline which covers most of it at the prior; a lesion
    that nobody has followed yet gets one that depends on its place and its two series alone. Left out are changes that
    a person rejected, and stable ones that nobody follows.
    """
    covered = _covered(pair, earlier)
    found = []
    for change in changes:
        known = change.tracking_uid or covered.get(change.id, "")
        if change.standing is Standing.REJECTED or (change.kind is ChangeKind.STABLE and not known):
            continue
        place = ",".join(f"{mm:.1f}" for mm in change.position_ras_mm)
        lasting = known or uid("lesion", pair.today, pair.prior, place)
        found.append(
            Followed(
                change=change,
                tracking_id=_name(lasting, earlier),
                tracking_uid=lasting,
                judgements=(judgements or {}).get(change.id, ()),
            )
        )
    return tuple(found)


def name_changes(compared: Compared, earlier: Sequence[Outline] = ()) -> Compared:
    """Return the comparison with the tracking UID of every change that is reported, so that all outputs agree on it."""
    pair = next((one for one in compared.images if one.changes_today is not None), None)
    if pair is None:
        return compared
    names = {one.change.id: one.tracking_uid for one in follow(compared.comparison.changes, pair, earlier)}
    changes = tuple(
        replace(one, tracking_uid=names.get(one.id, one.tracking_uid)) for one in compared.comparison.changes
    )
    return replace(compared, comparison=replace(compared.comparison, changes=changes))


def earlier_outlines(
    compared: Compared, intakes: Sequence[Intake], studies: Sequence[Study], spend: Limits
) -> tuple[Outline, ...]:
    """Return the outlines with tracking UIDs that lie in the prior study on which changes were listed.

    A segmentation there that cannot be read is passed over: it belongs to the prior, and nothing was asked of it.
    """
    pair = next((one for one in compared.images if one.changes_prior is not None), None)
    found: list[Outline] = []
    for intake, study in zip(intakes, studies, strict=True):
        if pair is None or all(one.series_instance_uid != pair.prior for one in study.series):
            continue
        for path in earlier_files(intake, study):
            try:
                found += read_outlines(path, spend, volumes=[pair.prior_volume])
            except MriloopError:
                continue
    return tuple(one for one in found if one.tracking_uid)


def _name(lasting: str, earlier: Sequence[Outline]) -> str:
    """Return the words a lesion is known by: those of the earlier outline, else a short name made of its UID."""
    said = next((one.tracking_id for one in earlier if one.tracking_uid == lasting and one.tracking_id), "")
    return said or f"lesion {int(uid('name', lasting)[5:]) % 16**6:06X}"


def _covered(pair: PairImages, earlier: Sequence[Outline]) -> dict[int, str]:
    """Return, for each change with an outline at the prior, the UID of the earlier outline that covers most of it."""
    if pair.changes_prior is None:
        return {}
    grid = Grid(shape=_shape(pair.changes_prior), affine=pair.prior_volume.affine)
    most: dict[int, tuple[int, str]] = {}
    for one in earlier:
        if not one.tracking_uid:
            continue
        there = sample(one.data.astype(np.float32), one.affine, grid, order=0) > 0.5
        counts = np.bincount(pair.changes_prior[there].ravel())
        for value in np.flatnonzero(counts):
            if value and counts[value] > most.get(int(value), (0, ""))[0]:
                most[int(value)] = (int(counts[value]), one.tracking_uid)
    return {value: name for value, (_, name) in most.items()}


def _shape(data: npt.NDArray[np.integer]) -> tuple[int, int, int]:
    i, j, k = data.shape[:3]
    return i, j, k


def segment_of(one: Followed) -> Segment:
    """Return how a lesion is outlined in DICOM."""
    return Segment(
        value=one.change.id,
        label=f"{one.change.kind.value} {one.change.id}",
        tracking_id=one.tracking_id,
        tracking_uid=one.tracking_uid,
        colour=COLOURS[one.change.kind],
        by_hand=one.change.standing is Standing.EDITED,
    )


def earlier_files(intake: Intake, study: Study) -> tuple[Path, ...]:
    """Return the segmentations that lie in a study, from which lesions keep their names."""
    return tuple(
        path
        for series in study.series
        if series.object is SeriesObject.SEGMENTATION
        for path in intake.files.get(series.series_instance_uid, ())
    )
