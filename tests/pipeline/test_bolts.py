"""Bolts that are located are judged, if asked for, and raised where their hole is empty."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catenary import config
from catenary.domain.finding import Verdict, Versions
from catenary.domain.image import Frame, ImageRef
from catenary.jobs.scanning.assemble import Recipe
from catenary.jobs.scanning.assemble import judge as assembled
from catenary.models.detections import Detections
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.rules import catalogue
from tests.rules.marked_bolts import Marked

PLATES = ((200, 200), (600, 400))  # corners of two plates of 60 px, the second with a hole


class PlateDetector:
    """Finds a bolt at both plates."""

    classes = ("bolt",)

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        boxes = np.array([[x, y, x + 60, y + 60] for x, y in PLATES], np.float32)
        one = Detections(boxes, np.full(2, 0.9, np.float32), np.zeros(2, np.int64))
        return [one for _ in images]


def frame() -> Frame:
    picture = np.full((700, 900), 8, np.uint8)
    for x, y in PLATES:
        picture[y - 10 : y + 70, x - 10 : x + 70] = 130
    x, y = PLATES[1]
    cv2.ellipse(picture, (x + 32, y + 28), (11, 8), 20, 0, 360, 9, -1, cv2.LINE_AA)
    cv2.rectangle(picture, (PLATES[0][0] + 20, PLATES[0][1] + 5), (220 + 20, 250), 200, -1)
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    return Frame(
        ImageRef("run", "1", "1.jpg", "1.jpg"), (picture + noise).clip(0, 255).astype(np.uint8)
    )


def test_the_empty_hole_is_raised_in_its_place_and_the_bolt_not_cleared():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    rules = catalogue.rules(catalogue.RuleLimits("1"))
    settings = CascadeSettings(coarse_side_px=900, overview_side_px=900)
    versions = Versions("fake@0", "1", "1")
    judge = Judge(PlateDetector(), None, rules, {}, {}, taxonomy, versions, settings)
    findings = sorted(judge(frame()).findings, key=lambda one: one.component.box.x0)
    assert [one.verdict for one in findings] == [Verdict.CANNOT_JUDGE, Verdict.DEFECT]
    gone = findings[1]
    assert (gone.condition, gone.grade) == ("bolt_missing", 1)
    middle = np.mean(gone.evidence[0].traces[0].points, axis=0)
    assert middle == pytest.approx((632, 428), abs=2.0)


class BoxDetector:
    """Finds a bolt in one box (x0, y0, x1, y1)."""

    classes = ("bolt",)

    def __init__(self, box: tuple[float, ...]) -> None:
        self.box = box

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        boxes = np.array([self.box], np.float32)
        one = Detections(boxes, np.full(1, 0.9, np.float32), np.zeros(1, np.int64))
        return [one for _ in images]


@pytest.mark.parametrize(("turned", "verdict"), [(0.0, Verdict.NORMAL), (60.0, Verdict.DEFECT)])
def test_a_nut_that_has_turned_against_its_line_is_raised(turned, verdict):
    crop = Marked(turned=turned).picture()
    picture = np.full((700, 900), 8, np.uint8)
    height, width = crop.pixels.shape
    picture[100 : 100 + height, 200 : 200 + width] = crop.pixels
    box = crop.inner.shifted(200, 100)
    detector = BoxDetector((box.x0, box.y0, box.x1, box.y1))
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    rules = catalogue.rules(catalogue.RuleLimits("1"))
    settings = CascadeSettings(coarse_side_px=900, overview_side_px=900)
    judge = Judge(detector, None, rules, {}, {}, taxonomy, Versions("f@0", "1", "1"), settings)
    (finding,) = judge(Frame(ImageRef("run", "1", "1.jpg", "1.jpg"), picture)).findings
    assert finding.verdict is verdict
    if verdict is Verdict.DEFECT:
        assert finding.condition == "loose"
        assert "turn" in {one.role for one in finding.evidence[-1].traces}


@pytest.mark.parametrize("asked", [False, True])
def test_the_setting_decides_whether_bolts_are_judged(asked):
    recipe = Recipe(overrides=(f"cascade.bolts={str(asked).lower()}",))
    assert assembled(recipe).can_judge("bolt") is asked
