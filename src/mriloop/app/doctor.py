"""What this machine has, what it lacks, and what each lack costs."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from mriloop.edges.store import open_store
from mriloop.model.errors import MriloopError
from mriloop.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Something mriloop uses. `cost` is what cannot be done without it; `install` is how to get it.

    kind : "library" (a Python distribution), "program" (on PATH), "place" (a folder that must be writable)
    needed : whether the loop cannot run without it
    """

    name: str
    kind: str
    cost: str
    install: str
    needed: bool = False


COMPONENTS: tuple[Component, ...] = (
    Component(name="pydicom", kind="library", cost="no DICOM can be read", install="make setup", needed=True),
    Component(
        name="dcm2niix",
        kind="library",
        cost="no second reader confirms the voxels",
        install="make setup",
        needed=True,
    ),
    Component(name="nibabel", kind="library", cost="no NIfTI in or out", install="make setup", needed=True),
    Component(name="simpleitk", kind="library", cost="no comparison with a prior", install="make setup", needed=True),
    Component(
        name="picsl-greedy",
        kind="library",
        cost="registration falls back to SimpleITK (about 0.2 mm worse)",
        install="make setup",
    ),
    Component(name="python-gdcm", kind="library", cost="JPEG lossless images cannot be decoded", install="make setup"),
    Component(name="pyjpegls", kind="library", cost="JPEG-LS images cannot be decoded", install="make setup"),
    Component(
        name="pylibjpeg-openjpeg", kind="library", cost="JPEG 2000 images cannot be decoded", install="make setup"
    ),
    Component(name="typst", kind="library", cost="no letters and reports as PDF", install="make setup", needed=True),
    Component(name="sqlalchemy", kind="library", cost="nothing can be recorded", install="make setup", needed=True),
    Component(name="psycopg", kind="library", cost="no PostgreSQL store (SQLite is the default)", install="make setup"),
    Component(
        name="dciodvfy",
        kind="program",
        cost="written DICOM is not validated by the tests",
        install="apt-get install dicom3tools",
    ),
    Component(
        name="dcmdump",
        kind="program",
        cost="no cross-checks against DCMTK in the tests",
        install="apt-get install dcmtk",
    ),
    Component(
        name="chromium", kind="program", cost="the page is not tested in a browser", install="apt-get install chromium"
    ),
    Component(
        name="pdftotext",
        kind="program",
        cost="the text of PDFs is not checked by the tests",
        install="apt-get install poppler-utils",
    ),
    Component(name="Orthanc", kind="program", cost="no tests against a real PACS", install="apt-get install orthanc"),
    Component(
        name="psql", kind="program", cost="the store is tested on SQLite only", install="apt-get install postgresql"
    ),
    Component(
        name="store", kind="place", cost="nothing can be recorded", install="set MRILOOP_STORE to a folder", needed=True
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A component as it stands here: `version` is empty where there is none to tell."""

    component: Component
    present: bool
    version: str


def examine(settings: Settings) -> tuple[Found, ...]:
    """Look for every component. Imports nothing heavy and starts no program."""
    return tuple(_look(component, settings) for component in COMPONENTS)


def ledger(settings: Settings) -> str:
    """Say how the ledger stands: no store yet, so many entries in an unbroken chain, or where it breaks."""
    try:
        with open_store(settings.store_place, create=False) as store:
            return f"{store.verify().entries} entries, the chain holds"
    except MriloopError as error:
        return "no store yet" if error.code == "store_absent" else f"{error.code}: {error.message}"


def machine() -> dict[str, str]:
    """Return what a report of a problem should say of the machine; nothing of its user."""
    return {
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "processors": str(os.cpu_count() or 1),
        "mriloop": importlib.metadata.version("mriloop"),
    }


def _look(component: Component, settings: Settings) -> Found:
    if component.kind == "library":
        try:
            version = importlib.metadata.version(component.name)
        except importlib.metadata.PackageNotFoundError:
            return Found(component=component, present=False, version="")
        return Found(component=component, present=True, version=version)
    if component.kind == "program":
        return Found(component=component, present=shutil.which(component.name) is not None, version="")
    return Found(component=component, present=_writable(settings.store_place), version="")


def _writable(place: str | Path) -> bool:
    if isinstance(place, str):
        return True  # a database: only opening it would tell
    nearest = place
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return nearest.is_dir() and os.access(nearest, os.W_OK)
