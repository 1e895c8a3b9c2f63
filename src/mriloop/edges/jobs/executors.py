"""The seam at which work is handed out: `concurrent.futures.Executor`, made by name."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from mriloop.edges.jobs.process import ProcessPerJob
from mriloop.edges.jobs.progress import Progress, reporting
from mriloop.model.errors import refuse

P = ParamSpec("P")
T = TypeVar("T")


class SerialExecutor(Executor):
    """Runs each call at once, where it was submitted: for a debugger, and for machines that allow no processes.

    There is no limit on time or memory here, since nobody stands outside to enforce it. An error is kept for whoever
    asks for the result; an interrupt goes straight through.
    """

    def __init__(self, on_progress: Progress | None = None) -> None:
        self._on_progress = on_progress
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call and return its future, which is done."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        step = str(getattr(fn, "__qualname__", type(fn).__qualname__))
        try:
            with reporting(lambda done, text: self._on_progress and self._on_progress(step, done, text)):
                result = fn(*args, **kwargs)
        except SystemExit as error:
            future.set_exception(refuse("job_crashed", step=step, detail=f"exit {error.code}"))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asks for the result
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls."""
        self._closed = True


def make_executor(
    kind: str,
    workers: int = 0,
    timeout_s: float | None = None,
    memory_gb: float | None = None,
    on_progress: Progress | None = None,
    preload: tuple[str, ...] = (),
) -> Executor:
    """Return the executor of a kind: `serial`, or `process` with its limits (see ProcessPerJob).

    `preload` names modules that the jobs need and that no job should have to import anew.
    Raises OperatorError `setting_invalid` for another kind.
    """
    if kind == "serial":
        return SerialExecutor(on_progress)
    if kind == "process":
        return ProcessPerJob(workers, timeout_s, memory_gb, on_progress, preload)
    raise refuse("setting_invalid", setting="executor", found=kind)
