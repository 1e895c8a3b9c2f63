"""Invented patients for the tests of the page: nouns filled by hand, pictures drawn from balls and boxes."""

from __future__ import annotations

import dataclasses
import functools
from datetime import UTC, date, datetime

import numpy as np

from mriloop.edges.publish import figures
from mriloop.edges.publish.view import (
    ChangeFigure,
    Figure,
    FollowUpView,
    Link,
    OrderReason,
    OrderView,
    ReviewView,
    StudySummary,
)
from mriloop.model.advice import (
    Advice,
    Caution,
    Conflict,
    OutOfScope,
    Recommendation,
    Undetermined,
)
from mriloop.model.coding import Contrast, Plane, Region, Subject, Urgency, Weighting
from mriloop.model.communication import Audience, Letter, LetterPart, Readability
from mriloop.model.comparison import (
    Alignment,
    Change,
    ChangeKind,
    Comparison,
    DetectionLimit,
    LinkedSeries,
    NotComparable,
    SeriesPair,
)
from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.finding import Finding, Source
from mriloop.model.follow_up import Clock, FollowUp, FollowUpState
from mriloop.model.guideline import Citation, Mark, Status
from mriloop.model.quality import (
    Completeness,
    Defect,
    Evidence,
    MissingSlice,
    MotionTrace,
    SeriesCheck,
    SeriesKind,
    Severity,
    StudyCheck,
    Verdict,
)
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.report import DraftReport, Objection, Outcome, Person, ReportSection, VerifiedReport
from mriloop.model.response import (
    Criteria,
    NewLesion,
    NonTarget,
    ResponseHistory,
    ResponseVisit,
    Seen,
    Size,
    Tissue,
    TrackedLesion,
    Trend,
)
from mriloop.model.schedule import Window
from mriloop.model.study import Refused
from mriloop.model.volume import Volume
from mriloop.stages.compare.response import assess

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
STUDY = "1.2.826.0.1.3680043.8.498.45787841905188114249811177541251"
PRIOR = "1.2.826.0.1.3680043.8.498.10101010101010101010101010101010"
ROOT = "1.2.826.0.1.3680043.8.498.7777777777777777777777777777"


def head(shape=(128, 160, 28), spacing=(1.3, 1.3, 5.0), lesion=None, seed=1):
    """An ellipsoid head with a bright rim, ventricles, a nose towards the front and a mark on the patient's left."""
    rng = np.random.default_rng(seed)
    i, j, k = (np.linspace(-1, 1, n) for n in shape)
    r, a, s = np.meshgrid(i, j, k, indexing="ij")
    radius = np.sqrt((r / 0.8) ** 2 + (a / 0.9) ** 2 + (s / 1.1) ** 2)
    data = np.where(radius < 1, 300.0, 0.0) + np.where(radius < 0.9, 250.0, 0.0)
    data += np.where((np.abs(r) > 0.05) & (radius < 0.85), 120 * np.cos(9 * r) * np.cos(7 * a), 0)
    data = np.where(((np.abs(r) - 0.12) / 0.1) ** 2 + (a / 0.35) ** 2 + (s / 0.3) ** 2 < 1, 60.0, data)
    data = np.where((r / 0.07) ** 2 + ((a - 0.93) / 0.06) ** 2 + (s / 0.2) ** 2 < 1, 500.0, data)
    data = np.where(((r + 0.85) / 0.06) ** 2 + (a / 0.12) ** 2 + (s / 0.2) ** 2 < 1, 700.0, data)
    if lesion is not None:
        place, size = lesion
        near = sum(
            ((axis - at) * n * mm / 2) ** 2 for axis, at, n, mm in zip((r, a, s), place, shape, spacing, strict=True)
        )
        data = np.where(near < (size / 2) ** 2, 900.0, data)
    data = data + rng.normal(0, 18, shape)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-(n - 1) * mm / 2 for n, mm in zip(shape, spacing, strict=True)]
    return Volume(data=np.abs(data).astype(np.float32), affine=affine, series_instance_uid=f"{ROOT}.5")


