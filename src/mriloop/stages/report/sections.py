"""The six sections of a report, each from what its stage found, in words that say also what cannot be told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Subject, Urgency
from mriloop.model.comparison import ChangeKind, Comparison
from mriloop.model.fact import Truth
from mriloop.model.finding import Finding, Source
from mriloop.model.follow_up import windows_of
from mriloop.model.quality import SeriesCheck, Severity, Verdict
from mriloop.model.report import Outcome, ReportSection
from mriloop.stages.report.objections import Material
from mriloop.stages.report.wording import capital, day, exam, listed, plural, series_name, source, span

RELIABLY_FOUND = 0.9
_VERDICT = {
    Verdict.ACCEPTABLE: "The study is of acceptable quality.",
    Verdict.LIMITED: "The study is of limited quality; it can be read with the limits listed here.",
    Verdict.REPEAT: "The study is not diagnostic as it stands: part of it must be repeated.",
    Verdict.NOT_ASSESSABLE: "The quality of the study could not be assessed.",
    Verdict.NOT_AN_IMAGE: "The study holds no image that could be assessed.",
}
_WITHIN = {Urgency.MINUTES: "within the hour", Urgency.HOURS: "within a day", Urgency.DAYS: "within days"}
PROPOSAL = "Machine proposal, to be confirmed by a reader: "


def technique(material: Material) -> ReportSection:
    """What was acquired: field strength, each series, and whether contrast agent was given as far as images tell."""
    fields = {
        float(value)
        for item in material.study.series
        if isinstance(value := item.parameters.get("MagneticFieldStrength"), int | float)
    }
    strength = f" at {listed(f'{value:.3g} T' for value in sorted(fields))}" if fields else ""
    images = [item for item in material.check.series if item.kind.object is not Subject.NOT_AN_IMAGE]
    lines = [f"MRI{strength}, {plural(len(images), 'series')}: {listed(map(series_name, images)) or 'none'}."]
    enhanced = [series_name(item) for item in images if item.kind.contrast is Truth.TRUE]
    if enhanced:
        lines.append(f"Acquired after contrast agent: {listed(enhanced)}.")
    elif images and all(item.kind.contrast is Truth.FALSE for item in images):
        lines.append("No series was acquired after contrast agent.")
    else:
        lines.append("The images do not say whether contrast agent was given.")
    return ReportSection(code="technique", title="Technique", paragraphs=tuple(lines))


def quality(material: Material) -> ReportSection:
    """The verdict of the study, then every series that has a defect, then what the study as a whole lacks."""
    lines = [_VERDICT[material.check.verdict], *(item.message for item in material.check.defects)]
    for item in material.check.series:
        told = [defect for defect in item.defects if defect.severity is not Severity.INFO]
        if told or item.verdict in (Verdict.LIMITED, Verdict.REPEAT):
            reasons = "; ".join(defect.message.rstrip(".") for defect in told) or "no reason recorded"
            lines.append(f"{capital(series_name(item))}: {item.verdict.value}. {capital(reasons)}.")
        lines.extend(_missing(item))
    return ReportSection(code="quality", title="Image quality", paragraphs=tuple(lines))


def _missing(item: SeriesCheck) -> Iterable[str]:
    """Say how many slices of a series are missing, where any is."""
    if item.completeness is not None and item.completeness.missing:
        count = plural(len(item.completeness.missing), "slice")
        expected = item.completeness.expected
        yield f"{capital(series_name(item))}: {count} missing" + (f" of {expected}." if expected is not None else ".")


def comparison(material: Material) -> ReportSection:
    """The prior by its date, how far the alignment may be trusted, what changed, and what cannot be told."""
    lines = list(_comparison(material, material.comparison)) if material.comparison is not None else []
    return ReportSection(
        code="comparison",
        title="Comparison",
        paragraphs=tuple(lines) or ("No prior study was available: nothing can be said about change.",),
    )


def _comparison(material: Material, compared: Comparison) -> Iterable[str]:
    dates = listed(day(value) for value in sorted(material.prior_dates.values()))
    known = len(material.prior_dates) == len(compared.prior_studies)
    noun = "study" if len(compared.prior_studies) == 1 else "studies"
    if dates:
        yield f"Compared with the {noun} of {dates}{'' if known else ', and with others whose date is not recorded'}."
    else:
        yield f"Compared with {plural(len(compared.prior_studies), 'prior')} whose date is not recorded."
    if compared.statement:
        yield compared.statement
    yield from compared.cautions
    accepted = [pair.alignment.uncertainty_mm for pair in compared.pairs if pair.alignment.accepted]
    if not accepted:
        yield "No pair of series could be aligned well enough: this report cannot tell whether anything has changed."
    else:
        yield (
            f"{plural(len(accepted), 'pair')} of series aligned; independent estimates of the alignment differ by "
            f"{max(accepted):.1f} mm at most, so smaller shifts mean nothing."
        )
        if compared.changes_today is not None:
            yield _changes(material, compared)
            yield from _confirmed(material)
            yield _limit(compared)
        elif not compared.statement:
            yield "No list of changes was made: this report cannot tell whether lesions changed."
    for pair in compared.pairs:
        if not pair.alignment.accepted:
            reason = pair.alignment.reason or "its alignment failed a check"
            yield f"{capital(_series(material, pair.today))} cannot be compared: {reason}."
    for item in compared.not_comparable:
        yield f"{capital(_series(material, item.series))} cannot be compared: {item.reason.rstrip('.')}."


def _changes(material: Material, compared: Comparison) -> str:
    counts = Counter(change.kind for change in compared.changes)
    against = material.prior_dates.get(compared.changes_prior_study or "")
    since = f" since {day(against)}" if against is not None else ""
    if not counts:
        return f"No candidate change was found{since}."
    told = listed(f"{counts[kind]} {kind.value}" for kind in ChangeKind if counts[kind])
    return f"Candidate lesions{since}: {told}."


def _confirmed(material: Material) -> Iterable[str]:
    """Say how many of the machine's candidates a person has taken over, once anybody has."""
    candidates = [item for item in material.findings if item.id.startswith("change-")]
    taken = sum(item.source is Source.PERSON for item in candidates)
    if taken:
        yield f"The reader confirms {taken} of these {plural(len(candidates), 'change')}."


