from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.domain.errors import UnreadableImageError
from catenary.domain.finding import Evidence, Verdict, Versions
from catenary.domain.image import Frame, ImageRef, Outcome
from catenary.domain.refusal import Unjudged
from catenary.imaging.appearance import NAMES
from catenary.imaging.crops import Crop
from catenary.models.familiar import Familiar
from catenary.models.fusion import Fusion
from catenary.pipeline.judge import Judge
from catenary.pipeline.scan import one_by_one, scan
from catenary.pipeline.workers import Workers
from tests.pipeline.fakes import BlobDetector, BrightScorer, FixedClassifier

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


def encoded() -> bytes:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 12, (900, 1100), np.uint8)
    pixels[300:420, 300:420] = 220
    pixels[350:376, 460:480] = 220
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


PICTURES = {
    "good.jpg": encoded(),
    "empty.jpg": b"",
    "text.jpg": b"not a picture",
    "dark.jpg": cv2.imencode(".jpg", np.zeros((600, 800), np.uint8))[1].tobytes(),
}


def read(ref: ImageRef) -> bytes:
    if ref.file_name not in PICTURES:
        raise UnreadableImageError("missing", f"{ref.file_name} is not there")
    return PICTURES[ref.file_name]


def silent_rule(crop: Crop) -> Evidence:
    return Evidence("pin/1", "missing", Verdict.CANNOT_JUDGE, None, reason="too small")


def judge(missing: float, rules=()) -> Judge:
    return Judge(
        BlobDetector(),
        FixedClassifier(missing),
        {"split_pin": rules},
        {},
        {"split_pin": 0.5},
        TAXONOMY,
        Versions("fake@0", "1", "1"),
    )


def refs(*names: str) -> list[ImageRef]:
    return [ImageRef("run", name, name, name) for name in names]


def test_a_lost_pin_is_raised_with_its_grade_and_the_clevis_is_only_located():
    result = next(scan(refs("good.jpg"), read, judge(missing=0.9)))
    (finding,) = result.findings
    assert (finding.verdict, finding.condition, finding.grade) == (Verdict.DEFECT, "missing", 1)
    assert [one.kind for one in result.located] == ["clevis"]
    assert result.result.outcome is Outcome.DONE


def test_a_healthy_pin_is_normal_without_a_grade():
    (finding,) = next(scan(refs("good.jpg"), read, judge(missing=0.1))).findings
    assert (finding.verdict, finding.grade) == (Verdict.NORMAL, None)


def test_a_pin_its_rule_cannot_judge_is_not_normal():
    (finding,) = next(scan(refs("good.jpg"), read, judge(0.1, (silent_rule,)))).findings
    assert (finding.verdict, finding.reason) == (Verdict.CANNOT_JUDGE, "too small")


def test_bad_pictures_are_results_and_the_scan_goes_on_in_order():
    names = ("empty.jpg", "good.jpg", "text.jpg", "gone.jpg", "dark.jpg", "good.jpg")
    results = list(scan(refs(*names), read, judge(0.1)))
    assert [one.ref.file_name for one in results] == list(names)
    outcomes = [(str(one.result.outcome), one.result.reason) for one in results]
    assert outcomes == [
        ("failed", "zero_bytes"),
        ("done", ""),
        ("failed", "not_an_image"),
        ("failed", "missing"),
        ("unusable", "too_dark"),
        ("done", ""),
    ]


def test_an_unusable_picture_is_never_judged():
    result = next(scan(refs("dark.jpg"), read, judge(0.9)))
    assert (result.findings, result.located) == ((), ())
    assert result.result.note


@pytest.mark.parametrize(
    "workers", [Workers(1, 1), Workers(4, 1), Workers(2, 3, 2), Workers(3, 2, together=4)]
)
def test_threads_give_what_one_after_another_gives(workers):
    names = ("good.jpg", "text.jpg", "dark.jpg", "good.jpg", "gone.jpg") * 3

    def rows(results):
        return [
            (one.ref, replace(one.result, seconds=0.0), one.findings, one.located)
            for one in results
        ]

    expected = rows(one_by_one(refs(*names), read, judge(0.9)))
    assert rows(scan(refs(*names), read, judge(0.9), workers)) == expected


