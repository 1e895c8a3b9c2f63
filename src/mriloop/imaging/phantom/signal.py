"""Signal equations: what one tissue gives under one prescription, before coils, noise and motion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.prescription import Prescription, Readout
from mriloop.imaging.phantom.tissues import TISSUES, Relaxation, Tissue, relaxation

GAMMA_MHZ_PER_T = 42.577478518
FAT_SHIFT_PPM = -3.4
FAT_LEAK = 0.06
FAT_ADC = TISSUES[Tissue.FAT].adc
VOID_TE_MS = 40.0
VOID_LEFT = 0.15


def spoiled_gradient_echo(tissue: Relaxation, tr: float, te: float, flip_deg: float) -> float:
    """Return the Ernst signal of an ideally spoiled gradient echo, per unit of magnetisation."""
    e1 = np.exp(-tr / tissue.t1)
    flip = np.radians(flip_deg)
    return float(np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1) * np.exp(-te / tissue.t2_star))


def spin_echo(tissue: Relaxation, tr: float, te: float) -> float:
    """Return the spin-echo signal with a 90° excitation and one refocusing at te/2; also used for echo trains."""
    longitudinal = 1 - 2 * np.exp(-(tr - te / 2) / tissue.t1) + np.exp(-tr / tissue.t1)
    return float(longitudinal * np.exp(-te / tissue.t2))


def inversion_spin_echo(tissue: Relaxation, tr: float, te: float, ti: float) -> float:
    """Return the signed inversion-recovery spin-echo signal; it crosses zero at TI = T1 ln(2 / (1 + exp(−TR/T1)))."""
    longitudinal = 1 - 2 * np.exp(-ti / tissue.t1) + np.exp(-tr / tissue.t1)
    return float(longitudinal * np.exp(-te / tissue.t2))


def nulling_ti(t1: float, tr: float) -> float:
    """Return the inversion time (ms) at which a tissue of this T1 gives no signal."""
    return float(t1 * np.log(2 / (1 + np.exp(-tr / t1))))


def magnetization_prepared(
    tissue: Relaxation, tr: float, te: float, ti: float, flip_deg: float, train: int, spacing: float
) -> float:
    """Return the signed MPRAGE signal at the middle of a train of `train` gradient echoes `spacing` ms apart.

    The longitudinal magnetisation runs through inversion, recovery, train and recovery; each is an affine map, and the
    steady state is the fixed point of their product. `ti` is from the inversion to the middle of the train, `tr` from
    one inversion to the next.
    """
    cosine = np.cos(np.radians(flip_deg))
    before = max(ti - spacing * train / 2, 0.0)
    after = max(tr - before - spacing * train, 0.0)

    def recover(state: tuple[float, float], duration: float) -> tuple[float, float]:
        decay = float(np.exp(-duration / tissue.t1))
        return state[0] * decay, state[1] * decay + 1 - decay

    def pulses(state: tuple[float, float], count: int) -> tuple[float, float]:
        decay = float(np.exp(-spacing / tissue.t1))
        ratio = cosine * decay
        power = ratio**count
        return state[0] * power, state[1] * power + (1 - decay) * (1 - power) / (1 - ratio)

    # (slope, offset) of Mz as a function of Mz just before the inversion
    middle = pulses(recover((-1.0, 0.0), before), train // 2)
    end = recover(pulses(middle, train - train // 2), after)
    start = end[1] / (1 - end[0])
    return float((middle[0] * start + middle[1]) * np.sin(np.radians(flip_deg)) * np.exp(-te / tissue.t2_star))


def tissue_signal(
    tissue: Tissue, prescription: Prescription, *, te: float, b_value: float, gadolinium: bool
) -> complex:
    """Return the complex signal of one tissue, proton density 1 and full magnetisation giving 1.

    A tissue is a water pool with its own relaxation and a fat pool that relaxes as subcutaneous fat. Diffusion
    weighting multiplies each by exp(−b·ADC). Fat precesses 3.4 ppm below water, so in a gradient echo it turns against
    water with TE; a spin echo refocuses it. Fat suppression leaves 6 % of it. Blood flows out of a late spin echo:
    15 % is left, the flow void of T2 images.
    """
    material = TISSUES[tissue]
    if material.proton_density == 0.0:
        return 0j
    p = prescription
    native = relaxation(tissue, p.tesla, gadolinium=gadolinium)
    fat_pool = relaxation(Tissue.FAT, p.tesla)
    water = (1 - material.fat_fraction) * _magnetization(native, p, te) * float(np.exp(-b_value * material.adc * 1e-3))
    fat = material.fat_fraction * _magnetization(fat_pool, p, te) * float(np.exp(-b_value * FAT_ADC * 1e-3))
    if p.fat_suppressed:
        fat *= FAT_LEAK
    if tissue is Tissue.BLOOD and p.readout in (Readout.SPIN_ECHO, Readout.INVERSION_SPIN_ECHO) and te > VOID_TE_MS:
        water *= VOID_LEFT
    turn = 1.0 + 0j
    if p.readout in (Readout.GRADIENT_ECHO, Readout.MAGNETIZATION_PREPARED):
        hertz = FAT_SHIFT_PPM * GAMMA_MHZ_PER_T * p.tesla
        turn = complex(np.exp(2j * np.pi * hertz * te / 1000.0))
    return material.proton_density * (water + fat * turn)


def _magnetization(rates: Relaxation, p: Prescription, te: float) -> float:
    """Return the signal of one pool by the equation of the prescription's readout."""
    if p.readout is Readout.SPIN_ECHO:
        return spin_echo(rates, p.tr, te)
    if p.readout is Readout.INVERSION_SPIN_ECHO:
        return inversion_spin_echo(rates, p.tr, te, p.ti)
    if p.readout is Readout.MAGNETIZATION_PREPARED:
        return magnetization_prepared(rates, p.tr, te, p.ti, p.flip_deg, p.train, p.echo_spacing)
    return spoiled_gradient_echo(rates, p.tr, te, p.flip_deg)


def signal_table(
    prescription: Prescription, *, te: float, b_value: float, gadolinium: bool
) -> npt.NDArray[np.complex64]:
    """Return the signal of every tissue, indexed by label."""
    table = np.zeros(max(Tissue) + 1, dtype=np.complex64)
    for tissue in Tissue:
        table[tissue] = tissue_signal(tissue, prescription, te=te, b_value=b_value, gadolinium=gadolinium)
    return table
