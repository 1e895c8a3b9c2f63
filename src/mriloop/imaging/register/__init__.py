"""Rigid and affine registration of two pictures of the same anatomy."""

from mriloop.imaging.register.align import Fit, align, align_affine, align_anyhow
from mriloop.imaging.register.capture import capture
from mriloop.imaging.register.engines import ENGINES, NAMES
from mriloop.imaging.register.likeness import similarity
from mriloop.imaging.register.picture import Mask, Picture, foreground, picture
from mriloop.imaging.register.refine import Refined, refine

__all__ = [
    "ENGINES",
    "NAMES",
    "Fit",
    "Mask",
    "Picture",
    "Refined",
    "align",
    "align_affine",
    "align_anyhow",
    "capture",
    "foreground",
    "picture",
    "refine",
    "similarity",
]
