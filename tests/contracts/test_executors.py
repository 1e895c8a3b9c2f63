"""The contract of an executor, for every kind there is; and what only a process of its own can promise.

The jobs are functions of the standard library, of numpy and of `mriloop.edges.jobs`: a job's process must import them.
"""

from __future__ import annotations

import json
import math
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, as_completed
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mriloop.edges.jobs import ProcessPerJob, SerialExecutor, make_executor, report_progress
from mriloop.model.errors import OperatorError

KINDS = ("serial", "process")


@pytest.fixture(params=KINDS)
def executor(request):
    with make_executor(request.param, workers=2, timeout_s=60, memory_gb=2) as made:
        yield made


@pytest.fixture
def processes():
    with ProcessPerJob(workers=2, timeout_s=60, memory_gb=1) as made:
        yield made


def refused(future) -> OperatorError:
    error = future.exception(timeout=60)
    assert isinstance(error, OperatorError), error
    return error


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped by the machine's init does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def gone(pid: int) -> bool:
    """Whether a process ends soon."""
    patience = time.monotonic() + 20
    while alive(pid) and time.monotonic() < patience:
        time.sleep(0.01)
    return not alive(pid)


def pid_in(path: Path) -> int:
    """The number that a shell writes to a file as soon as it runs."""
    patience = time.monotonic() + 30
    while not (path.exists() and path.read_text().endswith("\n")) and time.monotonic() < patience:
        time.sleep(0.01)
    return int(path.read_text())


# every executor


def test_the_kinds_that_the_settings_offer():
    assert isinstance(make_executor("serial"), SerialExecutor)
    assert isinstance(make_executor("process"), ProcessPerJob)
    with pytest.raises(OperatorError) as caught:
        make_executor("cluster")
    assert caught.value.code == "setting_invalid"


def test_a_result_comes_back(executor):
    assert executor.submit(divmod, 17, 5).result() == (3, 2)
    assert executor.submit(int, "ff", base=16).result() == 255
    assert executor.submit(partial(int, base=2), "101").result() == 5
    assert executor.submit(dict).result() == {}


def test_results_keep_the_order_of_their_calls(executor):
    assert list(executor.map(operator.mul, range(8), range(8))) == [n * n for n in range(8)]
    futures = {executor.submit(math.factorial, n): n for n in (5, 0, 3)}
    assert {futures[done]: done.result() for done in as_completed(futures)} == {5: 120, 0: 1, 3: 6}


def test_large_arrays_travel_both_ways_and_may_be_written(executor):
    volume = np.arange(6_000_000, dtype=np.float64).reshape(100, 200, 300)
    views = {"transposed": volume.T, "part": volume[::7, 3:9], "empty": np.empty((0, 3)), "complex": volume[0] * 1j}
    for name, array in views.items():
        back = executor.submit(np.negative, array).result()
        assert np.array_equal(back, -array), name
        assert back.dtype == array.dtype
        back += 1
    both = executor.submit(np.unique, np.tile(volume[0, 0], 3), return_counts=True).result()
    assert np.array_equal(both[0], volume[0, 0])
    assert set(both[1]) == {3}


def test_an_error_comes_back_as_it_was_raised(executor):
    error = executor.submit(int, "x").exception()
    assert type(error) is ValueError
    assert "invalid literal" in str(error)
    with pytest.raises(KeyError):
        executor.submit(operator.getitem, {}, "absent").result()
    assert executor.submit(max, 1, 2).result() == 2


def test_a_refusal_keeps_its_code_and_context(executor):
    error = executor.submit(make_executor, "cluster").exception()
    assert isinstance(error, OperatorError)
    assert (error.code, error.context) == ("setting_invalid", {"setting": "executor", "found": "cluster"})


def test_a_job_that_exits_is_an_error_and_no_exit(executor):
    error = refused(executor.submit(sys.exit, 3))
    assert (error.code, error.context["detail"]) == ("job_crashed", "exit 3")


