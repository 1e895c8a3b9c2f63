"""Which sidecars speak for a NIfTI image: those beside it and, by the inheritance principle of BIDS, those above it.

https://bids-specification.readthedocs.io, common principles: a file applies to every image in its folder and below
whose name ends in the same suffix and holds all of its entities; what lies nearer to the image wins, field by field.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

ENDINGS = (".json", ".bval", ".bvec")
_IMAGE = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_ENTITY = re.compile(r"^([A-Za-z]+)-([A-Za-z0-9+]+)$")
_COMPANIONS = re.compile(
    r"^(dataset_description\.json|participants\.(tsv|json)|samples\.(tsv|json)|README(\.\w+)?|CHANGES|LICENSE|"
    r"CITATION\.cff|\.bidsignore|.*_(scans|sessions|events|physio|stim|channels|aslcontext|blood|beh)\.(tsv(\.gz)?|json))$"
)


def stem_of(name: str) -> str:
    """Return the name of an image without `.nii` or `.nii.gz`."""
    return _IMAGE.sub("", name)


def suffix_of(name: str) -> str:
    """Return the BIDS suffix of a file name (T1w, bold, …): what follows its last `_`; empty where there is none."""
    stem = _IMAGE.sub("", PurePosixPath(name).name).split(".")[0]
    return stem.rpartition("_")[2] if "_" in stem else stem if not _ENTITY.match(stem) else ""


def entities_of(name: str) -> dict[str, str]:
    """Return the entities of a file name: `sub-01_task-rest_bold.nii` has sub 01 and task rest."""
    parts = PurePosixPath(name).name.split(".")[0].split("_")
    return {found[1]: found[2] for part in parts if (found := _ENTITY.match(part))}


def is_companion(shown: str) -> bool:
    """Tell whether a file belongs to a BIDS dataset beside its images: nothing to check, and nothing to refuse."""
    return bool(_COMPANIONS.match(PurePosixPath(shown).name))


class Sidecars:
    """The sidecars of an input by folder. `files`: (path inside the input, where its bytes are)."""

    def __init__(self, files: Iterable[tuple[str, Path]]) -> None:
        self._in: dict[str, list[tuple[str, str, dict[str, str], Path]]] = defaultdict(list)
        for shown, path in files:
            ending = PurePosixPath(shown).suffix
            if ending in ENDINGS:
                folder = str(PurePosixPath(shown).parent)
                self._in[folder].append((shown, suffix_of(shown), entities_of(shown), path))

    def of(self, image: str) -> Mapping[str, tuple[tuple[str, Path], ...]]:
        """Return for each ending the sidecars of an image (its path inside the input), the farthest first.

        A file of the image's own name always counts, also where nothing is named as BIDS has it.
        """
        place = PurePosixPath(image)
        own = stem_of(place.name)
        suffix, entities = suffix_of(place.name), entities_of(place.name)
        found: dict[str, list[tuple[str, Path]]] = {ending: [] for ending in ENDINGS}
        for folder in reversed([str(parent) for parent in place.parents]):
            level: dict[str, list[tuple[int, str, Path]]] = {ending: [] for ending in ENDINGS}
            for shown, ends_in, names, path in self._in.get(folder, ()):
                name = PurePosixPath(shown)
                exact = folder == str(place.parent) and name.stem == own
                general = ends_in == suffix and "sub" in entities and names.items() <= entities.items()
                if exact or (general and (names or ends_in)):
                    level[name.suffix].append((1000 if exact else len(names), shown, path))
            for ending, members in level.items():
                found[ending] += [(shown, path) for _, shown, path in sorted(members)]
        return {ending: tuple(members) for ending, members in found.items()}
