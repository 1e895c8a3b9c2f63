"""One registration engine in a process of its own: lays pairs on each other, says where, and what it cost.

Arguments: the engine, then either a folder of pair*.npz (`fixed`, `fixed_affine`, `moving`, `moving_affine`; RAS+ mm)
or, for `mriloop`, the numbers of the pairs to make and lay. Prints one JSON line per pair: `pair`, `matrix` (RAS+ mm
of moving to fixed), `cpu_s`, `peak_gb`. Runs under the interpreter that has the engine.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def main(engine: str, jobs: list[str]) -> None:
    """Lay every pair and print what came out."""
    if engine == "mriloop":
        return _mriloop([int(n) for n in jobs])
    run = {"greedy": _greedy, "simpleitk": _simpleitk, "ants": _ants, "elastix": _elastix}[engine]
    for path in sorted(Path(jobs[0]).glob("pair*.npz")):
        given = dict(np.load(path))
        begun = _spent()
        matrix = run(given["fixed"], given["fixed_affine"], given["moving"], given["moving_affine"])
        _say(int(path.stem[4:]), matrix, begun)
    return None


def _mriloop(numbers: list[int]) -> None:
    from benchmarks.registration import known_pair
    from mriloop.imaging.register import align, picture
    from mriloop.imaging.resample import mean_displacement_mm

    for number in numbers:
        pair = known_pair(number)
        begun = _spent()
        fixed, moving = picture(pair.fixed, pair.fixed_affine, 1.2), picture(pair.moving, pair.moving_affine, 1.2)
        fit = align(fixed, moving, thorough=False)
        error = mean_displacement_mm(fit.matrix, pair.truth, pair.points)
        _say(number, fit.matrix, begun, uncertainty_mm=fit.uncertainty_mm, error_mm=error)


def _say(pair: int, matrix: np.ndarray, begun: float, **more: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = {"pair": pair, "matrix": np.asarray(matrix).tolist(), "cpu_s": _spent() - begun, "peak_gb": peak, **more}
    sys.stdout.write("\n" + json.dumps(told) + "\n")
    sys.stdout.flush()


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _lps(affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lps = FLIP @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return spacing, lps[:3, 3], lps[:3, :3] / spacing


def _image(library: object, data: np.ndarray, affine: np.ndarray) -> object:
    image = library.GetImageFromArray(np.ascontiguousarray(data.T))
    spacing, origin, direction = _lps(affine)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(origin.tolist())
    image.SetDirection(direction.ravel().tolist())
    return image


def _home(matrix: np.ndarray, shift: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return moving to fixed in RAS+ from an ITK transform (fixed to moving, LPS)."""
    lps = np.eye(4)
    lps[:3, :3] = matrix
    lps[:3, 3] = shift + centre - matrix @ centre
    return np.linalg.inv(FLIP @ lps @ FLIP)


def _greedy(fixed: np.ndarray, fixed_affine: np.ndarray, moving: np.ndarray, moving_affine: np.ndarray) -> np.ndarray:
    import SimpleITK
    from picsl_greedy import Greedy3D

    engine = Greedy3D()
    engine.execute(
        "-threads 2 -V 0 -a -dof 6 -i f m -m NMI -n 100x50x10 -ia-image-centers -o found",
        f=_image(SimpleITK, fixed, fixed_affine),
        m=_image(SimpleITK, moving, moving_affine),
        found=None,
    )
    return np.linalg.inv(np.asarray(engine["found"], float))


def _simpleitk(
    fixed: np.ndarray, fixed_affine: np.ndarray, moving: np.ndarray, moving_affine: np.ndarray
) -> np.ndarray:
    import SimpleITK

    f, m = _image(SimpleITK, fixed, fixed_affine), _image(SimpleITK, moving, moving_affine)
    start = SimpleITK.CenteredTransformInitializer(
        f, m, SimpleITK.Euler3DTransform(), SimpleITK.CenteredTransformInitializerFilter.MOMENTS
    )
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.1, 1)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 100, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    found = SimpleITK.Euler3DTransform(SimpleITK.CompositeTransform(method.Execute(f, m)).GetBackTransform())
    return _home(np.reshape(found.GetMatrix(), (3, 3)), np.array(found.GetTranslation()), np.array(found.GetCenter()))


def _ants(fixed: np.ndarray, fixed_affine: np.ndarray, moving: np.ndarray, moving_affine: np.ndarray) -> np.ndarray:
    import ants

    pair = []
    for data, affine in ((fixed, fixed_affine), (moving, moving_affine)):
        spacing, origin, direction = _lps(affine)
        pair.append(ants.from_numpy(data, origin=origin.tolist(), spacing=spacing.tolist(), direction=direction))
    done = ants.registration(pair[0], pair[1], type_of_transform="Rigid")
    found = ants.read_transform(done["fwdtransforms"][0])
    values = np.array(found.parameters)
    for path in {*done["fwdtransforms"], *done["invtransforms"]}:
        Path(path).unlink(missing_ok=True)
    return _home(values[:9].reshape(3, 3), values[9:], np.array(found.fixed_parameters))


def _elastix(fixed: np.ndarray, fixed_affine: np.ndarray, moving: np.ndarray, moving_affine: np.ndarray) -> np.ndarray:
    import itk

    pair = []
    for data, affine in ((fixed, fixed_affine), (moving, moving_affine)):
        image = itk.image_from_array(np.ascontiguousarray(data.T))
        spacing, origin, direction = _lps(affine)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(origin.tolist())
        image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(direction)))
        pair.append(image)
    settings = itk.ParameterObject.New()
    rigid = settings.GetDefaultParameterMap("rigid")
    rigid["AutomaticTransformInitialization"] = ["true"]
    rigid["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
    settings.AddParameterMap(rigid)
    _, found = itk.elastix_registration_method(pair[0], pair[1], parameter_object=settings, log_to_console=False)
    told = found.GetParameterMap(0)
    values = np.array(told["TransformParameters"], float)
    euler = itk.Euler3DTransform[itk.D].New()
    euler.SetComputeZYX(told.get("ComputeZYX", ["false"])[0] == "true" if hasattr(told, "get") else False)
    euler.SetRotation(*values[:3])
    matrix = itk.array_from_matrix(euler.GetMatrix())
    return _home(matrix, values[3:], np.array(told["CenterOfRotationPoint"], float))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
