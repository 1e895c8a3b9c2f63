"""Fixtures and markers that every room of the tests shares."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

REQUIRE_ALL = os.environ.get("MRILOOP_REQUIRE", "") == "all"
REAL_DATA = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
COMPONENTS = {
    "dciodvfy": "dciodvfy",
    "dcmtk": "dcmdump",
    "chromium": "chromium",
    "pdftotext": "pdftotext",
    "orthanc": "Orthanc",
    "postgresql": "psql",
}


def pytest_configure() -> None:
    """Let the programs that tests start hear Ctrl-C also where this run is in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, by name, what needs an absent component; under MRILOOP_REQUIRE=all let it fail instead."""
    for item in items:
        if item.get_closest_marker("real") and not REAL_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"no real inputs at {REAL_DATA} (set MRILOOP_REAL_DATA)"))
        for marker in item.iter_markers("component"):
            program = COMPONENTS[marker.args[0]]
            if shutil.which(program) is None and not REQUIRE_ALL:
                item.add_marker(pytest.mark.skip(reason=f"needs {marker.args[0]} ({program} is not installed)"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; tests that use it carry the marker `real`."""
    return REAL_DATA
