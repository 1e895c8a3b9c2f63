"""Does an exam match the reference that it was made for? Series, settings and coil against declarative rules."""

from mriloop.stages.check.protocol.choose import choose_protocol
from mriloop.stages.check.protocol.compare import compare
from mriloop.stages.check.protocol.match import (
    check_protocol,
    fits,
    match_series,
    match_study,
    missing_lines,
    results_of,
)

__all__ = [
    "check_protocol",
    "choose_protocol",
    "compare",
    "fits",
    "match_series",
    "match_study",
    "missing_lines",
    "results_of",
]
