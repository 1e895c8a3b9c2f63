"""The weighting that a BIDS suffix states: a controlled word that the curator of a dataset chose for the image."""

from __future__ import annotations

from mriloop.model.coding import Weighting
from mriloop.stages.check.header import Header

SUFFIXES: dict[str, Weighting] = {
    "T1W": Weighting.T1,
    "T2W": Weighting.T2,
    "PDW": Weighting.PD,
    "PDT2": Weighting.PD,
    "FLAIR": Weighting.FLAIR,
    "T2STARW": Weighting.T2_STAR,
    "INPLANET1": Weighting.T1,
    "INPLANET2": Weighting.T2,
    "UNIT1": Weighting.T1,
    "ANGIO": Weighting.MRA,
    "SWI": Weighting.SWI,
    "MTW": Weighting.MT,
    "BOLD": Weighting.BOLD,
    "CBV": Weighting.PERFUSION,
    "DWI": Weighting.DWI,
    "ASL": Weighting.ASL,
    "M0SCAN": Weighting.ASL,
    "PHASE": Weighting.PHASE,
    "PHASEDIFF": Weighting.PHASE,
    "PHASE1": Weighting.PHASE,
    "PHASE2": Weighting.PHASE,
    "FIELDMAP": Weighting.FIELD_MAP,
    "T1MAP": Weighting.T1_MAP,
    "T2MAP": Weighting.T2_MAP,
    "T2STARMAP": Weighting.T2_MAP,
}
"""BIDS 1.10, MRI suffixes whose contrast is settled by the word. Of `sbref`, `epi` and `magnitude`, which any EPI or
gradient echo may be, the physics has to tell."""


def stated(header: Header) -> tuple[Weighting, str] | None:
    """Return what the BIDS suffix of an image states, None where it has none or one that settles nothing."""
    for word in header.words("VendorBIDSSuffix"):
        if word in SUFFIXES:
            return SUFFIXES[word], f"BIDS suffix {word}"
    return None
