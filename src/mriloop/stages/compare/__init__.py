"""COMPARE: what changed since the prior, in one space, with its uncertainty."""

from mriloop.stages.compare.align import link
from mriloop.stages.compare.match import Proposal, match_series
from mriloop.stages.compare.pictures import PairImages
from mriloop.stages.compare.studies import Compared, compare, refuse_strangers

__all__ = ["Compared", "PairImages", "Proposal", "compare", "link", "match_series", "refuse_strangers"]
