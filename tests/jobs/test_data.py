"""Labelled sets as a user handles them: convert, audit, split."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catenary import cli
from catenary.datasets import coco, formats
from catenary.datasets.labels import Label, LabelledSet, Rejected, Rejection
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.domain.place import Direction, Mast
from catenary.jobs.data import convert
from tests.datasets import drawn

BROKEN = Label("dropper", Box(10, 20, 30, 40), "broken", 0.5)
NORMAL = Label("insulator", Box(50, 20, 90, 40))
MAP = "classes: {吊弦: dropper, 吊弦断裂: dropper.broken, 绝缘子: insulator}"


def quiet(_done: int, _total: int) -> None: ...


def our_set(folder: Path) -> Path:
    """Write a set of two images, one without parts; return its label file."""
    images = []
    for image in drawn.one_set([[BROKEN, NORMAL], []]).images:
        file = folder / "images" / image.ref.file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(drawn.picture())
        name = f"images/{image.ref.file_name}"
        mast = Mast("京广线", Direction.UP, "甲站", "D046")
        images.append(replace(image, ref=replace(image.ref, file_name=name, mast=mast)))
    coco.write(LabelledSet(folder, tuple(images)), folder / "labels.json")
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    return folder / "labels.json"


def conversion(folder: Path, to: str, **changes: object) -> convert.Conversion:
    return replace(convert.Conversion("auto", to, folder / "map.yaml"), **changes)


@pytest.mark.parametrize("form", formats.FORMATS)
@pytest.mark.parametrize("images", [convert.Placement.COPY, convert.Placement.LINK])
def test_a_set_goes_through_every_format_and_comes_back(tmp_path, form, images):
    labels = our_set(tmp_path)
    there, back = tmp_path / "there", tmp_path / "back"
    convert.convert(labels, there, conversion(tmp_path, form, images=images), quiet)
    convert.convert(there, back, conversion(tmp_path, "coco"), quiet)
    found = coco.read(back / "labels.json").images
    assert [len(image.labels) for image in found] in ([2, 0], [0, 2])
    assert all((back / image.ref.file_name).read_bytes() == drawn.picture() for image in found)
    kinds = {(one.component, one.condition) for image in found for one in image.labels}
    assert kinds == {("dropper", "broken"), ("insulator", "normal")}


@pytest.mark.parametrize("form", [name for name, one in formats.FORMATS.items() if one.can_refer])
def test_images_can_stay_where_they_are(tmp_path, form):
    labels = our_set(tmp_path)
    there = tmp_path / "there"
    refer = conversion(tmp_path, form, images=convert.Placement.REFERENCE)
    convert.convert(labels, there, refer, quiet)
    found = formats.read(there).labelled
    assert all((found.root / image.ref.file_name).is_file() for image in found.images)
    assert not list(there.rglob("*.png"))


def test_yolo_needs_its_images_beside(tmp_path):
    refer = conversion(tmp_path, "yolo", images=convert.Placement.REFERENCE)
    with pytest.raises(ConfigError, match="yolo needs the images beside its labels"):
        convert.convert(our_set(tmp_path), tmp_path / "there", refer, quiet)


def test_rejections_are_kept_by_coco_and_told_as_lost_by_the_others(tmp_path):
    labels = our_set(tmp_path)
    first, second = coco.read(labels).images
    refused = tuple(Rejection("dropper", Box(n, 60, n + 9, 90), Rejected.NORMAL) for n in (1, 50))
    partly = replace(second, is_complete=False)
    coco.write(LabelledSet(tmp_path, (replace(first, rejections=refused), partly)), labels)
    convert.convert(labels, tmp_path / "coco", conversion(tmp_path, "coco"), quiet)
    kept = coco.read(tmp_path / "coco" / "labels.json").images
    assert [one.rejections for one in kept] == [refused, ()]
    assert [one.is_complete for one in kept] == [True, False]
    for form in (name for name in formats.FORMATS if name != formats.COCO):
        done = convert.convert(labels, tmp_path / form, conversion(tmp_path, form), quiet)
        assert (done.lost["rejected finding"], done.lost["is_complete"]) == (2, 1)


def test_what_is_lost_is_counted_and_strict_refuses_it(tmp_path):
    labels = our_set(tmp_path)
    converted = convert.convert(labels, tmp_path / "there", conversion(tmp_path, "voc"), quiet)
    assert converted.lost == {"severity": 1, "mast": 2}
    strict = conversion(tmp_path, "voc", is_strict=True)
    with pytest.raises(ConfigError, match=r"the format cannot hold it: severity \(1\)"):
        convert.convert(labels, tmp_path / "strict", strict, quiet)
    assert not (tmp_path / "strict").exists()
    assert not list(tmp_path.glob(".*"))


def test_missing_images_are_told_at_once_and_nothing_is_left(tmp_path):
    labels = our_set(tmp_path)
    for file in tmp_path.rglob("*.png"):
        file.unlink()
    with pytest.raises(ConfigError, match=r"(?s)1\.png is missing.*2\.png is missing"):
        convert.convert(labels, tmp_path / "there", conversion(tmp_path, "coco"), quiet)
    assert {path.name for path in tmp_path.iterdir()} == {"images", "labels.json", "map.yaml"}


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    labels = our_set(tmp_path)
    with pytest.raises(ConfigError, match="is there already"):
        convert.convert(labels, tmp_path / "images", conversion(tmp_path, "coco"), quiet)


def test_images_of_one_name_do_not_share_a_label_file(tmp_path):
    labels = our_set(tmp_path)
    content = json.loads(labels.read_text(encoding="utf-8"))
    (tmp_path / "images/2.jpg").write_bytes(drawn.picture())
    content["images"].append({**content["images"][1], "id": 3, "file_name": "images/2.jpg"})
    labels.write_text(json.dumps(content), encoding="utf-8")
    convert.convert(labels, tmp_path / "there", conversion(tmp_path, "voc"), quiet)
    assert len(formats.read(tmp_path / "there").labelled.images) == 3


def test_the_command_converts_and_says_what_is_lost(tmp_path):
    labels = our_set(tmp_path)
    command = ["data", "convert", str(labels), "-o", str(tmp_path / "out"), "--to", "yolo"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.output
    assert "2 images, 2 labels" in result.output
    assert "lost, the format cannot hold it: condition (1)" in result.output


def test_an_unknown_format_is_wrong_use(tmp_path):
    command = ["data", "convert", str(tmp_path), "-o", str(tmp_path / "out"), "--to", "voc2"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == cli.WRONG_USE
    assert "voc2" in result.output
