"""The PulseSequence behind a series: what its DICOM elements and the vendors' own names for it say of the physics."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mriloop.model.coding import Weighting
from mriloop.stages.check.header import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How the echoes were made; a False or an empty `echo` means that nothing says so.

    `echo` is "spin" or "gradient". `planar`: echo-planar readout. `inverted`: an inversion pulse before it.
    `twice`: two inversion pulses. `balanced`: refocused steady state. `diffusion`: gradients for diffusion.
    `flow`: velocity-encoding. `made_for`: the one contrast that such a PulseSequence is used for. `said` names the
    word behind it.
    """

    echo: str = ""
    planar: bool = False
    inverted: bool = False
    twice: bool = False
    balanced: bool = False
    diffusion: bool = False
    flow: bool = False
    made_for: Weighting | None = None
    said: str = ""


_SPIN, _GRADIENT = Pulse(echo="spin"), Pulse(echo="gradient")
_BALANCED = Pulse(echo="gradient", balanced=True)
_INVERTED = Pulse(echo="spin", inverted=True)
_DIFFUSION = Pulse(echo="spin", planar=True, diffusion=True)
_FLOW = Pulse(echo="gradient", flow=True)


def _for(weighting: Weighting, echo: str = "gradient") -> Pulse:
    return Pulse(echo=echo, made_for=weighting)


# Per vendor: patterns over SequenceName, PulseSequenceName and the private names, in lower case; the first one counts.
# Sources: the vendors' DICOM conformance statements and what their files show.
_NAMES: dict[str, tuple[tuple[str, Pulse], ...]] = {
    "siemens": (
        (r"^(?:ep|re|ez|rs)_(?:calc_)?b\d", _DIFFUSION),
        (r"^epfid", Pulse(echo="gradient", planar=True)),
        (r"^epse", Pulse(echo="spin", planar=True)),
        (r"^epir", Pulse(planar=True, inverted=True)),
        (r"^m?tfl[23]?d?", _GRADIENT),
        (r"^spc\w*2ir|^spc2", Pulse(echo="spin", inverted=True, twice=True)),
        (r"^spcir|^spc\w*ir", _INVERTED),
        (r"^spc", _SPIN),
        (r"^tir|^hir|^ir", _INVERTED),
        (r"^(?:tgse|gse)", _SPIN),
        (r"^(?:tse|se|h)\w*\dd", _SPIN),
        (r"^fm[23]d", _for(Weighting.FIELD_MAP)),
        (r"^(?:fl|fq)\w*\dd\w*_v\d", _FLOW),
        (r"^swi", _for(Weighting.SWI)),
        (r"^me[23]d", _for(Weighting.T2_STAR)),
        (r"^de[23]d|^ps[23]d", _for(Weighting.T2)),
        (r"^(?:ci|tfi)[23]d", _BALANCED),
        (r"^(?:fl|fi|fldyn|qfl|ute|petra|pet|tw)\w*\d?d?", _GRADIENT),
    ),
    "ge": (
        (r"epi2|dwi|diff", _DIFFUSION),
        (r"3dasl|easl|pcasl", _for(Weighting.ASL, "spin")),
        (r"epirt|epifid", Pulse(echo="gradient", planar=True)),
        (r"epi", Pulse(planar=True)),
        (r"swan", _for(Weighting.SWI)),
        (r"merge|mfgre|starmap", _for(Weighting.T2_STAR)),
        (r"cosmic|fiesta|ssfp", _BALANCED),
        (r"tof|tricks|inhance|ifir", _for(Weighting.MRA)),
        (r"(?:^|\W|2d|3d)pc\b|fcard.?pc|vascpc", _FLOW),
        (r"b1map|bloch|b0map|fieldmap", _for(Weighting.FIELD_MAP)),
        (r"bravo|mp-?rage", Pulse(echo="gradient", inverted=True)),
        (r"flair|fse-?ir|fseir|ir-?fse|stir", _INVERTED),
        (r"fse|cube|prop|mavric|memp|^se\b|spin", _SPIN),
        (r"gre|spgr|lava|vibrant|disco|grass|cine|idealiq|zte|silen[zt]", _GRADIENT),
    ),
    "philips": (
        (r"^dw", _DIFFUSION),
        (r"t1m|molli", _for(Weighting.T1_MAP)),
        (r"f?fee?pi", Pulse(echo="gradient", planar=True)),
        (r"^seepi|^irepi", Pulse(echo="spin", planar=True)),
        (r"^b-?(?:ffe|tfe)|balanced", _BALANCED),
        (r"pca|^pc\b|flow", _FLOW),
        (r"^t2-?ffe", _for(Weighting.T2)),
        (r"ffe|tfe", _GRADIENT),
        (r"^t?ir", _INVERTED),
        (r"se", _SPIN),
    ),
    "canon": (
        (r"dwi|dw_|_dw", _DIFFUSION),
        (r"fsbb", _for(Weighting.SWI)),
        (r"tof|timeslip|time-slip|fbi", _for(Weighting.MRA)),
        (r"fe\w*_?epi", Pulse(echo="gradient", planar=True)),
        (r"se\w*_?epi", Pulse(echo="spin", planar=True)),
        (r"epi", Pulse(planar=True)),
        (r"ssfp", _BALANCED),
        (r"flair|stir|(?:^|[^a-z])f?ir", _INVERTED),
        (r"fase|fse|jet|(?:^|[^a-z])se", _SPIN),
        (r"fe|quick3d", _GRADIENT),
    ),
    "uih": (
        (r"dwi|dti", _DIFFUSION),
        (r"asl", _for(Weighting.ASL, "spin")),
        (r"swi", _for(Weighting.SWI)),
        (r"tof", _for(Weighting.MRA)),
        (r"gre_fq|gre_pc|_pc\b", _FLOW),
        (r"epi_(?:bold|fid|gre)|epi_fmri", Pulse(echo="gradient", planar=True)),
        (r"epi_se", Pulse(echo="spin", planar=True)),
        (r"epi", Pulse(planar=True)),
        (r"bssfp", _BALANCED),
        (r"fse\w*_ir|fse_\w*flair|stir", _INVERTED),
        (r"fse|(?:^|_)se", _SPIN),
        (r"gre|quick", _GRADIENT),
    ),
    "hitachi": (
        (r"dw-?i?-?epi|dwi|dw-", _DIFFUSION),
        (r"bsi", _for(Weighting.SWI)),
        (r"adage", _for(Weighting.T2_STAR)),
        (r"tof|vasc", _for(Weighting.MRA)),
        (r"ge-?epi|sg-?epi", Pulse(echo="gradient", planar=True)),
        (r"se-?epi", Pulse(echo="spin", planar=True)),
        (r"basg|basarge|pbsg|pbsarge", _BALANCED),
        (r"fir|flair|stir", _INVERTED),
        (r"fse|(?:^|\W)se", _SPIN),
        (r"rssg|rsarge|sarge|tigre|trsg|(?:^|\W)(?:ge|sg)\b|mpge", _GRADIENT),
    ),
}  # fmt: skip
_COMPILED = {vendor: tuple((re.compile(p), pulse) for p, pulse in rows) for vendor, rows in _NAMES.items()}
_ELEMENTS = ("SequenceName", "PulseSequenceName", "VendorPulseSequence", "VendorInternalPulseSequence")


