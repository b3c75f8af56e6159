import cv2
import numpy as np
import pytest

from catenary.training import overlays
from catenary.training.augment import NightAugmentation

NIGHT = np.full((96, 128), 20, np.uint8)


def edges(picture: np.ndarray) -> set[str]:
    """Return the edges of a picture at which anything was changed."""
    changed = picture != NIGHT
    sides = {
        "left": changed[:, 0],
        "right": changed[:, -1],
        "top": changed[0],
        "foot": changed[-1],
    }
    return {name for name, one in sides.items() if one.any()}


def test_a_wire_goes_from_edge_to_edge_and_is_thin():
    for seed in range(40):
        drawn = overlays.wire(NIGHT, np.random.default_rng(seed))
        if (drawn == NIGHT).all():
            continue  # as dark as the night
        changed = (drawn != NIGHT).astype(np.uint8)
        assert cv2.connectedComponents(changed)[0] == 2  # the night and one wire
        assert len(edges(drawn)) >= 2
        assert changed.mean() < 0.15


def test_wires_are_as_bright_or_dark_as_it_gets_there():
    striped = np.tile(np.array([40, 200], np.uint8).repeat(16), (96, 4))
    tones = []
    for seed in range(30):
        drawn = overlays.wire(striped, np.random.default_rng(seed)).astype(int)
        change = drawn - striped
        tones.append((change.min() < -100, change.max() > 100))
    assert (True, False) in tones
    assert (False, True) in tones
    assert (True, True) not in tones


@pytest.mark.parametrize("blur", [1.0, 1.5, 2.0, 2.5])
def test_the_blur_of_edges_is_measured(blur):
    step = np.zeros((120, 120), np.float32)
    step[:, 60:] = 200
    noise = np.random.default_rng(0).normal(20, 2, step.shape)
    seen = (cv2.GaussianBlur(step, (0, 0), blur) + noise).astype(np.uint8)
    assert overlays.blur_px(seen) == pytest.approx(blur, rel=0.25)


def test_padding_is_no_edge_and_stays_bare():
    step = np.zeros((120, 60), np.float32)
    step[:, 30:] = 200
    padded = np.full((120, 120), 127, np.uint8)
    padded[:, 30:90] = cv2.GaussianBlur(step, (0, 0), 2.5)
    assert overlays.shown(padded) == (slice(0, 120), slice(30, 90))
    sharpest = []
    for picture in (padded, padded[:, 30:90]):
        change = overlays.wire(picture, np.random.default_rng(4)).astype(int) - picture
        sharpest.append(np.abs(np.diff(change, 2, axis=0)).max())
    assert sharpest[0] == sharpest[1]
    drawn = overlays.wire(padded, np.random.default_rng(4))
    assert (drawn[:, :30] == 127).all()
    assert (drawn[:, 90:] == 127).all()
    assert (drawn != padded).any()
    bare = np.full((8, 8), 127, np.uint8)
    assert (overlays.wire(bare, np.random.default_rng(4)) == bare).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (3, 3)])
def test_tiny_pictures_can_be_crossed_too(shape):
    picture = np.full(shape, 20, np.uint8)
    assert overlays.wire(picture, np.random.default_rng(4)).shape == shape


def test_a_picture_without_an_edge_has_a_blur_too():
    assert 0.5 <= overlays.blur_px(np.zeros((40, 40), np.uint8)) <= 3.0


def test_a_wire_is_no_sharper_than_its_picture():
    step = np.zeros((120, 120), np.float32)
    step[:, 60:] = 120
    steepest = []
    for blur in (0.5, 2.5):
        seen = cv2.GaussianBlur(step, (0, 0), blur).astype(np.uint8)
        change = overlays.wire(seen, np.random.default_rng(4)).astype(float) - seen
        steepest.append(np.abs(np.gradient(change, axis=0)).max())
    assert steepest[1] < 0.7 * steepest[0]


def test_lamps_only_add_light_and_vignettes_only_take_it():
    picture = np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8)
    for seed in range(10):
        lit = overlays.glare(picture, np.random.default_rng(seed))
        dim = overlays.vignette(picture, np.random.default_rng(seed))
        assert (lit >= picture).all()
        assert (dim <= picture).all()
        assert lit.sum() > picture.sum() > dim.sum()


@pytest.mark.parametrize(("wires", "lamps"), [(1.0, 0.0), (0.0, 1.0)])
def test_wires_and_lamps_come_as_often_as_they_are_set(wires, lamps):
    picture = np.random.default_rng(0).integers(0, 200, (64, 64), np.uint8)

    def changed(strength: float, **chances: float) -> np.ndarray:
        augment = NightAugmentation(strength, **chances)
        return augment(picture, np.random.default_rng(5))

    plain = NightAugmentation(0.0, wires=wires, lamps=lamps)
    assert (plain(picture, np.random.default_rng(5)) == picture).all()
    always = changed(1.0, wires=wires, lamps=lamps)
    assert always.shape == picture.shape
    assert (always == changed(1.0, wires=wires, lamps=lamps)).all()
    assert (always != changed(1.0)).any()
