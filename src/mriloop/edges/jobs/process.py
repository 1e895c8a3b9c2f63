"""An executor that gives every job a process of its own and ends it, with all it started, when it takes too much."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from mriloop.edges.jobs import child, wire
from mriloop.edges.jobs.progress import Progress
from mriloop.model.errors import MriloopError, refuse

P = ParamSpec("P")
T = TypeVar("T")

PRELOAD = ("__main__", "numpy", "mriloop.edges.jobs.child")
"""What the fork server imports once, so that no job has to."""

# multiprocessing keeps a list of its processes and reaps it while it starts another one: one thread at a time
_STARTING = threading.Lock()
_ALIVE: weakref.WeakSet[ProcessPerJob] = weakref.WeakSet()


def start_server(preload: tuple[str, ...] = ()) -> None:
    """Start the server that jobs are forked from, where none runs yet; it imports `preload` on its own time."""
    with _STARTING:
        multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOAD, *preload])
        forkserver.ensure_running()


class JobTraceback(Exception):  # noqa: N818 - it stands for the traceback, as in concurrent.futures
    """Where in the job's own process an error came from, shown as the cause of the error."""


@dataclass(slots=True, eq=False)
class _Job:
    """A call that waits or runs, with the process that runs it."""

    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    future: _JobFuture[Any] = field(init=False)
    process: ForkServerProcess | None = None
    runner: threading.Thread | None = None
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def step(self) -> str:
        """The name of the call, for messages."""
        call = getattr(self.call, "func", self.call)
        return str(getattr(call, "__qualname__", type(call).__qualname__))

    def stop(self) -> None:
        """End its process, whether it has one already or is about to get one."""
        with self.lock:
            self.stopped = True
            if self.process is not None:
                _kill(self.process)


class _JobFuture(Future[T]):
    """A future whose `cancel` also ends a job that is running."""

    def __init__(self, job: _Job) -> None:
        super().__init__()
        self._job = job

    def cancel(self) -> bool:
        """Cancel the job, running or not; False when it is over already."""
        if super().cancel():
            return True
        self._job.stop()
        if self._job.runner is threading.current_thread():
            return True  # called by the progress of the job itself, which cannot wait for its own end
        with contextlib.suppress(CancelledError):
            self.exception()
        return self.cancelled()

    def cancelled(self) -> bool:
        """Whether it was cancelled, before it ran or while it did."""
        return super().cancelled() or (self.done() and isinstance(self.exception(), CancelledError))


