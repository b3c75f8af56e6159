"""Examples for reviewers: the surest right, false and missed cases are picked and drawn."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catenary import config
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Component, Evidence, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef
from catenary.imaging.crops import Crop
from catenary.jobs.data import examples
from catenary.pipeline.judge import Judge
from catenary.rules.supposed import Supposed
from tests.pipeline.fakes import BlobDetector

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
PIN = Box(60, 60, 80, 80)


def by_brightness(crop: Crop) -> Evidence:
    """Call a pin missing the surer the darker its middle is; from grey level 100 it is there."""
    x, y = crop.inner.centre
    level = float(crop.pixels[int(y), int(x)])
    score = 1 - level / 200
    return Evidence(
        "split_pin_presence/1",
        "missing",
        Verdict.DEFECT if level < 100 else Verdict.NORMAL,
        score,
        (Measurement("bar_contrast", level / 255, "1", 100 / 255),),
        (Polyline("leg", ((x - 4, y), (x + 4, y))),),
    )


JUDGE = Judge(
    BlobDetector(), None, {"split_pin": [by_brightness]}, {}, {"split_pin": 0.55}, TAXONOMY,
    Versions("m", "1", "1"),
)  # fmt: skip


def pins(folder: Path, told: Sequence[tuple[int, str]]) -> Path:
    """Write one photograph for each (level, condition) with a pin of that level."""
    images = []
    for number, (level, condition) in enumerate(told):
        grey = np.full((200, 200), 5, np.uint8)
        grey[60:80, 60:80] = level
        name = f"{number}.png"
        cv2.imwrite(str(folder / name), grey)
        ref = ImageRef("run", name, name, name)
        images.append(LabelledImage(ref, 200, 200, (Label("split_pin", PIN, condition),)))
    path = folder / "labels.json"
    coco.write(LabelledSet(folder, tuple(images)), path)
    return path


def quietly(done: int, total: int) -> None:
    assert done <= total


def test_the_surest_case_of_each_kind_is_shown(tmp_path: Path):
    told = [(60, "missing"), (50, "missing"), (90, "normal"), (70, "normal"), (180, "missing")]
    found = examples.of_rules([pins(tmp_path, told)], JUDGE, quietly)
    assert [(one.name, one.image.ref.file_name) for one in found] == [
        ("split_pin_presence-false", "3.png"),  # a false alarm is there, so no miss is shown
        ("split_pin_presence-right", "1.png"),
    ]
    assert [one.truth for one in found] == ["normal", "missing"]


def test_a_rule_without_false_alarm_shows_its_worst_miss(tmp_path: Path):
    told = [(60, "missing"), (120, "missing"), (190, "missing"), (150, "normal")]
    found = examples.of_rules([pins(tmp_path, told)], JUDGE, quietly)
    assert [(one.outcome, one.image.ref.file_name) for one in found] == [
        (examples.MISSED, "2.png"),
        (examples.RIGHT, "0.png"),
    ]


def test_the_product_shows_at_most_two_of_a_condition_and_says_of_how_many(tmp_path: Path):
    told = [(60, "missing"), (50, "missing"), (55, "missing"), (70, "normal"), (80, "normal")]
    told += [(75, "normal")]
    found = examples.of_product([pins(tmp_path, told)], JUDGE, 5, quietly)
    assert list(examples.told_counts(found.counts, TAXONOMY)) == [
        "right: 3 (split pin missing 3)",
        "false alarm: 3 (split pin missing 3)",
    ]
    assert list(examples.told_counts({}, TAXONOMY)) == ["right: 0 (none)", "false alarm: 0 (none)"]
    assert [(one.name, one.image.ref.file_name, one.truth) for one in found.examples] == [
        ("right-1", "1.png", "missing"),
        ("right-2", "2.png", "missing"),
        ("false-1", "3.png", "normal"),
        ("false-2", "5.png", "normal"),
    ]


def test_pictures_and_sentences_are_written_together(tmp_path: Path):
    labels = pins(tmp_path, [(50, "missing"), (70, "normal")])
    rule = examples.of_rules([labels], JUDGE, quietly)
    table = list(examples.write(rule, tmp_path / "shown", TAXONOMY))
    assert len(table) == 2 + len(rule)
    assert "split_pin_presence-right: right, true: missing" in table[3]
    assert "score 0.75" in table[3]
    assert "Probability" not in table[3]  # a rule's score is none
    picture = cv2.imread(str(tmp_path / "shown" / "split_pin_presence-right.jpg"))
    assert picture is not None
    half = picture.shape[1] // 2 - 1
    colour = np.ptp(picture.astype(int), axis=2)
    assert colour[:, :half].max() < 40 < colour[:, half:].max()  # evidence on one half alone
    product = examples.of_product([labels], JUDGE, 5, quietly)
    (_, _, first, *_) = examples.write(product.examples, tmp_path, TAXONOMY)
    assert "Probability of a defect" in first
    assert "Drawn in blue: leg." in first


def test_a_table_takes_its_place_in_a_page_and_nothing_else(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# 图\n<!-- product -->\nold\n<!-- /product -->\nrest\n", encoding="utf-8")
    examples.put(["- one", "| two |"], page, "product")
    assert page.read_text(encoding="utf-8") == (
        "# 图\n<!-- product -->\n- one\n| two |\n<!-- /product -->\nrest\n"
    )
    for wrong in ("<!-- product -->\n", "<!-- /product -->\n<!-- product -->\n"):
        page.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"page\.md needs one line <!-- product -->"):
            examples.put(["x"], page, "product")
        assert page.read_text(encoding="utf-8") == wrong
    with pytest.raises(ConfigError, match="cannot read the page"):
        examples.put([], tmp_path / "none.md", "product")


def test_an_image_that_is_not_there_is_named(tmp_path: Path):
    labels = pins(tmp_path, [(50, "missing")])
    (tmp_path / "0.png").unlink()
    with pytest.raises(ConfigError, match=r"0\.png"):
        examples.of_rules([labels], JUDGE, quietly)


def test_what_a_rule_of_whole_photographs_supposes_is_an_example_too(tmp_path: Path):
    def supposed(pixels: NDArray[np.uint8], parts: Sequence[Component]) -> tuple[Supposed, ...]:
        assert [one.kind for one in parts] == ["split_pin"]
        score = float(pixels[70, 70]) / 255
        said = Evidence("foreign_object_bulk/1", "nest", Verdict.DEFECT, score)
        return (Supposed(Component("foreign_object", PIN, 1.0), said),)

    path = pins(tmp_path, [(150, "normal"), (200, "normal"), (240, "normal")])
    labelled = coco.read(path)
    nest = Label("foreign_object", PIN.shifted(3, 3), "nest")
    images = tuple(
        replace(one, labels=(*one.labels, nest)) if number == 0 else one
        for number, one in enumerate(labelled.images)
    )
    coco.write(LabelledSet(tmp_path, images), path)
    judge = replace(JUDGE, rules={}, frame_rules={"foreign_object": supposed})
    right, false = sorted(
        examples.of_rules([path], judge, lambda *_: None), key=lambda one: one.outcome, reverse=True
    )
    assert (right.name, right.truth) == ("foreign_object_bulk-right", "nest")
    assert (false.name, false.truth) == ("foreign_object_bulk-false", "normal")
    assert right.finding.probability == pytest.approx(150 / 255, abs=0.02)
    assert false.finding.probability == pytest.approx(240 / 255, abs=0.02)