def _limit(compared: Comparison) -> str:
    """Say how small a new lesion would have been found, from the synthetic lesions put into this very pair."""
    if not compared.detection_limit:
        return "How small a change would have been found was not measured: a small one may be missed."
    found: dict[float, list[float]] = defaultdict(list)
    for item in compared.detection_limit:
        if item.found >= RELIABLY_FOUND:
            found[item.contrast_percent].append(item.diameter_mm)
    if not found:
        return "Even the largest synthetic lesion tried was not found reliably: a missing change proves nothing here."
    told = listed(f"{min(sizes):g} mm at {contrast:g} % contrast" for contrast, sizes in sorted(found.items()))
    return f"Synthetic lesions put into this pair were found nine times in ten from {told}; smaller ones may be missed."


def _series(material: Material, uid: str) -> str:
    named = {item.series_instance_uid: series_name(item) for item in material.check.series}
    return named.get(uid, "a series of the prior")


def findings(material: Material) -> ReportSection:
    """A person's findings, then the machine's candidates, each marked as a proposal."""
    lines = [
        _finding(item) if item.source is Source.PERSON else PROPOSAL + _finding(item) for item in material.findings
    ]
    return ReportSection(
        code="findings", title="Findings", paragraphs=tuple(lines) or ("No finding has been recorded by a reader.",)
    )


def _finding(item: Finding) -> str:
    measures = {name: value for name, value in item.measurements.items() if item.source is Source.PERSON}
    told = [
        f"{name.replace('_', ' ')} {value.value:g} {value.unit}"
        for name, value in measures.items()
        if f"{value.value:g}" not in item.text
    ]
    return item.text + (f" ({', '.join(told)})" if told and not item.id.startswith("change-") else "")