class ProcessPerJob(Executor):
    """Runs each call in a process of its own; a drop-in for `concurrent.futures.ProcessPoolExecutor`.

    Parameters
    ----------
    workers : jobs at the same time; 0 means one per processor that this process may use
    timeout_s : wall time of one job, from the start of its process; None for no limit
    memory_gb : address space (GiB) that a job may take beyond its libraries; None for no limit
    on_progress : called, in a thread of the executor, with what a job passes to `report_progress`
    preload : modules that the fork server imports once; the first executor of a process decides

    A future raises what the job raised, with the job's own traceback as its cause, or OperatorError: `job_timeout`,
    `job_memory`, `job_crashed` (a signal, an exit, an error that cannot be pickled). Cancelling a running future ends
    its process. Whatever a job has started ends with it. Leaving the `with` block by an error, Ctrl-C included, and
    leaving Python end every job. The call, its arguments and its result must be picklable; scripts need the usual
    `if __name__ == "__main__"`. POSIX only; the memory limit holds on Linux.
    """

    def __init__(
        self,
        workers: int = 0,
        timeout_s: float | None = None,
        memory_gb: float | None = None,
        on_progress: Progress | None = None,
        preload: tuple[str, ...] = (),
    ) -> None:
        self.workers = workers or _processors()
        self.timeout_s = timeout_s
        self.memory_gb = memory_gb
        self._on_progress = on_progress
        self._context = multiprocessing.get_context("forkserver")
        start_server(preload)
        self._waiting: deque[_Job] = deque()
        self._running: set[_Job] = set()
        self._runners: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._closed = False
        _ALIVE.add(self)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call; jobs start in the order in which they were submitted."""
        job = _Job(fn, args, kwargs)
        future: _JobFuture[T] = _JobFuture(job)
        job.future = future
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._waiting.append(job)
            if len(self._runners) < self.workers:
                runner = threading.Thread(target=self._run_all, name="mriloop-jobs", daemon=True)
                self._runners.add(runner)
                runner.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls. Jobs that run go on and `wait` waits for them; `cancel_futures` drops those that wait."""
        with self._lock:
            self._closed = True
            dropped = list(self._waiting) if cancel_futures else []
            runners = list(self._runners)
        for job in dropped:
            Future.cancel(job.future)
        if wait:
            for runner in runners:
                runner.join()

    def stop(self) -> None:
        """Take no more calls and end every job at once: those that wait are cancelled, those that run are killed."""
        with self._lock:
            self._closed = True
            jobs = [*self._waiting, *self._running]
            runners = list(self._runners)
        for job in jobs:
            if not Future.cancel(job.future):
                job.stop()
        for runner in runners:
            runner.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the jobs; end them instead when the block was left by an error, or when waiting is interrupted."""
        try:
            if error is None:
                self.shutdown(wait=True)
        finally:
            self.stop()

    def _run_all(self) -> None:
        """Run what waits, one job after the other, until nothing does."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._runners.discard(threading.current_thread())
                    return
                job = self._waiting.popleft()
                job.runner = threading.current_thread()
                self._running.add(job)
            try:
                if job.future.set_running_or_notify_cancel():
                    self._run(job)
            finally:
                with self._lock:
                    self._running.discard(job)

    def _run(self, job: _Job) -> None:
        try:
            result = self._answer(job)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asks for the result
            job.future.set_exception(CancelledError() if job.stopped else error)
        else:
            job.future.set_result(result)

    def _answer(self, job: _Job) -> Any:
        """Run a job in a new process and return its result, or raise what it ended in."""
        call = wire.pack(wire.CALL, (job.call, job.arguments, job.named))
        deadline = None if self.timeout_s is None else time.monotonic() + self.timeout_s
        ours, theirs = socket.socketpair()
        line = wire.Wire(ours)
        try:
            process = self._start(job, theirs)
            try:
                line.receive(deadline)
                line.send(call, deadline)
                del call
                return self._listen(job, line, deadline)
            except TimeoutError:
                raise refuse(
                    "job_timeout", step=job.step, seconds=f"{self.timeout_s:g}", setting="step_timeout_s"
                ) from None
            except wire.Closed:
                raise refuse("job_crashed", step=job.step, detail=_ending(process)) from None
            finally:
                with job.lock:
                    job.process = None
                    _kill(process)
                _reap(process)
        finally:
            theirs.close()
            line.close()

    def _start(self, job: _Job, end: socket.socket) -> ForkServerProcess:
        with _STARTING:
            process = self._context.Process(target=child.main, args=(end, self.memory_gb), name=job.step)
            process.start()
        end.close()
        with job.lock:
            job.process = process
            if job.stopped:
                _kill(process)
        return process

    def _listen(self, job: _Job, line: wire.Wire, deadline: float | None) -> Any:
        while True:
            kind, parts = line.receive(deadline)
            value: Any = wire.unpack(parts)
            if kind == wire.RESULT:
                return value
            if kind == wire.PROGRESS:
                if self._on_progress is not None:
                    self._on_progress(job.step, *value)
            elif kind == wire.ERROR:
                content, text = value
                raise _caused(pickle.loads(content), text)
            elif kind == wire.NO_MEMORY:
                raise _caused(self._memory_refusal(job), value)
            else:
                detail, text = value
                raise _caused(refuse("job_crashed", step=job.step, detail=detail), text)

    def _memory_refusal(self, job: _Job) -> MriloopError:
        limit = "the end" if self.memory_gb is None else f"{self.memory_gb:g} GiB"
        return refuse("job_memory", step=job.step, limit=limit, setting="step_memory_gb")


def _processors() -> int:
    """Return how many processors this process may use; macOS only says how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _caused(error: BaseException, text: str) -> BaseException:
    error.__cause__ = JobTraceback(f"\n{text}")
    return error


def _kill(process: ForkServerProcess) -> None:
    """End a process and its group. Until its session is its own there is no group, only the process."""
    if process.pid is None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _ending(process: ForkServerProcess) -> str:
    """Return how a process that hung up ended, in words."""
    wait_for([process.sentinel], timeout=5)
    with _STARTING:
        process.join(0)
        code = process.exitcode
    if code is None:
        return "its line closed"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _reap(process: ForkServerProcess) -> None:
    """Wait until the process is gone; the fork server, its parent, leaves no zombie."""
    wait_for([process.sentinel])
    with _STARTING:
        process.join()
        process.close()


@atexit.register
def _stop_all() -> None:
    for executor in list(_ALIVE):
        executor.stop()
