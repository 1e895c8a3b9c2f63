"""Steps run in their own process, with limits on time and memory."""

from mriloop.edges.jobs.executors import SerialExecutor, make_executor
from mriloop.edges.jobs.identity import step_identity
from mriloop.edges.jobs.process import ProcessPerJob, start_server
from mriloop.edges.jobs.progress import Progress, report_progress

__all__ = [
    "ProcessPerJob",
    "Progress",
    "SerialExecutor",
    "make_executor",
    "report_progress",
    "start_server",
    "step_identity",
]
