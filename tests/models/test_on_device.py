"""What is cut and made smaller on a device against the same on the processor by OpenCV."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catenary.domain.geometry import Box
from catenary.imaging import resize
from catenary.imaging.crops import cut
from catenary.models import on_device
from catenary.models.inputs import letterboxed
from catenary.models.refiner import squared, widened

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
        ],
    ),
]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)


def furthest(one: torch.Tensor, other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.cpu().numpy().astype(int) - other).max())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(512, 640), (501, 640), (1024, 1280), (90, 70), (1, 900)])
def test_a_reduced_picture_is_that_of_the_processor(device: str, shape: tuple[int, int]):
    pixels = noise(*shape)
    expected = resize.reduced(pixels, 200)
    found, factor = on_device.reduced(on_device.sent(pixels, torch.device(device)), 200)
    assert factor == expected.factor
    assert found.shape == expected.pixels.shape
    assert furthest(found.pixels, expected.pixels) <= 1


@pytest.mark.parametrize("device", DEVICES)
def test_surroundings_are_those_of_the_processor(device: str):
    pixels = noise(1033, 1402)
    outer = widened(
        np.array(
            [
                [100, 200, 140, 230],  # enlarged
                [100, 200, 164, 264],  # as it is
                [-30, -20, 90, 200],  # over the edge
                [300, 10, 340, 900],  # enlarged in one direction
                [0, 0, 1402, 1033],
                [-900, 300, 1100, 1700],  # halved before
                [1300, 900, 2900, 2500],
            ]
        ),
        64,
    )
    picture = on_device.sent(pixels, torch.device(device))
    found = on_device.squares(picture, outer, 64)
    assert found.shape == (7, 1, 64, 64)
    for square, one in zip(found[:, 0], outer, strict=True):
        assert furthest(square, squared(pixels, one, 64)) <= 1, one


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(-150, 180), st.integers(-150, 180)),
    st.tuples(st.integers(2, 400), st.integers(2, 400)),
)
def test_any_rectangle_is_squared_as_on_the_processor(
    corner: tuple[int, int], size: tuple[int, int]
):
    pixels = noise(190, 200)
    x1, y1 = corner[0] + size[0], corner[1] + size[1]
    outer = widened(np.array([[*corner, max(x1, 1), max(y1, 1)]]), 32)
    picture = on_device.sent(pixels, torch.device("cpu"))
    (square,) = on_device.squares(picture, outer, 32)[:, 0]
    assert furthest(square, squared(pixels, outer[0], 32)) <= 1


@pytest.mark.parametrize("device", DEVICES)
def test_crops_are_fitted_into_squares_as_on_the_processor(device: str):
    pixels = noise(700, 900)
    picture = on_device.sent(pixels, torch.device(device))
    boxes = [(5, 5, 20, 60), (100, 100, 196, 196), (0, 0, 900, 700), (400, 10, 440, 690)]
    crops = [cut(pixels, Box(*map(float, box)), 0.1) for box in boxes]
    found = on_device.letterboxes([picture.cutout(crop) for crop in crops], 96)
    for square, crop in zip(found[:, 0], crops, strict=True):
        assert furthest(square, letterboxed(crop.pixels, 96)) <= 1


def test_many_crops_are_gathered_in_parts(monkeypatch: pytest.MonkeyPatch):
    pixels = noise(300, 400)
    picture = on_device.sent(pixels, torch.device("cpu"))
    outer = np.array([[10 * one, 5, 10 * one + 90, 200] for one in range(5)])
    whole = on_device.squares(picture, outer, 32)
    monkeypatch.setattr(on_device, "_MOST_READS", 1)
    assert torch.equal(on_device.squares(picture, outer, 32), whole)


def test_a_device_that_is_no_gpu_needs_no_stream():
    with on_device.own_stream(torch.device("cpu")), on_device.own_stream(None):
        pass