def pulse_of(header: Header) -> Pulse:
    """Return what is known of the PulseSequence: public elements first, the vendor's names where these are silent."""
    named = _by_name(header)
    echo = _echo(header)
    factor = header.number("VendorEPIFactor") or 0
    train = header.number("GradientEchoTrainLength") or 0
    planar = (
        header.says("ScanningSequence", "EP")
        or header.says("EchoPlanarPulseSequence", "YES")
        or factor > 8
        or (train > 8 and header.says("EchoPulseSequence", "SPIN"))
    )
    inverted = header.says("ScanningSequence", "IR") or header.says("InversionRecovery", "YES")
    inverted = inverted or header.says("VendorPrepulse", "INV", "INVERT")
    balanced = header.says("SteadyStatePulseSequence", "FREE_PRECESSION")
    return replace(
        named,
        echo=echo or named.echo,
        planar=planar or named.planar,
        inverted=inverted or named.inverted,
        balanced=balanced or named.balanced,
        flow=named.flow or header.says("PhaseContrast", "YES"),
    )


def _echo(header: Header) -> str:
    """Return the echo that the public elements name; GE's SE beside GR is a spin echo of a segmented train."""
    if header.says("EchoPulseSequence", "SPIN", "BOTH"):
        return "spin"
    if header.says("EchoPulseSequence", "GRADIENT"):
        return "gradient"
    if header.says("ScanningSequence", "SE"):
        return "spin"
    return "gradient" if header.says("ScanningSequence", "GR") else ""


def _by_name(header: Header) -> Pulse:
    rows = _COMPILED.get(header.vendor, ())
    for keyword in _ELEMENTS:
        for word in header.words(keyword):
            name = word.lower()
            # Siemens' names begin with a star, which tells them when the manufacturer was taken out.
            own = _COMPILED["siemens"] if not header.vendor and name.startswith("*") else rows
            for pattern, pulse in own:
                if pattern.search(name.lstrip("*%&#") if own is _COMPILED["siemens"] else name):
                    return replace(pulse, said=word)
    return Pulse()
