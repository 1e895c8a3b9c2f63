"""The peer's half of `structural_motion`: runs under an interpreter that has torchio, moves one volume, says how.

Argument: a folder of job*.npz with `values` (phase-encode axis last), `affine` (RAS), `degrees`, `shift`, `moves`,
`seed` and `flat`. For each a moved*.npz is written: `values`, `matrices` (n, 4, 4, LPS, output to input points) and
`until` (share of k-space at which each pose ends).
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchio
from torchio.transforms.augmentation.intensity.random_motion import Motion, RandomMotion


def main(folder: str) -> None:
    """Move every job of the folder."""
    torch.set_num_threads(1)
    for job in sorted(Path(folder).glob("job*.npz")):
        moved(job, job.with_name(job.name.replace("job", "moved")))


def moved(job: Path, answer: Path) -> None:
    """Draw a movement as RandomMotion draws it, apply torchio's Motion, and keep the matrices it used."""
    given = np.load(job)
    torch.manual_seed(int(given["seed"]))
    scale = float(given["degrees"]), float(given["shift"])
    drawn = RandomMotion(degrees=scale[0], translation=scale[1], num_transforms=int(given["moves"]))
    times, degrees, shift = drawn.get_params(drawn.degrees_range, drawn.translation_range, drawn.num_transforms)
    flat = int(given["flat"])
    if flat >= 0:  # too few slices to turn or shift through
        degrees[:, [a for a in range(3) if a != flat]] = 0
        shift[:, flat] = 0
    image = torchio.ScalarImage(tensor=torch.as_tensor(given["values"][None]), affine=given["affine"])
    motion = Motion(degrees=degrees, translation=shift, times=times, image_interpolation="linear")
    used = []
    rigid = motion.get_rigid_transforms
    motion.get_rigid_transforms = lambda *a: used.extend(found := rigid(*a)) or found
    result = motion(torchio.Subject(image=image))["image"].data[0].numpy()
    matrices = np.array([motion.transform_to_matrix(one) for one in used])
    order = list(range(len(matrices)))
    motion.sort_spectra(order, times)
    until = np.array([*(int(result.shape[2] * t) / result.shape[2] for t in times), 1.0])
    np.savez(answer, values=np.abs(result).astype(np.float32), matrices=matrices[order], until=until)


if __name__ == "__main__":
    main(sys.argv[1])
