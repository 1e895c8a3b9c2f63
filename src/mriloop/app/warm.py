"""The server that the processes of the steps are forked from, started while this process is still importing."""

from __future__ import annotations

from mriloop.edges.jobs import start_server

PRELOAD = ("mriloop.app.check", "mriloop.edges.dicom.confirm", "nibabel", "scipy.ndimage", "scipy.optimize")
"""What steps import, so that none of them has to: the first executor of a process decides."""


def warm_up() -> None:
    """Start the server now: with two processors its imports cost no time. Call it before anything heavy is imported."""
    start_server(PRELOAD)
