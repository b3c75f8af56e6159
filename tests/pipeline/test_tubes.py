"""Cantilever tubes that no detector finds are located at fittings and judged, if asked for."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catenary import config
from catenary.domain.finding import Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import Frame, ImageRef
from catenary.models.detections import Detections
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.rules import catalogue, long_tubes

CLEVIS = Box(560, 395, 640, 475)
RULES = catalogue.rules(catalogue.RuleLimits("1"))


class ClevisDetector:
    """Finds the clevis of `frame`, at the place where it is drawn."""

    classes = ("clevis",)

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        box = np.array([[CLEVIS.x0, CLEVIS.y0, CLEVIS.x1, CLEVIS.y1]], np.float32)
        one = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))
        return [one for _ in images]


def frame(bow: float) -> Frame:
    """Draw a tube with a clevis on it, 800 px long, and a wire that runs through."""
    picture = np.full((800, 1200), 8, np.uint8)
    x = np.linspace(200, 1000, 81)
    y = 400 + 800 * bow * 4 * (x - 200) * (1000 - x) / 800**2
    course = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
    cv2.polylines(picture, [course], False, 160, 26, cv2.LINE_AA, 4)
    cv2.line(picture, (0, 700), (1199, 560), 120, 7, cv2.LINE_AA)
    cv2.rectangle(picture, (585, 395), (615, 475), 90, -1)
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    pixels = cv2.GaussianBlur((picture + noise).clip(0, 255).astype(np.uint8), (0, 0), 0.6)
    return Frame(ImageRef("run", "1", "1.jpg", "1.jpg"), pixels)


def judge(tubes: bool) -> Judge:
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    settings = CascadeSettings(tubes=tubes, coarse_side_px=1280, overview_side_px=1280)
    versions = Versions("fake@0", "1", "1")
    return Judge(ClevisDetector(), None, RULES, {}, {}, taxonomy, versions, settings)


def test_tubes_are_left_alone_unless_asked_for():
    assert not judge(tubes=False)(frame(bow=0.05)).findings


@pytest.mark.parametrize(("bow", "verdict"), [(0.0, Verdict.NORMAL), (0.05, Verdict.DEFECT)])
def test_the_tube_at_a_fitting_is_judged_and_the_wire_is_not(bow: float, verdict: Verdict):
    (finding,) = judge(tubes=True)(frame(bow)).findings
    assert (finding.component.kind, finding.verdict) == ("cantilever", verdict)
    assert finding.component.box.iou(Box(190, 380, 1010, 420 + 800 * bow)) > 0.4


def test_without_a_fitting_no_tube_is_told():
    assert not long_tubes.located(frame(0.0).pixels, [], [])
    far = Box(20, 20, 60, 60)
    assert not long_tubes.located(frame(0.0).pixels, [far], [])


def test_a_steady_arm_is_no_cantilever():
    arm = Box(180, 360, 1020, 500)
    assert not long_tubes.located(frame(0.0).pixels, [CLEVIS], [arm])