def kind(weighting, plane=Plane.AXIAL, contrast=Truth.FALSE, **more):
    return SeriesKind(
        weighting=weighting,
        plane=plane,
        region=Region.BRAIN,
        contrast=contrast,
        object=Subject.PATIENT,
        basis={"weighting": "TR 9000 ms, TI 2500 ms", "plane": "ImageOrientationPatient"},
        **more,
    )


def motion_trace(volumes=60):
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0, 0.05, (volumes, 6)), axis=0)
    walk[30:, 0] += 2.4
    walk[30:, 5] += 1.8
    framewise = [0.0, *np.abs(np.diff(walk, axis=0)).sum(axis=1).tolist()]
    return MotionTrace(
        reference=0,
        translations_mm=tuple(map(tuple, walk[:, :3].tolist())),
        rotations_deg=tuple(map(tuple, walk[:, 3:].tolist())),
        framewise_mm=tuple(framewise),
    )


def window(target: date, before=14, after=30) -> Window:
    from datetime import timedelta

    return Window(earliest=target - timedelta(days=before), target=target, latest=target + timedelta(days=after))


def study_check() -> StudyCheck:
    motion = Defect(
        code="R1.motion.voluntary",
        severity=Severity.MAJOR,
        message="The head turned by 1.8° and moved by 2.4 mm at volume 31.",
        action="Talk to the patient, support the head with pads, and repeat the series.",
        evidence=(Evidence(name="framewise_displacement_max", value=3.06, unit="mm", limit=0.5),),
    )
    gap = Defect(
        code="R1.incomplete",
        severity=Severity.MINOR,
        message="2 of 28 slices are missing.",
        action="Send the two instances again from the scanner.",
        evidence=(Evidence(name="slices_missing", value=2, unit="{count}", limit=0),),
    )
    series = (
        SeriesCheck(
            series_instance_uid=f"{ROOT}.5",
            series_number=5,
            description="Ax T2 FLAIR",
            kind=kind(Weighting.FLAIR),
            verdict=Verdict.LIMITED,
            volumes=1,
            defects=(gap,),
            measures={
                "average_edge_strength": Quantity(value=0.2134, unit="1"),
                "ghost_ratio": Quantity(value=1.8, unit="%"),
                "snr": Quantity(value=41.237, unit="1"),
                "noise": NotAssessable(reason="the background was masked by the scanner"),
            },
            completeness=Completeness(
                found=26,
                expected=28,
                missing=(
                    MissingSlice(index=10, position_ras_mm=(-82.55, -103.35, -17.5)),
                    MissingSlice(index=11, position_ras_mm=(-82.55, -103.35, -12.5)),
                ),
                basis="Uniform spacing of 5 mm with one gap of 15 mm.",
            ),
        ),
        SeriesCheck(
            series_instance_uid=f"{ROOT}.7",
            series_number=7,
            description="DWI b0/b1000",
            kind=kind(Weighting.DWI),
            verdict=Verdict.REPEAT,
            volumes=60,
            defects=(motion,),
            measures={"framewise_displacement_mean": Quantity(value=0.31, unit="mm")},
            completeness=Completeness(found=1680, expected=1680, basis="60 volumes of 28 slices."),
            motion=motion_trace(),
        ),
        SeriesCheck(
            series_instance_uid=f"{ROOT}.9",
            series_number=9,
            description="Sag T1 MPRAGE",
            kind=kind(Weighting.T1, Plane.SAGITTAL, three_d=Truth.TRUE),
            verdict=Verdict.ACCEPTABLE,
            volumes=1,
            measures={"snr": Quantity(value=55.0, unit="1")},
            completeness=Completeness(found=176, expected=176, basis="declared"),
        ),
        SeriesCheck(
            series_instance_uid=f"{ROOT}.701",
            series_number=701,
            description="ADC",
            kind=kind(Weighting.ADC, derived=True),
            verdict=Verdict.NOT_ASSESSABLE,
            volumes=1,
            defects=(
                Defect(
                    code="derived",
                    severity=Severity.INFO,
                    message="Computed from series 7.",
                    action="",
                ),
            ),
        ),
        SeriesCheck(
            series_instance_uid=f"{ROOT}.99",
            series_number=99,
            description="Dose and protocol",
            kind=SeriesKind(object=Subject.NOT_AN_IMAGE),
            verdict=Verdict.NOT_AN_IMAGE,
            volumes=0,
        ),
    )
    lacking = Defect(
        code="R1.protocol",
        severity=Severity.MINOR,
        message="The protocol asks for a T1 after contrast; none is there.",
        action="Ask the radiologist whether it is needed.",
    )
    return StudyCheck(
        study_instance_uid=STUDY, verdict=Verdict.REPEAT, series=series, defects=(lacking,), protocol="MS (2021)"
    )


