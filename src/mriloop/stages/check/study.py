"""What the whole study lacks or repeats: series of the protocol, pictures before contrast, an early end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mriloop.model.coding import Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.protocol import Protocol
from mriloop.model.quality import Defect, Evidence, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import PerformedStep, Series, Study
from mriloop.stages.check.defects import defect, number
from mriloop.stages.check.discontinued import discontinued, not_received, steps_of
from mriloop.stages.check.header import Header
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures import BLANK
from mriloop.stages.check.protocol import fits, missing_lines
from mriloop.stages.check.repeats import SUBTRACTED, name_of, repeats
from mriloop.stages.check.siblings import joined, short_of_source
from mriloop.stages.check.verdict import verdict_of, worst_of

_NOISE_BY_NATURE = frozenset({Weighting.PHASE, Weighting.FIELD_MAP, Weighting.LOCALIZER, Weighting.SCREENSHOT})


def check_study(
    study: Study,
    checks: Sequence[SeriesCheck],
    protocol: Protocol | None = None,
    limits: Limits = SHIPPED,
    performed: Sequence[PerformedStep] = (),
) -> StudyCheck:
    """Return the answer of CHECK for a study from those for its series.

    A series that was repeated with success does not count against the study; a series clearly less sharp than its twin
    of the same settings is marked. The verdict is the worst over the remaining assessed series and the study's own
    defects (major: REPEAT, minor: LIMITED). A series of noise only beside series that show a patient is a failed scan,
    not an empty one: it is to be repeated. `performed` is what scanners reported of examinations (MPPS); steps of
    other studies are passed over.
    """
    by_uid = {series.series_instance_uid: series for series in study.series}
    together = short_of_source(joined(checks, by_uid), by_uid)
    marked, again, superseded = repeats(_without_signal(together, by_uid), by_uid, limits)
    defects = [*again, *_before_contrast(marked, by_uid)]
    if protocol is not None:
        defects += _against_protocol(marked, protocol)
    steps = steps_of(study, performed)
    whole = protocol is not None and not protocol.advisory and not any(d.code == "missing_series" for d in defects)
    stopped = discontinued(steps, whole=whole)
    if all(d.severity is Severity.INFO for d in stopped):
        stopped += _early_end(marked, defects, protocol)
    defects += [*stopped, *not_received(study, steps)]
    spoilt = [c for c in marked if c.verdict is Verdict.REPEAT and c.series_instance_uid not in superseded]
    for check in spoilt:
        defects.append(
            defect(
                "spoilt_without_repeat",
                Severity.MAJOR,
                f"{name_of(check)} has to be repeated and the study holds no usable repeat of it.",
                Evidence(name="series", value=check.series_instance_uid, unit=""),
            )
        )
    counted = [c.verdict for c in marked if c.series_instance_uid not in superseded]
    own = {Severity.MAJOR: Verdict.REPEAT, Severity.MINOR: Verdict.LIMITED}
    verdict = worst_of([*counted, *(own[d.severity] for d in defects if d.severity in own)])
    return StudyCheck(
        study_instance_uid=study.study_instance_uid,
        verdict=verdict,
        series=tuple(marked),
        defects=tuple(defects),
        protocol=protocol.id if protocol else None,
        superseded=tuple(c.series_instance_uid for c in marked if c.series_instance_uid in superseded),
    )


def _without_signal(checks: Sequence[SeriesCheck], by_uid: Mapping[str, Series]) -> list[SeriesCheck]:
    """Mark the series without any signal as failed where another series, or an agent that was given, tells a patient.

    Pictures whose air is expected to look like noise (phase, field maps), noise scans by name and planning are left.
    """
    shown = any(c.kind.object is Subject.PATIENT for c in checks)
    result = []
    for check in checks:
        header = Header(by_uid[check.series_instance_uid]) if check.series_instance_uid in by_uid else None
        given = check.kind.contrast is Truth.TRUE and check.kind.basis.get("contrast", "").startswith("ContrastBolus")
        if header is None or not (shown or given) or not _silent(check, header):
            result.append(check)
            continue
        why = "another series of the study shows a patient" if shown else "a contrast agent was given"
        failed = defect("no_signal", Severity.MAJOR, f"There is nothing but noise in the picture, and {why}.")
        kept = tuple(d for d in check.defects if d.code != "no_object")
        basis = {**check.kind.basis, "object": f"no signal, and {why}"}
        kind = replace(check.kind, object=Subject.UNKNOWN, basis=basis)
        verdict = verdict_of(kind, (*kept, failed), computed=False, seen=True)
        result.append(replace(check, kind=kind, defects=(*kept, failed), verdict=verdict))
    return result


def _silent(check: SeriesCheck, header: Header) -> bool:
    if check.kind.derived or check.kind.weighting in _NOISE_BY_NATURE or "noise" in header.name_tokens:
        return False
    tail = check.measures.get("entropy_focus")
    blank = isinstance(tail, NotAssessable) and tail.reason == BLANK
    return check.kind.object is Subject.NONE or (blank and check.kind.object is not Subject.NOT_AN_IMAGE)


def _before_contrast(checks: Sequence[SeriesCheck], by_uid: dict[str, Series]) -> list[Defect]:
    """Find T1 pictures after contrast without any T1 picture before it (minor), or with none for sure (information).

    Series that lack the same picture are named together. A series of several time points that began before an agent was
    followed holds its own picture before it.
    """
    usable = [c for c in checks if c.kind.weighting in SUBTRACTED and c.kind.object is not Subject.NOT_AN_IMAGE]
    usable = [c for c in usable if not c.kind.derived]
    before = [c for c in usable if c.kind.contrast is Truth.FALSE]
    unsure = [c for c in usable if c.kind.contrast is Truth.UNKNOWN]
    alike: dict[tuple[object, ...], list[SeriesCheck]] = {}
    for check in usable:
        if check.kind.contrast is not Truth.TRUE or check.volumes > 2:
            continue
        if not any(_matches(check.kind, other.kind) for other in (*before, *_dynamic(usable))):
            alike.setdefault((check.kind.plane, check.kind.fat_suppressed, check.kind.three_d), []).append(check)
    found = []
    for lacking in alike.values():
        begun = [t for c in lacking if (t := Header(by_uid[c.series_instance_uid]).began_at_s) is not None]
        maybe = [
            c
            for c in unsure
            if _matches(lacking[0].kind, c.kind)
            and (not begun or (t := Header(by_uid[c.series_instance_uid]).began_at_s) is None or t < min(begun))
        ]
        found.append(
            defect(
                "incomplete_precontrast",
                Severity.INFO if maybe else Severity.MINOR,
                f"{' and '.join(name_of(c) for c in lacking)} {'is' if len(lacking) == 1 else 'are'} after contrast "
                "and no T1 series of the same plane is known to be before it"
                + (f"; {name_of(maybe[0])} may be, but its header does not say." if maybe else "."),
                *(Evidence(name="series", value=c.series_instance_uid, unit="") for c in lacking),
            )
        )
    return found


def _dynamic(checks: Sequence[SeriesCheck]) -> list[SeriesCheck]:
    return [c for c in checks if c.volumes > 2 and c.kind.contrast is not Truth.FALSE]


def _matches(one: SeriesKind, other: SeriesKind) -> bool:
    """Fit for subtraction: the same plane (or a volume that can be cut anew), not fat-suppressed on one side only."""
    planes = one.plane is other.plane or Truth.TRUE in (one.three_d, other.three_d)
    fat = {one.fat_suppressed, other.fat_suppressed}
    return planes and fat != {Truth.TRUE, Truth.FALSE}


def _against_protocol(checks: Sequence[SeriesCheck], protocol: Protocol) -> list[Defect]:
    pictures = [c for c in checks if c.kind.object not in (Subject.NOT_AN_IMAGE, Subject.PHANTOM, Subject.NONE)]
    found = []
    for line, state in missing_lines(protocol, [c.kind for c in pictures], [c.description for c in pictures]):
        sure = state is Truth.FALSE
        found.append(
            defect(
                "missing_series",
                Severity.MINOR if sure and not protocol.advisory else Severity.INFO,
                f"{protocol.title} asks for {line.title}; "
                + ("the study has none." if sure else "a series may be it, but its header does not say enough."),
                Evidence(name="protocol_series", value=line.id, unit=""),
            )
        )
    return found


def _ends_early(check: SeriesCheck) -> bool:
    """Tell whether what a series lacks lies at one end of it: a gap in the middle is a loss, not a stop."""
    whole = check.completeness
    lost = {m.index for m in whole.missing if m.volume is None} if whole is not None else set()
    if not lost or whole is None or not whole.expected:
        return True
    each = whole.expected // max(check.volumes, 1)
    return 0 in lost or each - 1 in lost


def _early_end(checks: Sequence[SeriesCheck], so_far: Sequence[Defect], protocol: Protocol | None) -> list[Defect]:
    """A last series cut short together with absent later series is an exam that was stopped."""
    cut = {"stopped_early", "missing_slices", "short_volume"}
    ordered = [c for c in checks if not c.kind.derived and c.kind.object is not Subject.NOT_AN_IMAGE]
    ordered.sort(key=lambda c: c.series_number if c.series_number is not None else 1 << 30)
    absent = [d for d in so_far if d.code == "missing_series" and "the study has none" in d.message]
    if protocol is None or protocol.advisory or not ordered or not absent:
        return []
    if all(fits(ordered[-1].kind, line) is Truth.FALSE for line in protocol.series):
        return []
    if not any(d.code in cut and d.severity is not Severity.INFO for d in ordered[-1].defects):
        return []
    if not _ends_early(ordered[-1]):
        return []
    return [
        defect(
            "exam_stopped",
            Severity.MAJOR,
            f"{name_of(ordered[-1])} ends early and {len(absent)} series of the protocol never began: it was stopped.",
            number("series_missing", len(absent), "{count}", 0),
        )
    ]
