"""What motion leaves in one volume, as numbers: along the phase-encode axis against across it, in millimetres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import fft

from mriloop.imaging.voxels import ndimage

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

SLICES = 8
FINEST_MM = 0.95
BANDS_PER_MM = (0.03, 0.06, 0.11, 0.18, 0.27, 0.40)
LAGS_MM = (2.0, 4.0, 6.0, 9.0, 13.0, 20.0)
ECHO_MM = (1.5, 3.0, 6.0, 12.0, 25.0, 60.0)
SCALES_MM = (0.8, 1.6, 3.2)
_TINY = 1e-6


def chosen_slices(mask: Mask, most: int = SLICES) -> list[int]:
    """Return at most `most` slices, evenly spread over those that hold at least a third of the fullest one's object."""
    counts = mask.sum(axis=(0, 1))
    full = np.flatnonzero(counts >= max(60, counts.max() / 3))
    if full.size <= most:
        return [int(k) for k in full]
    return [int(full[i]) for i in np.round(np.linspace(0, full.size - 1, most)).astype(int)]


def features(
    values: Floats, mask: Mask, zeroed: float, spacing_mm: tuple[float, float, float], axis: int
) -> dict[str, float]:
    """Return the features of one volume for phase encoding along `axis` (0 or 1), NaN where one cannot be taken.

    Slice-wise ones stand as their median (`.m`) and 85th percentile (`.h`) over at most eight slices, those of k-space
    lines as one number for the volume. `p` is the phase-encode axis, `r` the one across it in the slice.

    Families: roughness of line energies and of the likeness of neighbouring lines (poses that change from line to
    line); echoes in the line energies (a doubled edge is a cosine in k-space); directional power in bands of cycles per
    mm; autocorrelation of edges (ringing); entropy, kurtosis and strength of the gradient; residual texture where the
    picture is flat; signal just outside the object along against across (ghosts); noise and geometry.

    values : (i, j, k) magnitudes; mask : their object; zeroed : share of the outside that was set to a constant
    Empty where no slice holds enough of the object.
    """
    pictures, masks = [], []
    for k in chosen_slices(mask):
        one, inside = values[:, :, k], mask[:, :, k]
        scale = float(np.percentile(one[inside], 90))
        if scale <= 0:
            continue
        one, inside = (one, inside) if axis == 0 else (one.T, inside.T)
        one, inside, step = coarsened(one, inside, (spacing_mm[axis], spacing_mm[1 - axis]))
        if not inside.any():
            continue
        pictures.append(np.clip(one / scale, 0, 3).astype(np.float32))
        masks.append(inside)
    if not pictures:
        return {}
    found = _line_features(pictures, step)
    found |= _band_features(pictures, masks, step)
    each = [_slice_features(p, m, step) for p, m in zip(pictures, masks, strict=True)]
    for name in each[0]:
        column = np.array([one[name] for one in each])
        column = column[np.isfinite(column)]
        found[name + ".m"] = float(np.median(column)) if column.size else np.nan
        found[name + ".h"] = float(np.percentile(column, 85)) if column.size else np.nan
    shape = pictures[0].shape
    found["step_p"], found["step_r"] = np.log(step[0]), np.log(step[1])
    found["view_p"], found["view_r"] = np.log(step[0] * shape[0]), np.log(step[1] * shape[1])
    found["zeroed"] = zeroed
    found["slices"] = float(len(pictures))
    return found