def impression(material: Material, stated: tuple[str, ...]) -> ReportSection:
    """What it comes to, most severe first: the reader's words where there are any, else the proposed ones."""
    lines = stated or tuple(_impression(material)) or ("No finding has been recorded; see the next step below.",)
    return ReportSection(
        code="impression",
        title="Impression",
        paragraphs=tuple(f"{number}. {line}" for number, line in enumerate(lines, start=1)),
    )


def _impression(material: Material) -> Iterable[str]:
    yield from (item.text for item in material.advice.warnings)
    for item in material.recommendations:
        if item.default and item.urgency in (Urgency.MINUTES, Urgency.HOURS):
            yield f"Needs action {_WITHIN[item.urgency]}: {item.text}"
    if material.outcome is Outcome.NOT_DIAGNOSTIC:
        yield "Not diagnostic: the clinical question cannot be answered from these images."
    yield from (item.text for item in material.findings if item.source is Source.PERSON)
    if waiting := [item for item in material.findings if item.source is not Source.PERSON]:
        yield f"{plural(len(waiting), 'machine candidate')} not yet confirmed by a reader; see Findings."
    for missing in material.advice.undetermined:
        yield f"{missing.guideline} cannot answer yet; not known: {listed(missing.missing)}."
    if material.outcome is Outcome.NORMAL:
        yield "No abnormality that explains the question."
    elif material.outcome is Outcome.UNSTATED:
        yield "The reader has not stated yet whether this is normal or abnormal."


def recommendations(material: Material) -> ReportSection:
    """Each next step: what, when, why, who, by which guideline and edition, and what if it cannot be done.

    A step is one paragraph with its number, followed by list items ("- …") for its particulars.
    """
    lines = [
        line
        for number, item in enumerate(material.recommendations, start=1)
        for line in (_headline(number, item), *(f"- {one}." for one in _particulars(material, item)))
    ]
    lines += [f"Authorities disagree on {item.topic}: {item.text}" for item in material.advice.conflicts]
    return ReportSection(
        code="recommendations",
        title="Recommendations",
        paragraphs=tuple(lines) or ("No next step follows from the guidelines consulted.",),
    )


def _headline(number: int, item: Recommendation) -> str:
    """Name the step; one that only stands beside the site's default says so."""
    beside = "" if item.default else f" (as {item.profile} has it; shown for comparison, not followed up)"
    return f"{number}. {item.text.rstrip('.')}{beside}."


def _particulars(material: Material, item: Recommendation) -> Iterable[str]:
    if what := exam(item):
        yield f"Exam: {what}{_pulses(item)}"
    yield f"When: {_when(item)}"
    # The name of the table's row is part of the record, and no reason for a reader.
    if reasons := [reason for reason in item.because if not reason.startswith("row ")] or item.because:
        yield f"Why: {'; '.join(reason.rstrip('.') for reason in reasons)}"
    others = [name.replace("_", " ") for name in item.specialty if name != "referrer"]
    involve = f", with {listed(others)}" if others else ""
    yield f"Owner: {material.owners[item.id] or 'nobody'}{involve}"
    if item.actions:
        yield f"Do: {'; '.join(action.rstrip('.') for action in item.actions)}"
    yield f"Basis: {source(item.citation)}; profile {item.profile}, {item.status.value}"
    if then := _then(item):
        yield f"After that: {then}"


def _pulses(item: Recommendation) -> str:
    return f" ({', '.join(item.pulse_sequences)})" if item.pulse_sequences else ""


def _when(item: Recommendation) -> str:
    if windows := windows_of(item):
        return span(windows[0])
    if item.urgency in _WITHIN:
        return _WITHIN[item.urgency]
    return "a clinician sets the date" if item.then else "no date"


def _then(item: Recommendation) -> str:
    steps = [f"again {span(window)}" for window in windows_of(item)[1:]]
    if item.then:
        steps.append(item.then)
    if item.never_auto_close:
        steps.append("only a person may end this surveillance")
    return "; ".join(steps)