def comparison() -> Comparison:
    accepted = Alignment(
        method="rigid, two halves",
        matrix=((1.0, 0.0, 0.0, 1.25), (0.0, 1.0, 0.0, -0.5), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        uncertainty_mm=0.21,
        accepted=True,
    )
    return Comparison(
        today_study=STUDY,
        prior_studies=(PRIOR,),
        pairs=(
            SeriesPair(
                today=f"{ROOT}.5",
                prior=f"{PRIOR}.4",
                comparability=("slice thickness 5 mm against 4 mm",),
                alignment=accepted,
            ),
        ),
        changes=(
            Change(
                id=1,
                kind=ChangeKind.NEW,
                volume_ml=0.38,
                volume_change_ml=0.38,
                diameter_mm=9.0,
                position_ras_mm=(33.2, 20.8, 12.4),
                confidence=0.93,
                location="right periventricular",
            ),
            Change(
                id=2,
                kind=ChangeKind.ENLARGING,
                volume_ml=0.21,
                volume_change_ml=0.09,
                diameter_mm=7.4,
                position_ras_mm=(-20.1, -31.0, 17.0),
                confidence=0.71,
                location="left juxtacortical",
            ),
            Change(
                id=3,
                kind=ChangeKind.SHRINKING,
                volume_ml=0.05,
                volume_change_ml=-0.04,
                diameter_mm=4.6,
                position_ras_mm=(-0.4, 12.0, -22.0),
                confidence=0.64,
                location="",
            ),
            Change(
                id=4,
                kind=ChangeKind.STABLE,
                volume_ml=0.4,
                volume_change_ml=0.0,
                diameter_mm=9.1,
                position_ras_mm=(20.0, 38.0, 17.0),
                confidence=0.5,
                location="deep",
            ),
        ),
        detection_limit=tuple(
            DetectionLimit(diameter_mm=d, contrast_percent=c, found=min(1.0, d * c / 300), tried=12)
            for d in (3.0, 5.0, 8.0)
            for c in (20.0, 40.0)
        ),
        not_comparable=(NotComparable(series=f"{ROOT}.7", reason="the series is to be repeated for motion"),),
        cautions=("The prior has slices of 4 mm, today of 5 mm: small lesions may fall between slices.",),
        reference=f"{ROOT}.5",
        linked=(LinkedSeries(series=f"{PRIOR}.4", study=PRIOR, alignment=accepted),),
        changes_prior_study=PRIOR,
        changes_today=f"{ROOT}.5",
        changes_prior=f"{PRIOR}.4",
        statement="One new lesion and one that grew since 12 Sep 2025, on FLAIR aligned within 0.2 mm.",
    )


def advice() -> Advice:
    cite = Citation(
        text="Wattjes MP et al. 2021 MAGNIMS–CMSC–NAIMS consensus on MRI in multiple sclerosis. Lancet Neurol",
        year=2021,
        locator="p. 653, follow-up",
        mark=Mark.V2,
        doi="10.1016/S1474-4422(21)00095-8",
    )
    mri = Recommendation(
        id="ms-1",
        guideline="ms-monitoring",
        row="new-activity",
        step="mri_follow_up",
        text="MRI of the brain without contrast, the same protocol",
        because=("New lesion on FLAIR: yes (a proposal of the comparison)", "Row: activity under treatment"),
        citation=cite,
        profile="MAGNIMS-CMSC-NAIMS 2021",
        status=Status.REVIEWED,
        modality="MR",
        region=Region.BRAIN,
        contrast=Contrast.WITHOUT,
        pulse_sequences=("3-D FLAIR", "T2", "DWI"),
        window=window(date(2026, 9, 2)),
        schedule=(window(date(2026, 9, 2)), window(date(2027, 9, 2), 30, 60), window(date(2028, 9, 2), 30, 60)),
        then="individualise",
        never_auto_close=True,
        specialty=("neurology",),
        actions=("Discuss treatment at the next visit",),
    )
    now = Recommendation(
        id="ms-2",
        guideline="completeness",
        row="repeat-dwi",
        step="repeat_series",
        text="Repeat the DWI before it is read",
        because=("CHECK of series 7: repeat",),
        citation=cite,
        profile="house rule",
        status=Status.DRAFT,
        urgency=Urgency.HOURS,
        modality="MR",
        window=window(date(2026, 3, 2), 0, 7),
        specialty=("technologist",),
    )
    other = Recommendation(
        id="ms-3",
        guideline="ms-monitoring-2015",
        row="new-activity",
        step="mri_follow_up",
        text="MRI of the brain with T2 and contrast-enhanced T1 at 12 months",
        because=("Row: yearly reference",),
        citation=dataclasses.replace(cite, year=2015, mark=Mark.V),
        profile="MAGNIMS 2015",
        default=False,
        status=Status.RETIRED,
        contrast=Contrast.WITHOUT_AND_WITH,
        window=window(date(2027, 3, 2), 30, 60),
    )
    return Advice(
        recommendations=(mri, now, other),
        undetermined=(
            Undetermined(
                guideline="pml-surveillance",
                missing=("jcv_antibody",),
                questions=("Is the JC virus antibody positive?",),
            ),
        ),
        out_of_scope=(OutOfScope(guideline="pituitary", reason="the region is not the pituitary"),),
        conflicts=(
            Conflict(
                topic="Interval and contrast",
                recommendations=("ms-1", "ms-3"),
                text="2021 needs no gadolinium.",
                default="ms-1",
            ),
        ),
        warnings=(
            Caution(
                code="emergency_not_excluded", text="Nobody has stated whether there are signs of cord compression."
            ),
        ),
        facts={
            "age": Quantity(value=34, unit="a"),
            "jcv_antibody": UNKNOWN,
            "on_treatment": Truth.TRUE,
            "treatment": "natalizumab",
            "treatment_start": date(2024, 1, 31),
            "series_read": ("FLAIR", "T2"),
        },
    )


def draft(objections=True) -> DraftReport:
    return DraftReport(
        id="report-1",
        study_instance_uid=STUDY,
        patient="p-1",
        drafted_at=NOW,
        sections=(
            ReportSection(code="technique", title="Technique", paragraphs=("MRI of the brain without contrast, 3 T.",)),
            ReportSection(
                code="findings",
                title="Findings",
                paragraphs=("New lesion, right periventricular, 9 mm.", "One lesion grew by 0.09 mL."),
            ),
            ReportSection(
                code="impression", title="Impression", paragraphs=("Proposed: new activity.", "- Why: two lesions.")
            ),
        ),
        findings=(
            Finding(
                id="f1",
                text="New lesion, right periventricular",
                region=Region.BRAIN,
                measurements={"diameter": Quantity(value=9.0, unit="mm")},
                series=(f"{ROOT}.5",),
                position_ras_mm=(33.2, 20.8, 12.4),
                source=Source.COMPARE,
            ),
        ),
        recommendations=advice().recommendations[:1],
        objections=(Objection(code="owner", text="A recommendation has no owner.", remedy="Name one."),)
        if objections
        else (),
        outcome=Outcome.ABNORMAL,
        owners={"ms-1": "Neurology clinic"},
        rejected=("change-3",),
        open_questions=("Is the JC virus antibody positive?",),
        disagreements=("2021 needs no gadolinium.",),
    )


def letters(signed=True) -> tuple[Letter, ...]:
    return (
        Letter(
            id="l1",
            audience=Audience.PATIENT,
            language="en",
            kind="second_mri",
            title="Your MRI, and why we want to take some pictures again",
            paragraphs=(
                "You moved a little in the scan. That is not your fault.",
                "We need one part again.",
                "- Lie still.",
                "- Tell us if you feel unwell.",
            ),
            parts=(LetterPart(heading="Why", count=1), LetterPart(heading="What you can do", count=3)),
            written_on=TODAY,
            report_digest="ab" * 32 if signed else None,
            readability=Readability(fkgl=3.24, smog=5.4, longest_words=12),
            checklist=("reason", "no_blame"),
        ),
        Letter(
            id="l2",
            audience=Audience.REFERRER,
            language="en",
            kind="result",
            title="Result and next step",
            paragraphs=("New activity.",),
            report_digest="ab" * 32 if signed else None,
            readability=Readability(fkgl=None, smog=None, longest_words=2, ease=90.0, perspicuity=88.0),
        ),
    )


def follow_ups() -> tuple[FollowUpView, ...]:
    base = FollowUp(
        id="fu-1",
        patient="p-1",
        study_instance_uid=STUDY,
        recommendation="ms-1",
        step="mri_follow_up",
        text="MRI of the brain without contrast",
        owner="Neurology clinic",
        state=FollowUpState.RECOMMENDED,
        window=window(date(2026, 9, 2)),
        modality="MR",
        region="brain",
        contrast="without",
        never_auto_close=True,
        opened_on=TODAY,
        plan=(window(date(2027, 9, 2), 30, 60),),
        then="individualise",
        appointment=date(2026, 9, 4),
    )
    return (
        FollowUpView(follow_up=base, clock=Clock.NOT_YET_DUE),
        FollowUpView(
            follow_up=dataclasses.replace(base, id="fu-2", text="Eye test", window=window(date(2025, 12, 1))),
            clock=Clock.OVERDUE,
        ),
        FollowUpView(
            follow_up=dataclasses.replace(base, id="fu-3", text="Later scans", window=None),
            clock=Clock.INDIVIDUALISE,
        ),
    )


@functools.cache
def pictures():
    place, size = (0.4, 0.2, 0.18), 9.0
    today, prior = head(lesion=(place, size), seed=1), head(seed=2)
    centre = tuple(at * n * mm / 2 for at, n, mm in zip(place, today.data.shape, today.spacing_mm, strict=True))
    labels = np.zeros(today.data.shape, dtype=np.int16)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in today.data.shape), indexing="ij")
    near = sum(
        ((axis - at) * n * mm / 2) ** 2
        for axis, at, n, mm in zip(grid, place, today.data.shape, today.spacing_mm, strict=True)
    )
    labels[near < (size / 2) ** 2] = 1
    check = study_check().series[0]
    gapped = dataclasses.replace(today, data=np.delete(today.data, [10, 11], axis=2))
    marks = (figures.Mark(slice=10, kind="missing", text="2 slices missing"),)
    flair = figures.mosaic(gapped, marks=(*marks, figures.Mark(slice=16, kind="look", text="ghosts")))
    triptych = figures.triptych(prior.data, today.data, today.data - prior.data, today.affine, centre, labels=labels)
    mosaics = {
        check.series_instance_uid: Figure(
            png=flair, alt="FLAIR, 18 slices from below to above; two are missing.", caption="Ax T2 FLAIR"
        ),
        f"{ROOT}.7": Figure(png=figures.mosaic(head(seed=4)), alt="DWI, 18 slices.", caption="DWI, first volume"),
    }
    shown = Figure(png=triptych, alt="A new lesion of 9 mm, right periventricular.", caption="Change 1: new, 9 mm")
    return mosaics, (ChangeFigure(changes=(1,), figure=shown),)


