"""`catenary data audit` and `split`, from label files and pictures to answer and page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from catenary import cli
from catenary.datasets import coco
from catenary.datasets import split as splits
from catenary.datasets.labels import Label, LabelledSet
from catenary.datasets.reading import new_ref
from catenary.domain.geometry import Box
from catenary.domain.place import Direction, Mast
from catenary.reports import audit_page
from tests.datasets import drawn
from tests.datasets.test_near_duplicates import scene

WIDTH, HEIGHT = 320, 256
NASTY = '<script>alert("1")</script>'


def railway(folder: Path, seeds: range, section: str = "甲站", masts: int = 99) -> Path:
    """Write a set of drawn pictures, each of a mast of its own; return its label file."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for seed in seeds:
        name = f"{seed}.png"
        picture = cv2.cvtColor(scene(seed, WIDTH, HEIGHT), cv2.COLOR_BGR2GRAY)
        (folder / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        one = drawn.one_set([[Label("dropper", Box(10, 20, 60, 200), "broken")]]).images[0]
        mast = Mast("京广线", Direction.UP, section, f"{seed % masts:03}")
        ref = replace(new_ref(folder, name), mast=mast)
        images.append(replace(one, ref=ref, width=WIDTH, height=HEIGHT))
    coco.write(LabelledSet(folder, tuple(images)), folder / "labels.json")
    return folder / "labels.json"


def run(*words: object):
    return CliRunner().invoke(cli.app, ["data", *map(str, words)])


def test_a_good_set_is_fit_and_its_page_needs_nothing_beside(tmp_path):
    page = tmp_path / "审查.html"
    result = run("audit", railway(tmp_path / "set", range(3)), "--html", page)
    assert result.exit_code == 0, result.output
    assert "fit to train on" in result.output
    text = page.read_text(encoding="utf-8")
    assert text.count('<img src="data:image/jpeg;base64,') == 3
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_one_mast_in_train_and_test_is_not_fit(tmp_path):
    train = railway(tmp_path / "train", range(3))
    test = railway(tmp_path / "test", range(2, 5))
    result = run("audit", train, test, "--json")
    assert result.exit_code == cli.FAILED
    found = json.loads(result.output)
    codes = {problem["code"] for problem in found["problems"] if problem["level"] == "error"}
    assert codes == {"mast_leak", "copies_across"}  # picture 2 is drawn twice
    assert found["copies"] == [["train/2.png", "test/2.png"]]


def test_damaged_and_missing_images_and_unknown_names_are_told_together(tmp_path):
    labels = railway(tmp_path, range(3))
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "1.png").unlink()
    text = labels.read_text(encoding="utf-8").replace('"dropper"', f'"{"鸟"}"')
    labels.write_text(text, encoding="utf-8")
    page = tmp_path / "page.html"
    result = run("audit", labels, "--html", page)
    assert result.exit_code == cli.FAILED
    assert "error: 2 images cannot be read" in result.output
    assert "鸟: not in the class map and no component (3 labels)" in result.output
    assert page.read_text(encoding="utf-8").count("no picture") >= 2


def test_boxes_cut_at_the_edge_and_labels_that_cannot_be_read_are_told(tmp_path):
    labels = railway(tmp_path, range(2))
    content = json.loads(labels.read_text(encoding="utf-8"))
    content["annotations"][0]["bbox"] = [-5, 20, 60, 200]
    labels.write_text(json.dumps(content), encoding="utf-8")
    result = run("audit", labels)
    assert "box over the picture's edge, cut there (1)" in result.output
    content["annotations"][0]["bbox"] = [5, 20, -60, 200]
    labels.write_text(json.dumps(content), encoding="utf-8")
    result = run("audit", labels)
    assert result.exit_code == cli.FAILED
    assert "annotation 1: box needs finite x0 < x1" in result.output


def test_texts_of_the_page_are_escaped(tmp_path):
    labels = railway(tmp_path, range(1), section=NASTY)
    page = tmp_path / "page.html"
    run("audit", labels, railway(tmp_path / NASTY.replace("/", "|"), range(1)), "--html", page)
    assert "<script" not in page.read_text(encoding="utf-8")


def test_an_empty_audit_has_a_page(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text("{")
    page = tmp_path / "page.html"
    assert run("audit", path, "--html", page).exit_code == cli.FAILED
    assert "is not JSON" in page.read_text(encoding="utf-8")


def test_evenly_chosen_examples_are_all_different():
    assert audit_page._evenly(3) == [0, 1, 2]
    assert len(audit_page._evenly(1000)) == audit_page._EXAMPLES


def test_a_split_is_fit_and_grows_with_new_masts(tmp_path):
    first = railway(tmp_path / "first", range(12))
    split = tmp_path / "split.json"
    result = run("split", first, "-o", split)
    assert result.exit_code == 0, result.output
    assert "1 sections are too few for 3 parts" in result.output
    audited = run("audit", first, "--split", split)
    assert audited.exit_code == 0, audited.output
    before = splits.read(split)
    assert run("split", first, "-o", split).exit_code != 0  # it is not written over
    second = railway(tmp_path / "second", range(20, 26))
    assert run("audit", first, second, "--split", split).exit_code == cli.FAILED
    assert run("split", first, second, "-o", split, "--from", split).exit_code == 0
    after = splits.read(split)
    assert before.parts.items() <= after.parts.items()
    assert len(after.parts) == 18
    assert before.fingerprint != after.fingerprint


def test_a_class_map_does_not_make_a_split_stale(tmp_path):
    labels, split = railway(tmp_path / "set", range(12)), tmp_path / "split.json"
    labels.write_text(labels.read_text(encoding="utf-8").replace('"dropper"', '"吊弦"'))
    (tmp_path / "map.yaml").write_text("classes: {吊弦: dropper}", encoding="utf-8")
    assert run("split", labels, "-o", split, "--no-copies").exit_code == 0
    audited = run("audit", labels, "--split", split, "--classes", tmp_path / "map.yaml")
    assert audited.exit_code == 0, audited.output


def test_copies_are_kept_on_one_side_though_their_masts_differ(tmp_path):
    labels = railway(tmp_path, range(12))
    (tmp_path / "5.png").write_bytes((tmp_path / "3.png").read_bytes())
    mirrored = cv2.imread(str(tmp_path / "3.png"), cv2.IMREAD_GRAYSCALE)[:, ::-1]
    data = cv2.imencode(".png", np.ascontiguousarray(mirrored))[1].tobytes()
    (tmp_path / "7.png").write_bytes(data)
    assert run("split", labels, "-o", tmp_path / "split.json").exit_code == 0
    split = splits.read(tmp_path / "split.json")
    names = {image.ref.file_name: splits.key(image) for image in coco.read(labels).images}
    assert len({split.parts[names[f"{seed}.png"]] for seed in (3, 5, 7)}) == 1


@pytest.mark.parametrize("shares", ["train", "train=0.5,test=0.4", "a=0.5,a=0.5", "a=1.5,b=-0.5"])
def test_shares_that_make_no_whole_are_refused(tmp_path, shares):
    result = run("split", tmp_path, "-o", tmp_path / "s.json", "--shares", shares)
    assert result.exit_code != 0
    assert "share" in str(result.exception)
