"""How fast tissues recover at a field strength, and which inversion time silences one: what TI and TR mean in T."""

from __future__ import annotations

import math

_GAMMA_HZ_PER_T = 42.577478518e6
# Longitudinal relaxation of subcutaneous fat: 50 mT doi:10.1002/mrm.29009; 1.5 and 3 T doi:10.2214/ajr.183.2.1830343.
_FAT_MS = ((0.05, 130.0), (1.5, 288.0), (3.0, 371.0))
_CSF_MS = 4300.0  # hardly depends on the field: doi:10.1002/mrm.21122
USUAL_TESLA = 1.5  # taken where the header does not tell: every limit below is wide enough for 1 to 3 T


def grey_matter_t1_ms(tesla: float | None) -> float:
    """Return T1 of grey matter in ms: 1.16 (γB)^0.376 µs·Hz^-0.376 (Rooney 2007, doi:10.1002/mrm.21122)."""
    return 1.16 * math.pow(_GAMMA_HZ_PER_T * (tesla or USUAL_TESLA), 0.376)


def fat_t1_ms(tesla: float | None) -> float:
    """Return T1 of fat in ms, by a power law between the measured fields and beyond them."""
    field = tesla or USUAL_TESLA
    low, high = (_FAT_MS[0], _FAT_MS[1]) if field < _FAT_MS[1][0] else (_FAT_MS[1], _FAT_MS[2])
    power = math.log(high[1] / low[1]) / math.log(high[0] / low[0])
    return low[1] * math.pow(field / low[0], power)


def null_ms(t1_ms: float, tr_ms: float | None) -> float:
    """Return the inversion time at which a tissue of `t1_ms` gives no signal: T1 (ln 2 - ln(1 + exp(-TR/T1)))."""
    recovered = math.exp(-tr_ms / t1_ms) if tr_ms else 0.0
    return t1_ms * (math.log(2) - math.log1p(recovered))


def silences_fat(ti_ms: float, tr_ms: float | None, tesla: float | None) -> bool:
    """Tell whether an inversion time silences fat: from 0.45 to 1.35 times its null (120 to 270 ms at 1.5 T).

    Without a field strength the range reaches from 1 to 3 T.
    """
    low, high = (tesla, tesla) if tesla else (1.0, 3.0)
    return 0.45 * null_ms(fat_t1_ms(low), tr_ms) <= ti_ms <= 1.35 * null_ms(fat_t1_ms(high), tr_ms)


def silences_csf(ti_ms: float, tr_ms: float | None) -> bool:
    """Tell whether an inversion time silences cerebrospinal fluid: within a quarter of its null.

    T2 preparation, echo trains and refocusing pulses shift the null by up to a fifth.
    """
    null = null_ms(_CSF_MS, tr_ms)
    return 0.75 * null <= ti_ms <= 1.25 * null


def ernst_deg(tr_ms: float, tesla: float | None) -> float:
    """Return the flip angle of greatest signal of grey matter; above it a spoiled gradient echo is T1-weighted."""
    return math.degrees(math.acos(math.exp(-tr_ms / grey_matter_t1_ms(tesla))))