def full_view(**more) -> ReviewView:
    """Everything at once: each part of the page has something to show."""
    mosaics, triptychs = pictures()
    values = {
        "study": StudySummary(
            label="Demo patient 1",
            study_instance_uid=STUDY,
            description="MRI brain, MS follow-up",
            started_at=datetime(2026, 3, 2, 9, 30),
            age_years=34,
            sex="F",
            scanner="Phantom Works Virtual 3 T",
            question="New activity under natalizumab?",
        ),
        "generated_at": NOW,
        "today": TODAY,
        "check": study_check(),
        "refused": (Refused(path="viewer/autorun.inf", code="file_not_dicom", message="not a DICOM file"),),
        "comparison": comparison(),
        "prior_labels": {f"{PRIOR}.4": "12 Sep 2025, 4 Ax FLAIR"},
        "advice": advice(),
        "report": draft(),
        "letters": letters(),
        "follow_ups": follow_ups(),
        "order": OrderView(
            outcome="advise",
            order="MRI brain without and with contrast",
            reasons=(
                OrderReason(
                    code="gadolinium_not_needed",
                    text="The guideline asks for no gadolinium here.",
                    way_out="Order it without contrast.",
                ),
            ),
        ),
        "mosaics": mosaics,
        "triptychs": triptychs,
        "links": (Link(label="review.json", href="review.json", note="the same as data"),),
        "versions": {"mriloop": "0.1.0", "dcm2niix": "1.0.20260724"},
    }
    return ReviewView(**(values | more))


