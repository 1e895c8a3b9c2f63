"""CHECK: what each series is, whether it is complete, as prescribed and good enough, and what to do if it is not."""

from __future__ import annotations

from mriloop.stages.check.catalogue import CATALOGUE
from mriloop.stages.check.identify import identify, identify_study
from mriloop.stages.check.protocol import choose_protocol, match_series, match_study
from mriloop.stages.check.series import check_series
from mriloop.stages.check.study import check_study

__all__ = [
    "CATALOGUE",
    "check_series",
    "check_study",
    "choose_protocol",
    "identify",
    "identify_study",
    "match_series",
    "match_study",
]
