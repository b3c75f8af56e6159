"""Foreign objects that no detector finds are raised with their evidence, if asked for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catenary import config
from catenary.domain.finding import Verdict, Versions
from catenary.domain.image import Frame, ImageRef
from catenary.jobs.scanning.assemble import _frame_rules
from catenary.models.detections import Detections
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from catenary.rules import catalogue
from tests.rules.test_foreign_object import PARTS, frame

RULES = catalogue.frame_rules(catalogue.RuleLimits("1"))


class ClevisDetector:
    """Finds the clevises of the drawn mast, at the places where they are drawn."""

    classes = ("clevis",)

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        boxes = np.array(
            [(one.box.x0, one.box.y0, one.box.x1, one.box.y1) for one in PARTS], np.float32
        )
        one = Detections(boxes, np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int64))
        return [one for _ in images]


def judge(foreign: bool) -> Judge:
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    settings = CascadeSettings(foreign=foreign, coarse_side_px=1280, overview_side_px=1280)
    rules = _frame_rules(RULES, settings)
    versions = Versions("fake@0", "1", "1")
    return Judge(
        ClevisDetector(), None, {}, {}, {}, taxonomy, versions, settings, frame_rules=rules
    )


def photograph(pixels: NDArray[np.uint8]) -> Frame:
    return Frame(ImageRef("run", "1", "1.jpg", "1.jpg"), pixels)


def test_nothing_foreign_is_raised_unless_asked_for():
    assert not judge(foreign=False)(photograph(frame(nest=(560, 450, 100)))).findings
    assert not judge(foreign=False).can_judge("foreign_object")
    assert judge(foreign=True).can_judge("foreign_object")


@pytest.mark.parametrize("together", [1, 2])
def test_a_nest_is_raised_with_its_grade_and_what_was_seen(together: int):
    frames = [photograph(frame(nest=(560, 450, 100))), photograph(frame())][:together]
    first, *rest = judge(foreign=True).together(frames)
    (finding,) = first.findings
    assert (finding.component.kind, finding.condition) == ("foreign_object", "nest")
    assert (finding.verdict, finding.grade) == (Verdict.DEFECT, 1)
    (said,) = finding.evidence
    assert said.source.startswith("foreign_object_bulk/")
    assert {one.role for one in said.traces} == {"outline"}
    assert {one.kind for one in first.located} == {"clevis"}
    assert not any(one.findings for one in rest)