def test_stopping_early_leaves_no_reader_behind(tmp_path: Path):
    results = scan(refs(*["good.jpg"] * 50), read, judge(0.1))
    next(results)
    results.close()


def test_a_pin_smaller_than_any_the_classifier_learnt_is_not_raised_by_it():
    pixels = np.random.default_rng(0).integers(0, 12, (900, 1100), np.uint8)
    pixels[300:420, 300:420] = 220
    pixels[350:361, 460:471] = 220
    picture = cv2.imencode(".png", pixels)[1].tobytes()
    (found,) = scan(refs("tiny.png"), lambda ref: picture, judge(0.99, (silent_rule,)))
    (pin,) = found.findings
    assert (pin.verdict, pin.reason) == (Verdict.CANNOT_JUDGE, "too small")


def measured_sound(crop: Crop) -> Evidence:
    return Evidence("pin/1", "loose", Verdict.NORMAL, 0.1)


@pytest.mark.parametrize(("limit", "verdict"), [(1.0, Verdict.NORMAL), (99.0, Verdict.DEFECT)])
def test_in_a_picture_unlike_those_calibrated_on_no_network_raises_what_no_rule_measured(
    limit, verdict
):
    usual = (0.0,) * len(NAMES)
    known = Familiar(usual, (100.0,) * len(NAMES), (usual,), limit)
    own = replace(judge(0.99, (measured_sound,)), fusion={"split_pin": Fusion(familiar=known)})
    (finding,) = next(scan(refs("good.jpg"), read, own)).findings
    assert finding.verdict is verdict
    assert (finding.evidence[-1].condition == "missing") is (verdict is Verdict.DEFECT)


def test_an_unusual_part_that_nobody_judges_is_told_but_not_raised():
    strange = replace(judge(missing=0.1), anomaly=BrightScorer())
    result = next(scan(refs("good.jpg"), read, strange))
    clevis, pin = sorted(result.findings, key=lambda one: one.component.kind)
    assert (clevis.component.kind, clevis.verdict) == ("clevis", Verdict.CANNOT_JUDGE)
    assert (clevis.condition, clevis.probability) == ("unusual", None)
    assert clevis.reason == Unjudged.UNKNOWN_KIND
    assert pin.verdict is Verdict.NORMAL  # the scorer's voice is not calibrated
    for finding in (clevis, pin):
        said = finding.evidence[-1]
        assert (said.source, said.condition, said.verdict) == (
            "anomaly/1",
            "unusual",
            Verdict.DEFECT,
        )
        assert said.measurements[0].limit == 200
    assert result.located == ()


def test_the_strangest_place_is_outlined_in_the_frame():
    strange = replace(judge(missing=0.1), anomaly=BrightScorer())
    (clevis,) = (
        one
        for one in next(scan(refs("good.jpg"), read, strange)).findings
        if one.component.kind == "clevis"
    )
    (trace,) = clevis.evidence[0].traces
    x, y = clevis.component.box.x0 - 12, clevis.component.box.y0 - 12  # a margin of 10 %
    assert trace.points[0] == trace.points[-1] == (int(x) + 1, int(y) + 2)
    assert trace.points[2] == (int(x) + 3, int(y) + 4)


def test_of_parts_that_nobody_judges_only_the_strangest_is_told():
    pixels = np.zeros((900, 1100), np.uint8)
    for x, level in ((100, 210), (400, 250), (700, 230), (850, 150)):
        pixels[300:400, x : x + 100] = level
    strange = replace(judge(missing=0.1), anomaly=BrightScorer())
    judged = strange(Frame(refs("good.jpg")[0], pixels))
    (finding,) = judged.findings
    assert finding.component.box.contains(450, 350)
    assert len(judged.located) == 3


def test_without_a_scorer_nothing_is_unusual():
    result = next(scan(refs("good.jpg"), read, judge(missing=0.1)))
    assert "anomaly" not in result.stage_seconds
    assert [one.kind for one in result.located] == ["clevis"]