def signed(report: DraftReport) -> VerifiedReport:
    """A signed report as a value; the page only shows it."""
    return VerifiedReport(
        draft=report,
        verified_by=Person(id="r1", name="Dr Ada Example", role="radiologist"),
        verified_at=NOW,
        digest="ab" * 32,
        overrides={"series_not_opened:7": "Repeated on the same day."},
    )


def calm_view() -> ReviewView:
    """A study with nothing to do: one acceptable series, no prior, no case."""
    check = study_check()
    good = dataclasses.replace(check, verdict=Verdict.ACCEPTABLE, series=check.series[2:3], defects=())
    return ReviewView(study=StudySummary(label="Calm"), generated_at=NOW, today=TODAY, check=good)


def blocked_view() -> ReviewView:
    """An order for contrast images alone, and no images yet."""
    return ReviewView(
        study=StudySummary(label="Demo patient 6"),
        generated_at=NOW,
        today=TODAY,
        order=OrderView(
            outcome="block",
            order="MRI pituitary with contrast only",
            reasons=(
                OrderReason(
                    code="contrast_only",
                    text="Images after contrast cannot be read without images before it.",
                    way_out="Order MRI pituitary without and with contrast.",
                ),
            ),
        ),
    )


def response_course():
    """A glioma over five visits: provisional growth, a second group of targets, one that nobody measured."""
    lesions = (TrackedLesion(id="E1"), TrackedLesion(id="F1", tissue=Tissue.NON_ENHANCING))

    def square(side):
        return Size(longest_mm=side, perpendicular_mm=side)

    def visit(number, month, enhancing, other, **more):
        return ResponseVisit(
            id=f"v{number}",
            on=date(2026, month, 2),
            sizes={"E1": enhancing, "F1": square(other)},
            clinical=Trend.STABLE,
            steroid_mg=2.0,
            non_target=NonTarget.NONE,
            **{"new_lesions": NewLesion.NO, **more},
        )

    visits = (
        visit(0, 3, square(20.0), 30.0),
        visit(1, 4, square(23.0), 30.0),
        visit(2, 6, square(24.0), 29.0, new_lesions=NewLesion.EQUIVOCAL),
        visit(3, 7, Size(seen=Seen.NOT_ASSESSED), 29.0),
        visit(4, 9, square(30.0), 29.0, new_lesions=NewLesion.YES, new_ids=("E2",)),
    )
    return assess(
        ResponseHistory(
            id="glioma", criteria=Criteria.RANO_2, lesions=lesions, visits=visits, radiotherapy_ended=date(2026, 2, 1)
        )
    )
