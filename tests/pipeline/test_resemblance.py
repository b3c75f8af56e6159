import cv2
import numpy as np
import pytest

from catenary.domain.geometry import Box, Similarity
from catenary.pipeline.resemblance import laid_over, resemblance


def photograph(has_part: bool = True, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Draw a night scene with a bar and, on it, a part."""
    canvas = np.zeros((300, 400), np.uint8)
    x, y = shift
    cv2.line(canvas, (x, 220 + y), (399, 180 + y), 120, 6)
    if has_part:
        cv2.circle(canvas, (200 + x, 100 + y), 14, 200, 3)
        cv2.line(canvas, (186 + x, 100 + y), (214 + x, 90 + y), 160, 2)
    noise = np.random.default_rng(sum(shift) + has_part).normal(8, 2, canvas.shape)
    return np.clip(canvas + noise, 0, 255).astype(np.uint8)


BOX = Box(183, 83, 217, 117)
THERE = Similarity(1, complex(12, 7))


def test_a_part_that_is_still_there_is_seen_whatever_the_exposure():
    other = photograph(shift=(12, 7))
    for seen in (other, (other * 0.5).astype(np.uint8)):
        assert resemblance(photograph(), BOX, seen, THERE, 4) > 0.9


def test_a_part_that_is_gone_is_not():
    assert resemblance(photograph(), BOX, photograph(False, (12, 7)), THERE, 4) < 0.4


@pytest.mark.parametrize("place", [Similarity(1, 190), Similarity(1, -900j)])
def test_a_place_outside_is_not_compared(place):
    assert resemblance(photograph(), BOX, photograph(), place, 4) is None


def test_nothing_is_not_compared_with_nothing():
    flat = np.full((300, 400), 9, np.uint8)
    assert resemblance(flat, BOX, photograph(), THERE, 4) is None
    assert resemblance(photograph(), BOX, flat, THERE, 4) == 0


def test_a_photograph_is_laid_over_to_the_pixel():
    earlier = photograph()
    laid = laid_over(earlier, Similarity(1, complex(5, 3)), Box(0, 0, 400, 300))
    np.testing.assert_array_equal(laid[3:, 5:], earlier[:-3, :-5])
    part = laid_over(earlier, Similarity(2, 0), Box(366, 170, 436, 230))  # across the ring
    assert part.shape == (60, 70)
    middle = cv2.resize(earlier, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    assert np.abs(part.astype(int) - middle[170:230, 366:436]).max() <= 2
