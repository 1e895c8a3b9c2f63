"""One head or two: the verdict on offsets of known make, and on phantom heads whose owner is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.phantom import Tissue
from mriloop.imaging.phantom.head import head_map
from mriloop.imaging.resample import apply, rigid
from mriloop.imaging.same_person import Likely, Places, SamePerson, same_head, weigh
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.comparison import Alignment
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare import doubt, one_person
from mriloop.stages.compare.align import Loaded

pytestmark = pytest.mark.xdist_group("same person")
INDEX = np.argwhere(np.ones((11, 13, 10), bool))
AT = INDEX * 12.0 - np.array([60.0, 72.0, 54.0])
INSIDE = np.linalg.norm(AT / np.array([62.0, 76.0, 58.0]), axis=1) < 1


def found(offset: np.ndarray, alike: float = 0.8) -> Places:
    """Offsets as the search gives them: at most 9 mm along each axis."""
    return Places(
        at=AT[INSIDE],
        offset=np.clip(offset[INSIDE], -9.0, 9.0),
        index=INDEX[INSIDE],
        alike=np.full(int(INSIDE.sum()), alike),
    )


def wave(size_mm: float, seed: int = 0) -> np.ndarray:
    """A smooth deformation of a given median size, as lies between two heads."""
    rng = np.random.default_rng(seed)
    field = np.stack([ndimage.gaussian_filter(rng.normal(size=(11, 13, 10)), 1.8) for _ in range(3)], -1)
    field = field[tuple(INDEX.T)]
    return field * size_mm / np.median(np.linalg.norm(field[INSIDE], axis=1))


def test_nothing_off_is_one_head():
    told = weigh(found(np.zeros_like(AT)))
    assert (told.verdict, told.apart_mm, told.in_place) == (Likely.SAME, 0.0, 1.0)


def test_a_rigid_error_of_the_alignment_is_taken_off():
    turned = apply(rigid((2.0, -1.0, 1.5), (4.0, -3.0, 2.0), np.zeros(3)), AT) - AT
    told = weigh(found(turned))
    assert told.verdict is Likely.SAME
    assert told.moved_mm == pytest.approx(np.linalg.norm(turned[INSIDE], axis=1).mean(), rel=0.15)


def test_a_scanner_that_is_two_percent_off_is_no_other_person():
    told = weigh(found(AT * np.array([0.02, -0.02, 0.01])))
    assert told.verdict is Likely.SAME


def test_an_operation_that_moves_a_third_of_the_head_is_no_other_person():
    centre = np.array([35.0, 20.0, 15.0])
    near = np.linalg.norm(AT - centre, axis=1) < 45
    assert 0.15 < near[INSIDE].mean() < 0.4
    push = np.where(near[:, None], 8.0 * (AT - centre) / 40.0, 0.0)
    assert weigh(found(push)).verdict is Likely.SAME


def test_another_head_is_told_by_shape_and_by_size():
    assert weigh(found(wave(6.0))).verdict is Likely.OTHER
    sized = weigh(found(wave(4.0, seed=1) + AT * np.array([-0.07, 0.0, 0.05])))
    assert sized.verdict is Likely.OTHER
    assert "most likely two people" in doubt(sized)


def test_the_stretch_is_that_of_the_offsets():
    told = weigh(found(AT * np.array([-0.05, 0.0, 0.03])))
    assert told.stretch == pytest.approx((-0.05, 0.0, 0.03), abs=1e-6)
    assert told.moved_mm == pytest.approx(0.0, abs=1e-6)


def test_what_is_less_sure_is_a_caution():
    told = weigh(found(wave(3.2, seed=3)))
    assert told.verdict is Likely.MAYBE_OTHER
    assert doubt(told).startswith("these may be two people: of ")
    assert doubt(weigh(found(np.zeros_like(AT)))) == ""


def test_a_child_grows_and_is_no_other_person():
    assert weigh(found(wave(6.0)), growing=True).verdict is Likely.CANNOT_TELL


def test_noise_is_no_other_person():
    rng = np.random.default_rng(4)
    scattered = rng.uniform(-9, 9, AT.shape)
    assert weigh(found(scattered)).verdict is Likely.CANNOT_TELL, "neighbours disagree"
    assert weigh(found(wave(6.0), alike=0.42)).verdict is Likely.CANNOT_TELL, "no edges in common"


def test_a_corner_of_the_head_is_too_little():
    few = found(wave(6.0))
    part = Places(at=few.at[:60], offset=few.offset[:60], index=few.index[:60], alike=few.alike[:60])
    assert weigh(part).verdict is Likely.CANNOT_TELL


def picture(seed: int, contrast: int, scan: int) -> tuple[np.ndarray, np.ndarray]:
    """Paint every tissue of a phantom head with a brightness of its own, at 2 mm, with noise."""
    body = head_map(seed, 2.0)
    bright = np.random.default_rng(contrast).uniform(0.2, 1.0, max(Tissue) + 1)
    bright[Tissue.AIR] = 0.0
    painted = body.share * bright[body.over] + (1 - body.share) * bright[body.under]
    noise = np.random.default_rng(scan).normal(0, 0.03, painted.shape)
    affine = np.diag([body.pitch, body.pitch, body.pitch, 1.0])
    affine[:3, 3] = body.origin
    return (painted + noise).astype(np.float32), affine


@pytest.fixture(scope="module")
def told() -> dict[str, SamePerson]:
    today = picture(3, contrast=1, scan=1)
    moved = rigid((0.0, 2.0, 0.0), (2.0, 0.0, -1.0), np.zeros(3))
    other_contrast = picture(3, contrast=2, scan=2)
    stranger = picture(5, contrast=1, scan=3)
    return {
        "same": same_head(*today, *other_contrast, moved),
        "other": same_head(*today, *stranger, np.eye(4)),
    }


def test_one_phantom_is_itself_in_another_contrast(told: dict[str, SamePerson]):
    assert told["same"].verdict is Likely.SAME
    assert told["same"].apart_mm < 1.0


def test_two_phantoms_are_two(told: dict[str, SamePerson]):
    """Phantoms are painted over one template and differ less than people: a caution is enough."""
    assert told["other"].verdict in (Likely.MAYBE_OTHER, Likely.OTHER)
    assert told["other"].apart_mm > 2.0 > 2.0 * told["same"].apart_mm


@pytest.mark.parametrize(
    ("weighting", "region", "word"),
    [
        (Weighting.BOLD, Region.BRAIN, "bent"),
        (Weighting.T1, Region.KNEE, "knee"),
        (Weighting.T1, Region.UNKNOWN, "brain"),
    ],
)
def test_what_shows_no_undistorted_head_cannot_tell(weighting: Weighting, region: Region, word: str):
    data = np.zeros((8, 8, 8), np.float32)
    one = Loaded(
        kind=SeriesKind(weighting=weighting, region=region, plane=Plane.AXIAL),
        volume=Volume(data=data, affine=np.eye(4), series_instance_uid="1"),
    )
    matrix = tuple(tuple(float(x) for x in row) for row in np.eye(4))
    said = one_person(one, one, Alignment(method="m", matrix=matrix, uncertainty_mm=0.1, accepted=True))
    assert said.verdict is Likely.CANNOT_TELL
    assert word in said.evidence
