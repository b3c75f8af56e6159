"""Wires that no detector finds are located beside droppers and judged, if asked for."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catenary import config
from catenary.domain.finding import Verdict, Versions
from catenary.domain.image import Frame, ImageRef
from catenary.models.detections import Detections
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.rules import catalogue


class DropperDetector:
    """Finds the dropper of `frame`, at the place where it is drawn."""

    classes = ("dropper",)

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        box = np.array([[590, 238, 610, 703]], np.float32)
        one = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))
        return [one for _ in images]


def frame(strand: bool) -> Frame:
    picture = np.full((1000, 1200), 8, np.uint8)
    for first, last in (((0, 330), (1199, 150)), ((0, 780), (1199, 620))):
        cv2.line(picture, first, last, 150, 9, cv2.LINE_AA)
    cv2.line(picture, (600, 240), (600, 700), 150, 3)
    if strand:
        cv2.line(picture, (250, 288), (290, 262), 150, 2, cv2.LINE_AA)
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    pixels = cv2.GaussianBlur((picture + noise).clip(0, 255).astype(np.uint8), (0, 0), 0.6)
    return Frame(ImageRef("run", "1", "1.jpg", "1.jpg"), pixels)


def judge(wires: bool) -> Judge:
    rules = catalogue.rules(catalogue.RuleLimits("1"))
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    settings = CascadeSettings(wires=wires, coarse_side_px=1280, overview_side_px=1280)
    versions = Versions("fake@0", "1", "1")
    return Judge(DropperDetector(), None, rules, {}, {}, taxonomy, versions, settings)


def test_wires_are_left_alone_unless_asked_for():
    kinds = {one.component.kind for one in judge(wires=False)(frame(strand=True)).findings}
    assert kinds == {"dropper"}


def test_sound_wires_are_judged_normal_in_stretches():
    findings = judge(wires=True)(frame(strand=False)).findings
    wires = [one for one in findings if one.component.kind != "dropper"]
    assert {one.component.kind for one in wires} == {"messenger_wire", "contact_wire"}
    assert len(wires) >= 8
    assert not [one for one in wires if one.verdict is Verdict.DEFECT]


def test_a_cut_strand_is_raised_in_its_place_and_nowhere_else():
    findings = judge(wires=True)(frame(strand=True)).findings
    raised = [one for one in findings if one.verdict is Verdict.DEFECT]
    assert raised
    for one in raised:
        assert (one.component.kind, one.condition) == ("messenger_wire", "strand_broken")
        box = one.component.box
        assert box.x0 - box.width <= 270 <= box.x1 + box.width


def test_stretches_too_short_to_measure_are_refused():
    with pytest.raises(ValueError, match="stretch_px must be at least 32"):
        replace(CascadeSettings(), stretch_px=8)
