"""Changes as a structured report: TID 1500 Measurement Report (PS3.16) in a Comprehensive 3D SR.

One measurement group per lesion and visit. The groups of one lesion share its tracking UID, so that a receiver can
follow it over any number of studies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage

from mriloop import __version__
from mriloop.edges.dicom.results import codes, tree
from mriloop.edges.dicom.results.codes import dcm
from mriloop.edges.dicom.results.objects import MAKER, begin, referenced, save
from mriloop.edges.dicom.results.seg import Segmentation
from mriloop.edges.dicom.results.source import SourceSeries
from mriloop.edges.dicom.results.tree import CONTAINS, CONTEXT, MODIFIER
from mriloop.edges.dicom.uids import uid
from mriloop.model.coding import Code
from mriloop.model.comparison import Change
from mriloop.model.judgement import Judged, Judgement

FOLLOWED = dcm("125007", "Measurement Group")
_FINDING_CATEGORY = Code(value="276214006", scheme="SCT", meaning="Finding category")
_FINDING_SITE = Code(value="363698007", scheme="SCT", meaning="Finding Site")
_TIME_POINT = Code(value="C2348792", scheme="UMLS", meaning="Time Point")
_QUALITATIVE = Code(value="C0034375", scheme="UMLS", meaning="Qualitative Evaluations")
_LANGUAGE = Code(value="en-US", scheme="RFC5646", meaning="English (United States)")
_MR = dcm("MR", "Magnetic Resonance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The person who stands for a report. `name` as DICOM writes it, family^given."""

    name: str
    organisation: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One lesion to be reported: the change, the names it is tracked by, what it is, and what was judged of it.

    `site` is where it lies; without one, the place that `Change.location` names in the brain.
    """

    change: Change
    tracking_id: str
    tracking_uid: str
    judgements: tuple[Judgement, ...] = ()
    finding: Code = codes.BRAIN_LESION
    site: Code | None = None


def write_report(
    path: Path,
    lesions: Sequence[Followed],
    *,
    today: SourceSeries,
    prior: SourceSeries,
    segments_today: Segmentation | None,
    segments_prior: Segmentation | None,
    source_of_prior: SourceSeries,
    now: datetime,
    statement: str = "",
    reader: Reader | None = None,
    series_number: int = 9003,
) -> Path:
    """Write what became of the lesions between the visits.

    Parameters
    ----------
    today, prior : the two series that were compared
    segments_today, segments_prior : outlines of both visits; the prior's are drawn on `source_of_prior`, which is the
        registered prior in today's study, or `prior` itself
    statement : the words of COMPARE with its detection limit
    reader : who verified it; without one the report is COMPLETE, PRELIMINARY and UNVERIFIED, and says that it proposes

    Raises OperatorError `out_not_writable`.
    """
    groups = [
        group
        for one in lesions
        for group in _groups(one, today, prior, segments_today, segments_prior, source_of_prior)
    ]
    content = [
        tree.code(MODIFIER, dcm("121049", "Language of Content Item and Descendants"), _LANGUAGE),
        *_observers(reader),
        tree.code(MODIFIER, dcm("121058", "Procedure reported"), codes.MR_PROCEDURE),
        _library(today, prior),
    ]
    if groups:
        content.append(tree.container(dcm("126010", "Imaging Measurements"), groups))
    said = " ".join(filter(None, [statement, "" if reader else "Proposed by software; no person has verified it."]))
    content.append(tree.container(_QUALITATIVE, [tree.text(CONTAINS, codes.COMMENT, said)]))
    root = tree.container(dcm("126000", "Imaging Measurement Report"), content, template="1500", relation="")
    basis = repr((lesions, segments_today and segments_today.numbers, statement, reader))
    key = "|".join(
        [today.series_instance_uid, prior.series_instance_uid, hashlib.sha256(basis.encode("utf-8")).hexdigest()]
    )
    ds = begin(
        today, sop_class=Comprehensive3DSRStorage, modality="SR", number=series_number, key=key, now=now,
        description=f"Changes since {prior.date or 'the prior'}",
    )  # fmt: skip
    ds.update(root)
    ds.CompletionFlag = "COMPLETE"
    ds.PreliminaryFlag = "FINAL" if reader else "PRELIMINARY"
    ds.VerificationFlag = "VERIFIED" if reader else "UNVERIFIED"
    if reader is not None:
        ds.VerifyingObserverSequence = [_verified_by(reader)]
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    segments = [one for one in (segments_today, segments_prior) if one is not None]
    _add_evidence(ds, [today, source_of_prior, prior], segments)
    return save(ds, path)


def _verified_by(reader: Reader) -> Dataset:
    item = Dataset()
    item.VerifyingOrganization, item.VerifyingObserverName = reader.organisation, reader.name
    item.VerificationDateTime = reader.at.strftime("%Y%m%d%H%M%S.%f") + reader.at.strftime("%z")[:5]
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


def _observers(reader: Reader | None) -> list[Dataset]:
    """Return the observation context (TID 1001 to 1004): the software, and the person who verified it."""
    kind = dcm("121005", "Observer Type")
    found = [
        tree.code(CONTEXT, kind, dcm("121007", "Device")),
        tree.uid_reference(CONTEXT, dcm("121012", "Device Observer UID"), uid("mriloop", "device", __version__)),
        tree.text(CONTEXT, dcm("121013", "Device Observer Name"), "mriloop compare"),
        tree.text(CONTEXT, dcm("121014", "Device Observer Manufacturer"), MAKER),
        tree.text(CONTEXT, dcm("121015", "Device Observer Model Name"), f"mriloop {__version__}"),
    ]
    if reader is not None:
        found += [
            tree.code(CONTEXT, kind, dcm("121006", "Person")),
            tree.person(CONTEXT, dcm("121008", "Person Observer Name"), reader.name),
        ]
    return found


def _library(*sources: SourceSeries) -> Dataset:
    """Return the image library (TID 1600): both series with their study dates and frames of reference."""
    groups = []
    for source in sources:
        described = [
            tree.code("HAS ACQ CONTEXT", dcm("121139", "Modality"), _MR),
            tree.uid_reference(
                "HAS ACQ CONTEXT", dcm("112227", "Frame of Reference UID"), source.frame_of_reference_uid
            ),
        ]
        day = source.said.get("StudyDate")
        if day:
            described.append(tree.date("HAS ACQ CONTEXT", dcm("111060", "Study Date"), day))
        images = [tree.image(CONTAINS, None, referenced(source.sop_class_uid, one)) for one in source.instances]
        groups.append(tree.container(dcm("126200", "Image Library Group"), described + images))
    return tree.container(dcm("111028", "Image Library"), groups)


def _groups(
    one: Followed,
    today: SourceSeries,
    prior: SourceSeries,
    segments_today: Segmentation | None,
    segments_prior: Segmentation | None,
    source_of_prior: SourceSeries,
) -> list[Dataset]:
    """Return the measurement groups of a lesion: today's, and the prior's where it was there.

    Each measure stands at the visit where it was taken: volumes at both, lengths where the outline was that they were
    measured on, which is today's as long as anything is left today.
    """
    change = one.change
    before = max(change.volume_ml - change.volume_change_ml, 0.0)
    measured = [tree.number(codes.VOLUME, change.volume_ml, codes.MILLILITRE)]
    at_today = change.volume_ml > 0
    if at_today:
        measured += _diameters(change)
    measured += _difference(change, before)
    judged = [tree.code(CONTAINS, codes.QUALITATIVE_DIFFERENCE, codes.KINDS[change.kind])]
    words = f"{change.standing.value}; {change.location}; confidence {change.confidence:.2f} (orders, no probability)"
    judged.append(tree.text(CONTAINS, codes.COMMENT, "; ".join([words, *(map(_judged, one.judgements))])))
    groups = [_group(one, today, 2, segments_today, today, measured + judged)]
    if before > 0:
        numbers = [tree.number(codes.VOLUME, before, codes.MILLILITRE)]
        groups.append(
            _group(one, prior, 1, segments_prior, source_of_prior, numbers + ([] if at_today else _diameters(change)))
        )
    return groups


def _diameters(change: Change) -> list[Dataset]:
    found = [tree.number(codes.LONG_AXIS, change.diameter_mm, codes.MILLIMETRE)]
    if change.perpendicular_mm is not None:
        found.append(tree.number(codes.PERPENDICULAR, change.perpendicular_mm, codes.MILLIMETRE))
    return found


def _difference(change: Change, before: float) -> list[Dataset]:
    found = [tree.number(codes.DIFFERENCE_IN_SIZE, change.volume_change_ml, codes.MILLILITRE)]
    if before > 0:
        percent = 100.0 * change.volume_change_ml / before
        found.append(tree.number(codes.DIFFERENCE_IN_SIZE, percent, codes.PERCENT))
    if change.volume_noise_ml is not None:
        spread = tree.code(MODIFIER, dcm("121401", "Derivation"), codes.STANDARD_DEVIATION)
        found.append(tree.number(codes.DIFFERENCE_IN_SIZE, change.volume_noise_ml, codes.MILLILITRE, [spread]))
    return found


def _judged(judgement: Judgement) -> str:
    within = judgement.judged is Judged.WITHIN and judgement.beyond is not None
    limit = f" {judgement.beyond:g}" if within else ""
    return f"{judgement.measure}: {judgement.judged.value}{limit} ({judgement.because})"


def _group(
    one: Followed,
    visit: SourceSeries,
    order: int,
    segments: Segmentation | None,
    source: SourceSeries,
    rest: Sequence[Dataset],
) -> Dataset:
    """Return a group: TID 1411 where the lesion has a segment at this visit, else TID 1501."""
    number = segments.numbers.get(one.change.id) if segments is not None else None
    children = [
        tree.text(CONTEXT, dcm("112039", "Tracking Identifier"), one.tracking_id),
        tree.uid_reference(CONTEXT, dcm("112040", "Tracking Unique Identifier"), one.tracking_uid),
        tree.text(CONTEXT, _TIME_POINT, visit.date or f"visit {order}"),
        tree.number(dcm("126073", "Time Point Order"), order, codes.ONE, relation=CONTEXT),
        tree.code(CONTAINS, _FINDING_CATEGORY, codes.ALTERED),
        tree.code(CONTAINS, dcm("121071", "Finding"), one.finding),
    ]
    if segments is not None and number is not None:
        reference = referenced(str(SegmentationStorage), segments.sop_instance_uid)
        reference.ReferencedSegmentNumber = number
        children += [
            tree.image(CONTAINS, dcm("121191", "Referenced Segment"), reference),
            tree.uid_reference(CONTAINS, dcm("121232", "Source series for segmentation"), source.series_instance_uid),
        ]
    site = one.site or codes.SITE_OF.get(one.change.location, codes.BRAIN)
    children.append(tree.code(MODIFIER, _FINDING_SITE, site))
    return tree.container(FOLLOWED, [*children, *rest], template="1411" if number is not None else "1501")


def _add_evidence(ds: Dataset, sources: Sequence[SourceSeries], segments: Sequence[Segmentation]) -> None:
    """List every instance that the content refers to, by study: this one's, and others."""
    studies: dict[str, dict[str, list[Dataset]]] = {}
    for source in sources:
        series = studies.setdefault(source.study_instance_uid, {})
        series[source.series_instance_uid] = [referenced(source.sop_class_uid, one) for one in source.instances]
    for one in segments:
        item = referenced(str(SegmentationStorage), one.sop_instance_uid)
        studies.setdefault(one.study_instance_uid, {})[one.series_instance_uid] = [item]
    here = {study: series for study, series in studies.items() if study == ds.StudyInstanceUID}
    there = {study: series for study, series in studies.items() if study != ds.StudyInstanceUID}
    ds.CurrentRequestedProcedureEvidenceSequence = _evidence(here)
    if there:
        ds.PertinentOtherEvidenceSequence = _evidence(there)


def _evidence(studies: Mapping[str, Mapping[str, Sequence[Dataset]]]) -> list[Dataset]:
    found = []
    for study, series in studies.items():
        item = Dataset()
        item.StudyInstanceUID = study
        item.ReferencedSeriesSequence = []
        for number, instances in series.items():
            below = Dataset()
            below.SeriesInstanceUID = number
            below.ReferencedSOPSequence = list(instances)
            item.ReferencedSeriesSequence.append(below)
        found.append(item)
    return found
