"""The libraries that do the work between capture and polish, behind one signature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mriloop.imaging.register.likeness import BINS
from mriloop.imaging.register.picture import Picture
from mriloop.imaging.resample import apply, inverse
from mriloop.imaging.voxels import simpleitk
from mriloop.model.volume import Affine

THREADS = 2
Engine = Callable[[Picture, Picture, str], Affine]


def by_greedy(fixed: Picture, moving: Picture, levels: str) -> Affine:
    """Refine from the identity with picsl_greedy (normalised mutual information).

    `levels` are the most iterations per level, coarse to fine, such as "20x10". Raises RuntimeError where it fails.
    """
    from picsl_greedy import Greedy3D

    engine, silent = Greedy3D(), _Silent()
    engine.execute(
        f"-threads {THREADS} -V 0 -a -dof 6 -i fixed moving -gm mask -m NMI -n {levels} -ia-identity -o found",
        fixed=_itk(fixed.data, fixed.affine),
        moving=_itk(moving.data, moving.affine),
        mask=_itk(fixed.mask.astype(np.float32), fixed.affine),
        found=None,
        out=silent,
        err=silent,
    )
    return _orthonormal(inverse(np.asarray(engine["found"], float)))


def by_simpleitk(fixed: Picture, moving: Picture, levels: str) -> Affine:
    """Refine from the identity with SimpleITK (Mattes mutual information, regular sampling); the fallback engine.

    `levels` as for `by_greedy`. Raises RuntimeError where it fails.
    """
    sitk = simpleitk()
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    found = sitk.Euler3DTransform()
    found.SetCenter(apply(flip, fixed.points).mean(axis=0))
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(_itk(fixed.mask.astype(np.uint8), fixed.affine))
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    count = len(levels.split("x"))
    shrink = [2**n for n in reversed(range(count))]
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel([float(s > 1) for s in shrink])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetOptimizerAsRegularStepGradientDescent(0.5, 1e-4, 80, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(found, inPlace=True)
    method.Execute(_itk(fixed.data, fixed.affine), _itk(moving.data, moving.affine))
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(found.GetMatrix(), (3, 3))
    lps[:3, 3] = apply(lps, -np.array([found.GetCenter()]))[0] + found.GetCenter() + found.GetTranslation()
    return _orthonormal(inverse(flip @ lps @ flip))


def _itk(data: npt.NDArray[np.float32 | np.uint8], affine: Affine) -> object:
    """Return the array as a SimpleITK image (LPS frame) that sits at the same place."""
    sitk = simpleitk()
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    flip = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing([float(s) for s in spacing])
    image.SetOrigin([float(x) for x in flip @ affine[:3, 3]])
    image.SetDirection([float(x) for x in (flip @ affine[:3, :3] / spacing).ravel()])
    return image


def _orthonormal(matrix: Affine) -> Affine:
    """Return the nearest rigid map (rounding inside an engine leaves the rotation a hair off)."""
    u, _, v = np.linalg.svd(matrix[:3, :3])
    clean = matrix.copy()
    clean[:3, :3] = u @ v
    return clean


class _Silent:
    """Takes what an engine prints and drops it."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


ENGINES: dict[str, Engine] = {"greedy": by_greedy, "simpleitk": by_simpleitk}
NAMES = {"greedy": "picsl_greedy rigid, NMI", "simpleitk": "SimpleITK rigid, Mattes MI"}