def test_no_call_after_shutdown(executor):
    executor.shutdown()
    with pytest.raises(RuntimeError):
        executor.submit(int)


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_says_how_far_it_is(kind):
    said = []
    with make_executor(kind, workers=1, on_progress=lambda *words: said.append(words)) as executor:
        executor.submit(report_progress, 0.5, "half way").result()
        executor.submit(report_progress, 1).result()
    report_progress(0.1, "to nobody")
    assert said == [("report_progress", 0.5, "half way"), ("report_progress", 1, "")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_progress_bar_that_breaks_is_no_secret(kind):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with make_executor(kind, workers=1, on_progress=broken) as executor:
        assert type(executor.submit(report_progress, 0.5).exception()) is ZeroDivisionError


# a process of its own


def test_every_job_has_its_own_process(processes):
    pids = [processes.submit(os.getpid).result() for _ in range(3)]
    assert len({*pids, os.getpid()}) == 4
    assert processes.submit(eval, "__import__('os').getsid(0) == __import__('os').getpid()").result() is True
    processes.submit(exec, "import os; os.environ['LEFT'] = 'behind'").result()
    assert processes.submit(os.getenv, "LEFT").result() is None


MEET = """
import pathlib, sys, time
pathlib.Path(mine).touch()
while not pathlib.Path(other).exists(): time.sleep(0.005)
"""


def test_jobs_run_at_the_same_time(processes, tmp_path):
    """Each of two jobs waits until the other one has begun."""
    names = [str(tmp_path / "a"), str(tmp_path / "b")]
    pairs = (names, names[::-1])
    futures = [processes.submit(exec, MEET, {"mine": mine, "other": other}) for mine, other in pairs]
    assert [future.result() for future in futures] == [None, None]


def test_no_more_jobs_at_a_time_than_workers():
    nap = "(__import__('time').monotonic(), __import__('time').sleep(0.1), __import__('time').monotonic())"
    with ProcessPerJob(workers=2) as executor:
        spans = [future.result() for future in [executor.submit(eval, nap) for _ in range(6)]]
    assert max(sum(start <= moment < end for start, _, end in spans) for moment, _, _ in spans) <= 2
    with ProcessPerJob(workers=1) as executor:
        starts = [future.result()[0] for future in [executor.submit(eval, nap) for _ in range(3)]]
    assert starts == sorted(starts)


def test_a_job_that_takes_too_long_is_ended_with_all_it_started(tmp_path):
    with ProcessPerJob(workers=2, timeout_s=1) as executor:
        endless = executor.submit(os.system, f"sleep 1000 & echo $! > {tmp_path / 'pid'}; wait")
        busy = executor.submit(exec, "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass")
        for future, step in ((endless, "system"), (busy, "exec")):
            error = refused(future)
            assert error.code == "job_timeout"
            assert f"the step {step} was stopped after 1 s" in error.message
            assert "step_timeout_s" in error.remedy
        assert gone(pid_in(tmp_path / "pid"))
        assert executor.submit(int, "7").result() == 7


def test_the_time_of_a_job_begins_when_it_starts():
    with ProcessPerJob(workers=1, timeout_s=3) as executor:
        assert [future.exception() for future in [executor.submit(time.sleep, 1.1) for _ in range(3)]] == [None] * 3


def test_what_a_job_leaves_running_ends_with_it(processes, tmp_path):
    assert processes.submit(os.system, f"sleep 1000 & echo $! > {tmp_path / 'pid'}").result() == 0
    assert gone(pid_in(tmp_path / "pid"))


FRAMES = "def deeper(held): deeper([held, bytearray(1 << 22)])\nimport sys; sys.setrecursionlimit(10**6); deeper(0)"


@pytest.mark.parametrize(
    "bomb",
    [
        (bytearray, 64 << 30),
        (np.ones, (1 << 33,)),
        (exec, "kept = []\nwhile True: kept.append(bytearray(1 << 22))", {}),
        (exec, FRAMES, {}),
    ],
    ids=["at-once", "array", "little-by-little", "held-by-frames"],
)
def test_a_memory_bomb_is_stopped(bomb):
    with ProcessPerJob(workers=1, timeout_s=60, memory_gb=0.25) as executor:
        error = refused(executor.submit(*bomb))
        assert error.code == "job_memory"
        assert "0.25 GiB" in error.message
        assert "MemoryError" in str(error.__cause__)
        assert executor.submit(bytearray, 64 << 20).result() == bytes(64 << 20)


def test_however_a_job_dies_the_others_live(processes, tmp_path, monkeypatch):
    deaths = {
        "exit 3": (os._exit, 3),
        "signal SIGABRT": (os.abort,),
        "signal SIGKILL": (exec, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        "signal SIGSEGV": (exec, "import ctypes; ctypes.string_at(0)"),
    }
    futures = {detail: processes.submit(*death) for detail, death in deaths.items()}
    sound = processes.submit(operator.add, 1, 1)
    for detail, future in futures.items():
        error = refused(future)
        assert (error.code, error.context["detail"]) == ("job_crashed", detail)
    assert sound.result() == 2


def test_an_error_brings_the_traceback_of_its_own_process(processes):
    error = processes.submit(json.loads, "{").exception()
    assert isinstance(error, json.JSONDecodeError)
    assert "raw_decode" in str(error.__cause__)


def test_what_cannot_travel_says_so(processes):
    assert "pickle" in str(processes.submit(lambda: 1).exception())
    assert "pickle" in str(processes.submit(compile, "1", "x", "eval").exception())
    error = refused(processes.submit(exec, "class Odd(Exception): pass\nraise Odd('words')"))
    assert error.code == "job_crashed"
    assert "Odd" in error.message
    assert "words" in str(error.__cause__)


def test_cancelling_ends_what_runs_and_drops_what_waits(tmp_path):
    with ProcessPerJob(workers=1) as executor:
        running = executor.submit(os.system, f"echo $$ > {tmp_path / 'pid'}; sleep 1000; true")
        waiting = executor.submit(Path.touch, tmp_path / "ran")
        pid = pid_in(tmp_path / "pid")
        assert waiting.cancel()
        assert running.cancel()
        assert gone(pid)
        for future in (running, waiting):
            assert future.cancelled()
            with pytest.raises(CancelledError):
                future.result()
        done = executor.submit(int)
        assert done.result() == 0
        assert not done.cancel()
        assert not done.cancelled()
    assert not (tmp_path / "ran").exists()


def test_a_job_can_be_cancelled_by_whoever_watches_its_progress():
    futures = []
    report = "from mriloop.edges.jobs import report_progress\nimport time\n"
    report += "while True: report_progress(0.5); time.sleep(0.01)"
    with ProcessPerJob(workers=1, on_progress=lambda *_: futures and futures[0].cancel()) as executor:
        futures.append(executor.submit(exec, report, {}))
        with pytest.raises(CancelledError):
            futures[0].result(timeout=30)
        assert futures[0].cancelled()
        assert executor.submit(int, "5").result() == 5


def test_an_error_in_the_block_ends_the_jobs(tmp_path):
    with pytest.raises(ZeroDivisionError), ProcessPerJob(workers=1) as executor:
        running = executor.submit(os.system, f"echo $$ > {tmp_path / 'pid'}; sleep 1000; true")
        waiting = executor.submit(int)
        pid = pid_in(tmp_path / "pid")
        raise ZeroDivisionError
    assert running.cancelled()
    assert waiting.cancelled()
    assert gone(pid)


def test_shutdown_waits_for_what_runs(tmp_path):
    executor = ProcessPerJob(workers=1)
    running = executor.submit(os.system, f"echo $$ > {tmp_path / 'pid'}; sleep 0.3")
    waiting = executor.submit(int)
    pid_in(tmp_path / "pid")
    executor.shutdown(cancel_futures=True)
    assert (running.result(), waiting.cancelled()) == (0, True)


SCRIPT = """
import os, sys
from mriloop.edges.jobs import ProcessPerJob
if __name__ == "__main__":
    executor = ProcessPerJob(workers=2)
    future = executor.submit(os.system, "sleep 1000 & echo $! > " + sys.argv[1] + "; wait")
    if sys.argv[2] == "leave":
        import pathlib, time
        while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)
    else:
        with executor:
            future.result()
"""


@pytest.mark.parametrize("way", ["interrupt", "kill", "leave"])
def test_no_job_outlives_the_program(tmp_path, way):
    (tmp_path / "program.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "program.py", tmp_path / "pid", way], stderr=subprocess.PIPE, text=True
    ) as program:
        pid = pid_in(tmp_path / "pid")
        if way != "leave":
            program.send_signal(signal.SIGINT if way == "interrupt" else signal.SIGKILL)
        _, said = program.communicate(timeout=30)
    assert gone(pid)
    assert program.returncode == {"interrupt": -signal.SIGINT, "kill": -signal.SIGKILL, "leave": 0}[way]
    assert said.count("Traceback") == (1 if way == "interrupt" else 0), said


def test_jobs_from_many_threads_leave_no_zombie(processes):
    from multiprocessing.forkserver import _forkserver

    results: list[int] = []

    def work(name: int) -> None:
        results.extend(processes.submit(operator.mul, name, number).result() for number in range(5))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(name * number for name in range(6) for number in range(5))
    parents = {os.getpid(), _forkserver._forkserver_pid}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        assert not (state == "Z" and int(parent) in parents), stat