def coarsened(one: Floats, inside: Mask, step: tuple[float, float]) -> tuple[Floats, Mask, tuple[float, float]]:
    """Cut the k-space of a slice so that no pixel is finer than about 1 mm: interpolation and fine detail fall away."""
    shape = (int(one.shape[0]), int(one.shape[1]))
    sizes = [n if s >= FINEST_MM else max(16, round(n * s / 1.0)) for n, s in zip(shape, step, strict=True)]
    if tuple(sizes) == shape:
        return np.ascontiguousarray(one), np.ascontiguousarray(inside), step
    k = fft.fftshift(fft.fft2(one))
    a, b = (n // 2 - m // 2 for n, m in zip(shape, sizes, strict=True))
    small = fft.ifft2(fft.ifftshift(k[a : a + sizes[0], b : b + sizes[1]]))
    rows, columns = ((np.arange(m) * n / m).astype(int) for n, m in zip(shape, sizes, strict=True))
    scale = sizes[0] * sizes[1] / (shape[0] * shape[1])
    new = (step[0] * shape[0] / sizes[0], step[1] * shape[1] / sizes[1])
    return np.abs(small * scale), np.ascontiguousarray(inside[np.ix_(rows, columns)]), new


def _line_features(pictures: list[Floats], step: tuple[float, float]) -> dict[str, float]:
    """Take what neighbouring k-space lines have, or lack, in common; the median over slices of energy and likeness."""
    spectra = [fft.fft2(one) for one in pictures]
    found: dict[str, float] = {}
    for name, turn in (("p", 0), ("r", 1)):
        own, other = step[turn], step[1 - turn]
        energies, likeness = [], []
        for spectrum in spectra:
            lines = spectrum if turn == 0 else spectrum.T
            n, across = lines.shape
            kr = np.abs(np.fft.fftfreq(across, other))
            used = (kr > 0.01) & (kr < 0.3)
            half = lines[1 : n // 2, :][:, used]
            power = np.square(np.abs(half)).sum(axis=1) + _TINY
            pair = np.abs((half[1:] * half[:-1].conj()).sum(axis=1)) / np.sqrt(power[1:] * power[:-1])
            energies.append(np.log(power))
            likeness.append(pair)
        k = np.arange(1, 1 + len(energies[0])) / (pictures[0].shape[turn] * own)
        band = (k > 0.015) & (k < min(0.33, 0.42 / own))
        energy, like = np.mean(energies, axis=0), np.mean(likeness, axis=0)
        found |= _roughness(f"energy_{name}", energy[band])
        found |= _roughness(f"like_{name}", like[band[1:]])
        middle = (k > 0.015) & (k < 0.08)
        found[f"like_mid_{name}"] = float(like[middle[1:]].mean()) if middle[1:].any() else np.nan
        found[f"like_all_{name}"] = float(like[band[1:]].mean()) if band[1:].any() else np.nan
        found |= _echoes(name, energies, k, band)
    for name in [n for n in found if n.endswith("_p") and np.isfinite(found[n])]:
        found[name + "-r"] = found[name] - found[name[:-1] + "r"]
    return found


def _roughness(name: str, course: Floats) -> dict[str, float]:
    head, tail = name.rsplit("_", 1)
    if course.size < 12:
        return {f"{head}_rough_{tail}": np.nan, f"{head}_jump_{tail}": np.nan}
    second = course[2:] - 2 * course[1:-1] + course[:-2]
    spread = float(np.median(np.abs(second)))
    return {
        f"{head}_rough_{tail}": float(np.log(spread + _TINY)),
        f"{head}_jump_{tail}": float(np.log(np.percentile(np.abs(second), 97) / (spread + _TINY) + _TINY)),
    }


def _echoes(name: str, energies: list[Floats], k: Floats, band: Mask) -> dict[str, float]:
    """Take the share of the wiggle of log line energy over k that lies at each lag in mm (a real cepstrum)."""
    lags = dict.fromkeys((f"echo{n}_{name}" for n in range(len(ECHO_MM) - 1)), np.nan)
    if int(band.sum()) < 24:
        return lags
    chosen = np.flatnonzero(band)
    x = np.log(k[chosen])
    total = None
    for energy in energies:
        course = energy[chosen]
        course = course - np.polyval(np.polyfit(x, course, 4), x)
        power = np.square(np.abs(np.fft.rfft(course * np.hanning(course.size), 2 * course.size)))
        total = power if total is None else total + power
    assert total is not None
    at = np.arange(total.size) / (2 * chosen.size * (k[1] - k[0]))
    for n, (low, high) in enumerate(pairwise(ECHO_MM)):
        inside = (at >= low) & (at < high)
        if inside.any():
            lags[f"echo{n}_{name}"] = float(np.log(total[inside].mean() / len(energies) / chosen.size + _TINY))
    return lags


def _band_features(pictures: list[Floats], masks: list[Mask], step: tuple[float, float]) -> dict[str, float]:
    """Compare power along and across in wedges of the plane, band by band; the window keeps the frame's edges out."""
    total = np.zeros(pictures[0].shape)
    for one, inside in zip(pictures, masks, strict=True):
        window = ndimage.gaussian_filter(inside.astype(np.float32), [3.0 / s for s in step])
        level = float(one[inside].mean())
        total += np.square(np.abs(fft.fft2((one - level) * window))) / max(float(np.square(window).sum()), 1.0)
    total /= len(pictures)
    along, across = (np.abs(np.fft.fftfreq(total.shape[a], step[a])) for a in (0, 1))
    kp, kr = np.broadcast_arrays(along[:, None], across[None, :])
    size, angle = np.hypot(kp, kr), np.degrees(np.arctan2(kr, kp))
    found: dict[str, float] = {}
    base = None
    for n, (low, high) in enumerate(pairwise(BANDS_PER_MM)):
        ring = (size >= low) & (size < high) & (kp < 0.47 / step[0]) & (kr < 0.47 / step[1])
        wedge = [total[ring & part] for part in (angle < 28, angle > 62, (angle >= 28) & (angle <= 62))]
        if min(part.size for part in wedge) < 6 or high > 0.62 / max(step):
            found |= {f"wedge{n}_p-r": np.nan, f"wedge{n}_p-d": np.nan, f"fall{n}_d": np.nan}
            continue
        p, r, d = (float(np.log(part.mean() + 1e-12)) for part in wedge)
        base = (p + r + d) / 3 if base is None else base
        found |= {f"wedge{n}_p-r": p - r, f"wedge{n}_p-d": p - d, f"fall{n}_d": (p + r + d) / 3 - base}
    return found


def _slice_features(one: Floats, inside: Mask, step: tuple[float, float]) -> dict[str, float]:
    """Take every slice-wise feature of one normalised slice, its phase-encode axis first."""
    found: dict[str, float] = {}
    sigma = [max(0.9 / s, 0.6) for s in step]
    smooth = [ndimage.gaussian_filter1d(one, sigma[1 - a], axis=1 - a) for a in (0, 1)]
    gradient = [ndimage.gaussian_filter1d(smooth[a], sigma[a], axis=a, order=1) / step[a] for a in (0, 1)]
    kept = inside.astype(np.float32)
    for a, name in ((0, "p"), (1, "r")):
        strength = np.abs(gradient[a][inside])
        top = float(np.percentile(strength, 95))
        total = float(strength.sum()) + _TINY
        share = strength[strength > 0] / total
        found[f"entropy_{name}"] = float(-(share * np.log(share)).sum() / np.log(max(share.size, 2)))
        found[f"edge_{name}"] = np.log(top + _TINY)
        found[f"tail_{name}"] = np.log((float(np.median(strength)) + _TINY) / (top + _TINY))
        found[f"peak_{name}"] = np.log((float(np.percentile(strength, 99.5)) + _TINY) / (top + _TINY))
        found |= _ringing(gradient[a] * kept, a, step[a], name)
    found |= _flat_texture(one, inside, gradient, step)
    found |= _halo(one, inside, step)
    hh = one[1:, 1:] - one[:-1, 1:] - one[1:, :-1] + one[:-1, :-1]
    found["noise"] = np.log(float(np.median(np.abs(hh[inside[1:, 1:]]))) + 1e-4)
    found["filled"] = float(inside.mean())
    found["cut_p"] = float(inside[[0, -1], :].mean())
    found["cut_r"] = float(inside[:, [0, -1]].mean())
    for name in [n for n in found if n.endswith("_p")]:
        found[name + "-r"] = found[name] - found[name[:-1] + "r"]
    return found


def _ringing(edges: Floats, axis: int, step: float, name: str) -> dict[str, float]:
    """Take the autocorrelation of the edges across themselves: ringing and doubled edges come back at a lag."""
    n = edges.shape[axis]
    power = np.square(np.abs(fft.rfft(edges, n=fft.next_fast_len(2 * n), axis=axis)))
    course = fft.irfft(power.sum(axis=1 - axis))
    course = course[:n] / (course[0] + _TINY)
    places = np.arange(n) * step
    found = {f"ring{m}_{name}": float(np.interp(lag, places, course)) for m, lag in enumerate(LAGS_MM)}
    far = course[places > 25.0]
    found[f"far_{name}"] = float(np.abs(far).max()) if far.size > 4 else np.nan
    return found


def _flat_texture(one: Floats, inside: Mask, gradient: list[Floats], step: tuple[float, float]) -> dict[str, float]:
    """Take the curvature that remains where the picture is flat, along and across, at three widths."""
    found: dict[str, float] = {}
    size = ndimage.gaussian_filter(np.hypot(*gradient), [2.0 / s for s in step])
    core = ndimage.binary_erosion(inside, iterations=max(1, round(3.0 / max(step))))
    core = core if int(core.sum()) > 60 else inside
    flat = core & (size <= np.percentile(size[core], 40))
    for n, width in enumerate(SCALES_MM):
        for a, name in ((0, "p"), (1, "r")):
            if width / step[a] < 0.45:
                found |= {f"flat{n}_{name}": np.nan, f"sparse{n}_{name}": np.nan}
                continue
            curve = np.abs(ndimage.gaussian_filter1d(one, width / step[a], axis=a, order=2))
            quiet, everywhere = float(np.median(curve[flat])), float(np.mean(curve[core]))
            found[f"flat{n}_{name}"] = np.log(quiet + 1e-5)
            found[f"sparse{n}_{name}"] = np.log((quiet + 1e-5) / (everywhere + 1e-5))
    return found


def _halo(one: Floats, inside: Mask, step: tuple[float, float]) -> dict[str, float]:
    """Take the signal outside the object, near and far, in line with it along and across, over the object's own."""
    found: dict[str, float] = {}
    hull = ndimage.binary_dilation(inside, iterations=max(1, round(2.0 / max(step))))
    lanes = [hull.any(axis=a, keepdims=True) & ~hull for a in (0, 1)]
    for a, name in ((0, "p"), (1, "r")):
        reach = [max(1, round(d / step[a])) for d in (7.0, 22.0)]
        near = _stretched(hull, reach[0], a) & ~hull
        far = _stretched(hull, reach[1], a) & ~hull & ~near
        beyond = lanes[a] & ~near & ~far
        for zone, where in (("near", near), ("mid", far), ("far", beyond)):
            found[f"{zone}_{name}"] = (
                np.log(float(np.sqrt(np.square(one[where]).mean())) + 1e-3) if int(where.sum()) >= 40 else np.nan
            )
    return found


def _stretched(mask: Mask, reach: int, axis: int) -> Mask:
    return np.asarray(ndimage.maximum_filter1d(mask.view(np.uint8), 2 * reach + 1, axis=axis, mode="constant") > 0)
