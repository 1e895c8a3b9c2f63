"""The check of one series: what it is, whether it is whole, as prescribed, still, and good enough to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mriloop.imaging.motion_model import MotionModel
from mriloop.model.coding import Plane, Subject, Weighting
from mriloop.model.protocol import SeriesProtocol
from mriloop.model.quality import Completeness, Defect, SeriesCheck, SeriesKind, Severity
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.model.study import Series
from mriloop.model.volume import Volume
from mriloop.stages.check import subject
from mriloop.stages.check.completeness import Found, completeness_of
from mriloop.stages.check.defects import BY_CODE, defect
from mriloop.stages.check.header import Header
from mriloop.stages.check.identify import computed, plane_of_normal
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures import BRAIN, LABELS, PICTURE, SUMMARY, Sample, brain_sample, sample_of, take_all
from mriloop.stages.check.measures import NAMES as MEASURES
from mriloop.stages.check.measures.structural_motion import STRUCTURAL_MOTION, motion_sample
from mriloop.stages.check.motion import NAMES, Moved, motion_of
from mriloop.stages.check.protocol import check_protocol
from mriloop.stages.check.rules import (
    blank_volumes,
    completeness_defects,
    image_defects,
    motion_defects,
    structural_motion_defects,
    time_defects,
)
from mriloop.stages.check.scanner import acquired_at, coil_of, scanner_of
from mriloop.stages.check.thresholds import loosened_defects
from mriloop.stages.check.verdict import several_faults, verdict_of
from mriloop.stages.check.views import profile_of, spots_of

_NO_SCORE = "phantoms, empty scans, localizers and computed series get no clinical score"
_NOTHING_SEEN = "the pictures could not be read; only the headers were checked"


def check_series(
    series: Series,
    volumes: tuple[Volume, ...] | None,
    *,
    kind: SeriesKind,
    protocol: SeriesProtocol | None = None,
    limits: Limits = SHIPPED,
    brain: bool = False,
    motion_model: MotionModel | None = None,
) -> SeriesCheck:
    """Return the answer of CHECK for one series, judged by `limits` (`thresholds.limits_for` chooses them).

    `volumes` None means that no picture could be made: completeness and protocol are still checked, every image
    measure is NotAssessable. `brain` True adds MRIQC's measures of a structural brain, which cost seconds;
    `motion_model` None leaves motion within one volume out.
    What the picture shows about the object (patient, phantom, nothing) settles `kind.object`.
    Phantoms, empty scans, localizers and computed series get no clinical score; what they lack is still said.
    """
    if kind.object is Subject.NOT_AN_IMAGE:
        return _not_an_image(series, kind)
    header = Header(series)
    found = completeness_of(series, kind) if series.frames else _from_volumes(volumes)
    sample = sample_of(volumes or (), series) if volumes is not None else NotAssessable(reason=_NOTHING_SEEN)
    if isinstance(sample, NotAssessable) and sample.reason == LABELS:
        return _not_an_image(series, replace(kind, object=Subject.NOT_AN_IMAGE, basis={**kind.basis, "object": LABELS}))
    if isinstance(sample, Sample):
        kind = subject.seen(sample, kind)
        kind = _plane_seen(kind, volumes or ())
    is_computed = computed(header, kind)
    scored = kind.object not in (Subject.PHANTOM, Subject.NONE) and not is_computed
    scored &= kind.weighting not in (Weighting.LOCALIZER, Weighting.SCREENSHOT)
    measures: dict[str, Measure] = dict(take_all(sample, PICTURE))
    if brain:
        measures.update(take_all(brain_sample(volumes or (), sample, kind), (*BRAIN, *SUMMARY)))
    moved = _moved(series, volumes, kind, limits)
    measures.update(moved.measures)
    if motion_model is not None:
        within = motion_sample(sample, series, kind, motion_model) if scored else NotAssessable(reason=_NO_SCORE)
        measures.update(take_all(within, STRUCTURAL_MOTION))
    defects: list[Defect] = completeness_defects(found, kind, series, limits)
    if kind.object in (Subject.PATIENT, Subject.UNKNOWN) and not is_computed and _acquired(header):
        defects += blank_volumes(volumes or (), limits)
    if volumes is None:
        defects.append(
            defect("not_converted", Severity.INFO, "Only the headers were checked: no picture could be made.")
        )
    if scored and isinstance(sample, Sample):
        defects += image_defects(sample, measures, kind, limits)
        defects += motion_defects(moved, limits)
        defects += structural_motion_defects(measures, min(sample.spacing_mm[:2]), limits)
        defects += time_defects(moved, kind, limits)
        defects += several_faults(defects, limits)
        defects += loosened_defects(limits, measures)
    if protocol is not None and scored:
        defects += check_protocol(series, protocol)
    defects += _why_no_score(series, kind, is_computed)
    return SeriesCheck(
        series_instance_uid=series.series_instance_uid,
        kind=kind,
        verdict=verdict_of(kind, defects, computed=is_computed, seen=isinstance(sample, Sample)),
        volumes=found.volumes,
        series_number=series.series_number,
        description=series.description,
        defects=tuple(defects),
        measures=measures,
        completeness=found.completeness,
        motion=moved.trace if scored else None,
        scanner=scanner_of(header),
        coil=coil_of(header),
        acquired_at=acquired_at(header),
        look_at=spots_of(sample, defects) if isinstance(sample, Sample) else (),
        profile=profile_of(sample) if scored and isinstance(sample, Sample) else None,
    )


def _acquired(header: Header) -> bool:
    """Tell whether the header speaks of an acquisition whose pictures ought to show something."""
    return any((header.te_ms, header.tr_ms, header.words("ScanningSequence")))


def _why_no_score(series: Series, kind: SeriesKind, is_computed: bool) -> list[Defect]:
    """Give the reason, coded, of a series that gets no clinical score."""
    code = None
    if series.modality != "MR":
        code = "not_mr"
    elif kind.object is Subject.NONE:
        code = "no_object"
    elif kind.object is Subject.PHANTOM:
        code = "phantom"
    elif kind.weighting is Weighting.LOCALIZER:
        code = "planning_only"
    elif is_computed:
        code = "computed_series"
    if code is None:
        return []
    basis = kind.basis.get(
        "object" if code in ("no_object", "phantom") else "derived" if is_computed else "weighting", ""
    )
    text = BY_CODE[code].meaning
    message = text[0].upper() + text[1:] + (f" ({basis})." if basis else ".")
    return [defect(code, Severity.INFO, message)]


def _not_an_image(series: Series, kind: SeriesKind) -> SeriesCheck:
    reason = NotAssessable(reason="this object holds no picture")
    measures: Mapping[str, Measure] = dict.fromkeys((*MEASURES, *NAMES), reason)
    defects = [
        defect("not_an_image", Severity.INFO, "No picture: " + kind.basis.get("object", series.object.value) + ".")
    ]
    return SeriesCheck(
        series_instance_uid=series.series_instance_uid,
        kind=kind,
        verdict=verdict_of(kind, defects, computed=False, seen=False),
        volumes=0,
        series_number=series.series_number,
        description=series.description,
        defects=tuple(defects),
        measures=measures,
    )


def _from_volumes(volumes: tuple[Volume, ...] | None) -> Found:
    """NIfTI input has no frame headers: what is there is known, what should be is not."""
    if not volumes:
        return Found(
            completeness=Completeness(found=0, expected=None, basis="no frame headers and no picture"), volumes=0
        )
    slices = sum(v.data.shape[v.slice_axis] * v.count if v.data.ndim > 2 else v.count for v in volumes)
    return Found(
        completeness=Completeness(
            found=int(slices), expected=None, basis="no DICOM headers: what was meant is not known"
        ),
        volumes=sum(v.count for v in volumes),
        spacing_mm=volumes[0].spacing_mm[volumes[0].slice_axis],
    )


def _plane_seen(kind: SeriesKind, volumes: tuple[Volume, ...]) -> SeriesKind:
    """Take the plane from the picture's own axes where no header gives it."""
    if kind.plane is not Plane.UNKNOWN or not volumes:
        return kind
    volume = volumes[0]
    column = volume.affine[:3, volume.slice_axis]
    normal = column / np.linalg.norm(column)
    plane = plane_of_normal((float(normal[0]), float(normal[1]), float(normal[2])))
    return replace(kind, plane=plane, basis={**kind.basis, "plane": "axes of the picture"})


def _moved(series: Series, volumes: tuple[Volume, ...] | None, kind: SeriesKind, limits: Limits) -> Moved:
    if volumes and kind.object is not Subject.NONE:
        return motion_of(series, volumes, kind, limits)
    return Moved(None, dict.fromkeys(NAMES, NotAssessable(reason="no pictures to compare")))
