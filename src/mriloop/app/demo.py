"""The demo: six phantom patients through the whole loop, each with a case and a reader, and one page that leads in."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, timedelta
from importlib import resources
from pathlib import Path

from mriloop import __version__
from mriloop.app.inputs import Progress, open_input, silent
from mriloop.app.phantom import write_scenario
from mriloop.app.review import Request, ReviewOutcome, review
from mriloop.edges.publish.page import write_start_page
from mriloop.edges.publish.view import StartEntry
from mriloop.model.errors import refuse
from mriloop.settings import Settings, load

READ_AFTER = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPatient:
    """One invented patient. `scenario` names the phantom; case and reading lie in knowledge/demo under `scenario`."""

    scenario: str
    title: str
    story: str


PATIENTS: tuple[DemoPatient, ...] = (
    DemoPatient(
        scenario="ms",
        title="Multiple sclerosis, yearly scan",
        story="New lesions since last year: what changed, how sure that is, and what the consensus says comes next.",
    ),
    DemoPatient(
        scenario="motion",
        title="Spoilt by motion",
        story="Two series cannot be read. The technologist hears it at once; only these are taken again.",
    ),
    DemoPatient(
        scenario="claustrophobia",
        title="Stopped by claustrophobia",
        story="The scan ended early: what is missing, what can be kept, and how to help the patient next time.",
    ),
    DemoPatient(
        scenario="pituitary",
        title="Pituitary surgery at fifteen",
        story="Six months after the operation: every date of the surveillance, and none of them closes by itself.",
    ),
    DemoPatient(
        scenario="foot",
        title="Diabetic foot, negative MRI",
        story="No sign of osteomyelitis on a study that could have shown it: no biopsy, and a safety net.",
    ),
    DemoPatient(
        scenario="contrast_only",
        title="Ordered with contrast only",
        story="Enhancement cannot be judged without images before contrast: the order is blocked, with the way out.",
    ),
)


def run_demo(out: Path, environment: dict[str, str], *, progress: Progress = silent) -> Path:
    """Write phantom studies, reviews and the start page to `out`; return the start page.

    The store of the demo lies in `out` and is made anew; nothing of it reaches the site's own. Studies that an
    earlier run of the same
    version wrote are used again.
    """
    if out.exists() and not out.is_dir():
        raise refuse("usage_not_a_folder", path=out)
    shutil.rmtree(out / "store", ignore_errors=True)
    settings = load(environment, store=str(out / "store"), clinic_name="Harbour Imaging", clinic_phone="555 0134")
    entries = []
    for number, patient in enumerate(PATIENTS, 1):
        step = f"{number}/{len(PATIENTS)} {patient.scenario}: "
        named = _prefixed(progress, step)
        folder = out / patient.scenario
        study = _phantom(patient.scenario, out / "studies" / patient.scenario, named)
        outcome = review_patient(patient, study, folder, settings, named)
        entries.append(
            StartEntry(
                title=patient.title,
                story=patient.story,
                href=f"{patient.scenario}/index.html",
                view=outcome.view,
                picture=next(iter(outcome.view.mosaics.values()), None),
            )
        )
    return write_start_page(entries, out)


def _prefixed(progress: Progress, prefix: str) -> Progress:
    return lambda step, done, total: progress(prefix + step, done, total)


def _phantom(scenario: str, folder: Path, progress: Progress) -> Path:
    stamp = folder / "written-by.json"
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")).get("mriloop") == __version__:
        return folder
    progress("imaging the phantom", 0, 1)
    write_scenario(scenario, folder)
    stamp.write_text(json.dumps({"mriloop": __version__}), encoding="utf-8")
    progress("imaging the phantom", 1, 1)
    return folder


def review_patient(
    patient: DemoPatient, study: Path, folder: Path, settings: Settings, progress: Progress = silent
) -> ReviewOutcome:
    """Review one patient's phantom study three hours after it was made, signed by the patient's invented reader."""
    with open_input(study / "today", settings) as intake:
        started = intake.studies[0].started_at
    if started is None:
        raise ValueError("a phantom study has a date")
    zoned = started if started.tzinfo else started.replace(tzinfo=UTC)
    files = resources.files("mriloop").joinpath("knowledge", "demo")
    with resources.as_file(files) as place:
        request = Request(
            study=study / "today",
            out=folder,
            now=zoned + READ_AFTER,
            priors=(study / "prior",) if (study / "prior").is_dir() else (),
            case=place / f"{patient.scenario}.case.yaml",
            reading=place / f"{patient.scenario}.reading.yaml",
            label=f"Invented patient: {patient.title.lower()}",
        )
        return review(request, settings, progress=progress)
