"""REVIEW as a use case: one study through the whole loop, step by step as `loop.STEPS` calls for them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mriloop import __version__
from mriloop.app.advise import advise, guidelines_in_force, read_case
from mriloop.app.baseline import baseline_in_force
from mriloop.app.check import Checked, check_intake
from mriloop.app.compare import run_compare
from mriloop.app.compare_files import draw_changes, write_maps
from mriloop.app.exchange import bindings_in_force
from mriloop.app.inputs import Progress, only_study, open_input, refuse_priors, silent, unnamed
from mriloop.app.present import present
from mriloop.app.telling import told
from mriloop.edges.channels import calendar, letter_pdf, report_pdf
from mriloop.edges.dicom import Intake
from mriloop.edges.jobs import step_identity
from mriloop.edges.knowledge.letters import load_letters
from mriloop.edges.knowledge.readings import Reading, read_reading
from mriloop.edges.publish.documents import review_document
from mriloop.edges.publish.page import write_review
from mriloop.edges.publish.view import Link, ReviewView
from mriloop.edges.store import Store, open_store
from mriloop.loop import next_steps
from mriloop.model.advice import Advice
from mriloop.model.coding import Region
from mriloop.model.communication import Addressee, Audience, Clinic, Letter
from mriloop.model.errors import Exit, SenderError, refuse
from mriloop.model.fact import FactValue, Truth, truth
from mriloop.model.finding import Case, Fact, Source
from mriloop.model.follow_up import Clock, FollowUp
from mriloop.model.quality import Verdict
from mriloop.model.record import Json, Record, as_json
from mriloop.model.report import DraftReport, Review, VerifiedReport
from mriloop.model.study import Study
from mriloop.settings import Settings
from mriloop.stages.advise import facts_from_check, facts_from_comparison, facts_from_headers
from mriloop.stages.communicate import patient_letter, referrer_message, repeat_alert
from mriloop.stages.compare import Compared
from mriloop.stages.follow_up import open_follow_ups, supersede
from mriloop.stages.report import draft, verify

MACHINE = f"mriloop {__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to review, with what, and where to leave the result.

    `case` and `reading` are YAML files; `label` is what the page may call the patient; `now` has a time zone.
    """

    study: Path
    out: Path
    now: datetime
    priors: tuple[Path, ...] = ()
    case: Path | None = None
    reading: Path | None = None
    label: str = "Patient (name withheld)"
    study_uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOutcome:
    """What a review left behind."""

    view: ReviewView
    page: Path
    exit: Exit

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/review/1`."""
        return review_document(self.view)


@dataclass
class Loop:
    """One study on its way through the loop: what each step found, in the order of the steps.

    Every step is a method named after `loop.Step.name`. It leaves its finding here and its record in the ledger.
    """

    request: Request
    settings: Settings
    store: Store
    stack: ExitStack
    progress: Progress
    done: set[str] = field(default_factory=set)
    case: Case | None = None
    reading: Reading | None = None
    intakes: list[Intake] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    compared: Compared | None = None
    pictures: dict[int, bytes] = field(default_factory=dict)
    advice: Advice | None = None
    report: DraftReport | VerifiedReport | None = None
    letters: list[Letter] = field(default_factory=list)
    follow_ups: tuple[FollowUp, ...] = ()
    files: list[Link] = field(default_factory=list)

    @property
    def study(self) -> Study:
        """Today's study."""
        return self.checked[0].study

    def run(self) -> None:
        """Take every step that the records call for and that somebody is there to take."""
        acts: dict[str, Callable[[], None]] = {
            "receive": self.receive,
            "check": self.check,
            "compare": self.compare,
            "advise": self.advise,
            "draft": self.draft,
            "communicate": self.communicate,
            "follow_up": self.follow_up,
        }
        if self.reading is not None:
            acts["verify"] = self.verify
        while step := next((one for one in next_steps(self.done) if one.name in acts), None):
            acts.pop(step.name)()

    def record(self, kind: str, subject: str, payload: object, *, actor: str = MACHINE, **inputs: str) -> None:
        """Put what a step found on the ledger; the same step on the same inputs is never recorded twice."""
        self.store.append([self.entry(kind, subject, payload, actor=actor, **inputs)])
        self.done.add(kind)

    def entry(self, kind: str, subject: str, payload: object, *, actor: str = MACHINE, **inputs: str) -> Record:
        """Return the record of a step, stamped with the time of the request."""
        body = as_json(payload)
        content: dict[str, Json] = body if isinstance(body, dict) else {"value": body}
        patient = self.checked[0].study.patient if self.checked else ""
        digests = (step_identity(kind, __version__, tuple(inputs.values())),) if inputs else ()
        return Record(
            kind=kind,
            subject=subject,
            at=self.request.now,
            actor=actor,
            patient=patient,
            payload=content,
            inputs=digests,
        )

    def receive(self) -> None:
        """Index the study and its priors; keep identity apart."""
        request = self.request
        paths = (request.study, *request.priors)
        for number, path in enumerate(paths):
            step = "reading headers" if number == 0 else f"reading prior {number}"
            self.intakes.append(
                self.stack.enter_context(
                    open_input(path, self.settings, progress=self.progress, step=step, salt=self.store.secret())
                )
            )
        studies = [
            only_study(intake, path, request.study_uid if number == 0 else None)
            for number, (intake, path) in enumerate(zip(self.intakes, paths, strict=True))
        ]
        refuse_priors(studies, paths, unnamed(self.intakes, studies))
        for identity in (one for intake in self.intakes for one in intake.identities):
            self.store.put_identity(identity)
        self.checked = [Checked.unread(study) for study in studies]
        self.record("study.received", self.study.study_instance_uid, _outline(studies[0]), content=self._digest(0))
        for number, prior in enumerate(studies[1:], 1):
            payload = {"prior": prior.study_instance_uid, "started_at": as_json(prior.started_at)}
            self.record("prior.received", self.study.study_instance_uid, payload, content=self._digest(number))
        if request.case is not None:
            started = self.study.started_at
            day = started.date() if started is not None else request.now.date()
            self.case = read_case(request.case, site=self.settings.site_path, now=max(day, request.now.date()))
            self.record("case.stated", self.study.study_instance_uid, self.case, actor="person")

    def check(self) -> None:
        """Check today's study and the priors."""
        self.checked = [
            check_intake(
                intake,
                self.settings,
                studies=[one.study],
                pictures=number == 0,
                baseline=baseline_in_force(self.settings) if number == 0 else None,
                progress=self.progress,
                step="checking series" if number == 0 else f"checking prior {number}",
            )[0]
            for number, (intake, one) in enumerate(zip(self.intakes, self.checked, strict=True))
        ]
        today = self.checked[0]
        self.record("study.checked", self.study.study_instance_uid, today.check, content=self._digest(0))
        alert = repeat_alert(today.check)
        if alert is not None:
            self.letters.append(alert)

    def compare(self) -> None:
        """Lay today over the priors."""
        self.compared = run_compare(self.intakes, self.checked, self.settings, progress=self.progress)
        self.pictures = draw_changes(self.compared)
        written = write_maps(self.compared, self.pictures, self.request.out / "compare")
        self.files += [Link(label=path.name, href=f"compare/{path.name}") for path in written if path.suffix == ".gz"]
        digests = {f"visit{number}": self._digest(number) for number in range(len(self.intakes))}
        self.record("study.compared", self.study.study_instance_uid, self.compared.comparison, **digests)

    def advise(self) -> None:
        """Ask the guidelines, with what persons stated, what the header says, and what CHECK and COMPARE found."""
        self.progress("advising", 0, 1)
        machine = _header_facts(self.checked, self.settings.site_path) | facts_from_check(self.checked[0].check)
        if self.compared is not None:
            machine |= facts_from_comparison(self.compared.comparison, region=self._case().region)
        case = self._case()
        if "exam_date" in machine:  # the study at hand dates itself; a case file may speak of another
            case = replace(case, facts={**case.facts, "exam_date": machine["exam_date"]})
        # The order of a study under review is the one that it was made for.
        machine["order_fulfilled"] = Fact(name="order_fulfilled", value=Truth.TRUE, source=Source.DERIVED)
        self.advice = advise(case, site=self.settings.site_path, machine_facts=machine)
        self.record("study.advised", self.study.study_instance_uid, self.advice)
        self.progress("advising", 1, 1)

    def draft(self) -> None:
        """Lay out the draft, with what the reader decided where somebody has read it."""
        self.report = self._draft(self.reading.review if self.reading else None)
        if self.reading is not None and self.reading.accept_all:
            candidates = frozenset(one.id for one in self.report.findings if one.source is Source.COMPARE)
            accepted = candidates - self.reading.review.rejected
            self.report = self._draft(replace(self.reading.review, accepted=accepted))
        self._refuse_strange_ids(self.report)
        self.record("report.drafted", self.report.id, self.report)

    def verify(self) -> None:
        """Let the person of the reading file sign."""
        if not isinstance(self.report, DraftReport) or self.reading is None:
            raise TypeError("only a draft can be signed, and only by somebody")
        person = self.reading.person
        signed = [one for one in self.store.reports(self.study.study_instance_uid) if one.verified_at is not None]
        if any(one.id != self.report.id for one in signed):
            raise refuse("report_signed_twice", report=signed[0].id)
        self.report = verify(self.report, person, self.request.now, overrides=self.reading.overrides)
        self.record("report.verified", self.report.draft.id, self.report, actor=person.id)

    def communicate(self) -> None:
        """Write the patient's letter and the referrer's message."""
        report = self._signed()
        templates = load_letters(site=self.settings.site_path)
        language = (self.reading.language if self.reading else "") or self.settings.language
        clinic = self._clinic()
        written = [
            patient_letter(report, templates, language=language, clinic=clinic),
            referrer_message(report, templates, language="en", clinic=clinic),
        ]
        self.letters += written
        self.record("letters.written", self.study.study_instance_uid, {"letters": as_json(written)})

    def follow_up(self) -> None:
        """Open what is owed."""
        report = self._signed()
        self.follow_ups = open_follow_ups(report, owner=report.verified_by.id, now=self.request.now)
        today = self.request.now.date()
        standing = [one for one in self.store.worklist(today) if one.patient == self.study.patient]
        entries = [
            self.entry("followups.opened", self.study.study_instance_uid, {"follow_ups": as_json(self.follow_ups)})
        ]
        for before, after in zip(standing, supersede(standing, self.follow_ups, today), strict=True):
            if after.state is not before.state:
                changes = {
                    each.name: as_json(getattr(after, each.name))
                    for each in fields(after)
                    if getattr(after, each.name) != getattr(before, each.name)
                }
                payload = {"reason": as_json(after.closed_as), "changes": changes}
                entries.append(self.entry("followup.closed", after.id, payload))
        self.store.append(entries)
        self.done.add("followups.opened")

    def publish(self) -> ReviewOutcome:
        """Write page, documents, letters and calendar to the folder."""
        out = self.request.out
        clinic = self._clinic()
        patient = self.store.identity(self.study.patient)
        for letter in self.letters:
            path = out / "letters" / f"{letter.audience.value}_{letter.language}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            to_patient = letter.audience is Audience.PATIENT
            addressee = Addressee(name=_spoken(patient.name)) if to_patient and patient and patient.name else None
            letter_pdf.write(letter, path, letterhead=clinic, addressee=addressee)
            self.files.insert(0, Link(label=letter.title, href=f"letters/{path.name}"))
        if self.report is not None:
            report_pdf.write(self.report, out / "report.pdf", clinic=clinic.name, patient=patient)
            signed = isinstance(self.report, VerifiedReport)
            self.files.insert(0, Link(label="Report" if signed else "Draft report, not signed", href="report.pdf"))
        if self.follow_ups:
            calendar.write(self.follow_ups, out / "next-steps.ics", now=self.request.now)
            self.files.append(Link(label="Calendar of the next steps", href="next-steps.ics"))
        self.files.append(Link(label="Everything on this page as JSON", href="review.json"))
        view = present(
            label=self.request.label,
            now=self.request.now,
            checked=self.checked,
            refused=self.intakes[0].refused,
            compared=self.compared,
            pictures=self.pictures,
            case=self.case,
            advice=self.advice,
            told=told(self.advice, site=self.settings.site_path) if self.advice else {},
            report=self.report,
            letters=self.letters,
            follow_ups=self.follow_ups,
            links=self.files,
        )
        (out / "review.json").write_text(
            json.dumps(review_document(view), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
        return ReviewOutcome(view=view, page=write_review(view, out), exit=_exit(view))

    def _draft(self, decided: Review | None) -> DraftReport:
        if self.advice is None:
            raise TypeError("nothing has been advised")
        return draft(
            study=self.study,
            check=self.checked[0].check,
            comparison=self.compared.comparison if self.compared else None,
            advice=self.advice,
            case=self.case,
            now=self.request.now,
            priors=[one.study for one in self.checked[1:]],
            review=decided,
        )

    def _refuse_strange_ids(self, report: DraftReport) -> None:
        """A decision about something that the draft does not have is a mistake, not a decision."""
        if self.reading is None or self.request.reading is None:
            return
        decided = self.reading.review
        known = {one.id for one in report.findings} | set(report.rejected)
        owed = {one.id for one in self.advice.recommendations} if self.advice else set()
        owed |= {one.id for one in report.recommendations}
        strange = sorted((decided.accepted | decided.rejected) - known)
        strange += sorted((decided.declined | set(decided.windows) | set(decided.owners)) - owed)
        if strange:
            detail = f"the draft has no {strange[0]}"
            raise refuse("reading_invalid", path=self.request.reading, detail=detail)

    def _signed(self) -> VerifiedReport:
        if not isinstance(self.report, VerifiedReport):
            raise TypeError("nothing leaves the house unsigned")
        return self.report

    def _case(self) -> Case:
        return self.case or Case(facts={}, as_of=self.request.now.date())

    def _clinic(self) -> Clinic:
        return Clinic(name=self.settings.clinic_name, phone=self.settings.clinic_phone)

    def _digest(self, number: int) -> str:
        intake = self.intakes[number]
        digests = [intake.digest[uid] for uid in sorted(intake.files)]
        return step_identity("content", "1", tuple(digests))


def review(request: Request, settings: Settings, *, progress: Progress = silent) -> ReviewOutcome:
    """Take one study through the loop and leave page, documents, letters and calendar in `request.out`.

    Without a reading file the loop stops before the signature: there is a draft, and no letter and no follow-up. When
    the signature is refused, the draft is published with its objections before the refusal is raised.
    Raises what the steps raise; a refusal before the first record leaves the store as it was.
    """
    if request.out.exists() and not request.out.is_dir():
        raise refuse("usage_not_a_folder", path=request.out)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise refuse("out_not_writable", path=request.out) from None
    reading = read_reading(request.reading) if request.reading is not None else None
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings.store_place))
        loop = Loop(request=request, settings=settings, store=store, stack=stack, progress=progress, reading=reading)
        try:
            loop.run()
        except SenderError:
            if isinstance(loop.report, DraftReport):
                loop.publish()  # so that the person can see what stands between the draft and a signature
            raise
        return loop.publish()


def _spoken(name: str) -> str:
    """Return a DICOM person name (Family^Given^Middle^Prefix^Suffix) as one says it."""
    parts = [*(part.strip() for part in name.split("=", maxsplit=1)[0].split("^")), "", "", "", "", ""]
    family, given, middle, prefix, suffix = parts[:5]
    return " ".join(part for part in (prefix, given, middle, family, suffix) if part)


def _outline(study: Study) -> dict[str, Json]:
    """Return what the ledger keeps of a received study: its series by number, not frame by frame."""
    series: list[Json] = [
        {"series_instance_uid": one.series_instance_uid, "series_number": one.series_number,
         "description": one.description, "object": one.object.value, "frames": len(one.frames)}
        for one in study.series
    ]  # fmt: skip
    return {"study_instance_uid": study.study_instance_uid, "started_at": as_json(study.started_at),
            "description": study.description, "series": series}  # fmt: skip


def _header_facts(checked: Sequence[Checked], site: Path | None) -> dict[str, Fact]:
    """Return what the headers say of the patient and the exam, in the words of the guidelines."""
    study, known = checked[0].study, guidelines_in_force(site)
    regions = Counter(kind.region for kind in checked[0].kinds.values() if kind.region is not Region.UNKNOWN)
    facts: dict[str, FactValue] = {"prior_available": truth(len(checked) > 1)}
    if regions:
        facts["region"] = regions.most_common(1)[0][0].value
    seen = {name: Fact(name=name, value=value, source=Source.HEADER) for name, value in facts.items()}
    return facts_from_headers(study, bindings_in_force(site), known.vocabulary) | seen


def _exit(view: ReviewView) -> Exit:
    verdicts: set[Verdict] = set()
    if view.check is not None:
        counted = (one for one in view.check.series if one.series_instance_uid not in view.check.superseded)
        verdicts = {view.check.verdict, *(one.verdict for one in counted)}
    blocked = view.order is not None and view.order.outcome in ("block", "hold")
    overdue = any(one.clock in (Clock.OVERDUE, Clock.NON_COMPLIANT) for one in view.follow_ups)
    return Exit.NEEDS_PERSON if Verdict.REPEAT in verdicts or blocked or overdue else Exit.DONE
