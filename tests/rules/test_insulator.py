import cv2
import numpy as np
import pytest

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.rules.insulator import ShedLimits, shed_spacing

LIMITS = ShedLimits()
PERIOD, COUNT = 40, 14


def drawn(missing: int | None = None, period: int = PERIOD, turned: bool = False) -> Crop:
    """Return a level string of bright sheds on a rod; one may be missing."""
    length, thick = period * COUNT, 100
    picture = np.full((thick, length), 10, np.float32)
    picture[40:60] = 120
    for number in range(COUNT):
        if number != missing:
            middle = int((number + 0.5) * period)
            picture[4:96, middle - period // 5 : middle + period // 5] = 200
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    pixels = picture.clip(0, 255).astype(np.uint8)
    if turned:
        pixels = np.ascontiguousarray(pixels.T)
    height, width = pixels.shape
    return Crop(pixels, 0, 0, Box(0, 0, width, height))


def measured(evidence, name: str) -> float:
    return next(one.value for one in evidence.measurements if one.name == name)


@pytest.mark.parametrize("period", [24, 40, 55])
def test_the_shed_period_is_measured(period):
    evidence = shed_spacing(drawn(period=period), LIMITS)
    assert evidence.verdict is Verdict.NORMAL
    assert measured(evidence, "period") == pytest.approx(period, rel=0.05)


@pytest.mark.parametrize("missing", [4, 7, 9])
@pytest.mark.parametrize("turned", [False, True])
def test_a_missing_shed_is_found_where_it_is(missing, turned):
    evidence = shed_spacing(drawn(missing, turned=turned), LIMITS)
    assert evidence.verdict is Verdict.DEFECT
    (gap,) = [line for line in evidence.traces if line.role == "gap"]
    along = np.mean([point[1 if turned else 0] for point in gap.points])
    assert along == pytest.approx((missing + 0.5) * PERIOD, abs=PERIOD / 2)


def test_brightness_does_not_change_the_verdict():
    crop = drawn(7)
    dim = Crop((crop.pixels * 0.4).astype(np.uint8), 0, 0, crop.inner)
    assert shed_spacing(dim, LIMITS).verdict is Verdict.DEFECT


def test_a_smooth_tube_has_no_sheds_to_judge():
    picture = np.random.default_rng(0).normal(120, 3, (80, 500)).clip(0, 255).astype(np.uint8)
    evidence = shed_spacing(Crop(picture, 0, 0, Box(0, 0, 500, 80)), LIMITS)
    assert evidence.verdict is Verdict.CANNOT_JUDGE


def test_a_sliver_is_not_judged():
    evidence = shed_spacing(Crop(np.zeros((6, 200), np.uint8), 0, 0, Box(0, 0, 200, 6)), LIMITS)
    assert "6 px thick" in evidence.reason
