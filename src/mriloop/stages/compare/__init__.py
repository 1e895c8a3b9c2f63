"""COMPARE: what changed since the prior, in one space, with its uncertainty."""

from mriloop.stages.compare.align import link
from mriloop.stages.compare.match import Proposal, Role, fit_series, match_series
from mriloop.stages.compare.people import doubt, one_person
from mriloop.stages.compare.pictures import PairImages
from mriloop.stages.compare.priors import Priors, choose_priors
from mriloop.stages.compare.studies import Compared, compare, refuse_strangers

__all__ = [
    "Compared",
    "PairImages",
    "Priors",
    "Proposal",
    "Role",
    "choose_priors",
    "compare",
    "doubt",
    "fit_series",
    "link",
    "match_series",
    "one_person",
    "refuse_strangers",
]
