import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejected, Rejection
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef
from catenary.jobs.data.inject import inject_set

SETTINGS = config.bundled("configs/injection.yaml")


def normal_droppers(folder: Path, count: int = 2) -> Path:
    """Write photographs of one whole dropper each, and one that is too short to serve."""
    folder.mkdir()
    images = []
    for number in range(count):
        picture = np.full((500, 400), 12, np.float32)
        cv2.line(picture, (200, 50), (200, 450), 160, 4)
        cv2.line(picture, (60, 50), (60, 80), 160, 4)
        picture += np.random.default_rng(number).normal(0, 2, picture.shape)
        name = f"{number}.jpg"
        cv2.imwrite(
            str(folder / name),
            picture.clip(0, 255).astype(np.uint8),
            [cv2.IMWRITE_JPEG_QUALITY, 80],
        )
        labels = (
            Label("dropper", Box(190, 50, 210, 450), part_id=f"dropper-{number}"),
            Label("dropper", Box(50, 50, 70, 80)),
            Label("steady_arm", Box(300, 50, 380, 80)),
        )
        images.append(LabelledImage(ImageRef("run", str(number), name, name), 400, 500, labels))
    coco.write(LabelledSet(folder, tuple(images)), folder / "labels.json")
    return folder / "labels.json"


def read_set(folder: Path) -> LabelledSet:
    return coco.read(folder / "labels.json")


def pairs(folder: Path):
    """Return the lines of the table, a defect and its control in turn."""
    with (folder / "edits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return zip(rows[::2], rows[1::2], strict=True)


def made(labels: Path, folder: Path, *overrides: str):
    return inject_set(SETTINGS, labels, folder, overrides, lambda done, total: None)


def test_each_serving_part_gives_a_defect_and_a_control(tmp_path):
    done = made(normal_droppers(tmp_path / "own"), tmp_path / "new")
    assert done.made.total() == 4
    assert done.made["dropper", "control"] == 2
    assert done.left_out == {"dropper: dropper is 30 px long, need 60 px": 2}
    for image in coco.read(tmp_path / "new" / "labels.json").images:
        assert image.source in ("0", "1")  # copies can be kept on one side of a split
        assert len(image.labels) == 3
        assert image.labels[0].part_id.startswith("dropper-")
        assert (tmp_path / "new" / image.ref.file_name).is_file()


def test_the_table_says_how_each_copy_was_made(tmp_path):
    made(normal_droppers(tmp_path / "own"), tmp_path / "new")
    with (tmp_path / "new" / "edits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["is_control"] for row in rows] == ["0", "1", "0", "1"]
    for row in rows:
        copy = cv2.imread(str(tmp_path / "new" / row["file_name"]), cv2.IMREAD_GRAYSCALE)
        original = cv2.imread(
            str(tmp_path / "own" / f"{row['source_image']}.jpg"), cv2.IMREAD_GRAYSCALE
        )
        mask = cv2.imread(str(tmp_path / "new" / row["mask"]), cv2.IMREAD_GRAYSCALE)
        far = cv2.dilate(mask, np.ones((17, 17), np.uint8)) == 0  # JPEG blocks reach 8 px
        difference = np.abs(copy.astype(int) - original)[far]  # compressed a second time alike
        assert difference.mean() < 0.5
        assert difference.max() <= 4
        assert row["seed"].startswith("1-")
        assert row["part_id"] == f"dropper-{row['source_image']}"
        assert [row[side] for side in ("x0", "y0", "x1", "y1")] == [
            "190.0",
            "50.0",
            "210.0",
            "450.0",
        ]


def test_a_control_is_labelled_normal_and_says_how_strong_an_edit_it_answers(tmp_path):
    made(normal_droppers(tmp_path / "own"), tmp_path / "new")
    labels = {image.ref.file_name: image.labels[0] for image in read_set(tmp_path / "new").images}
    for defect, control in pairs(tmp_path / "new"):
        assert labels[control["file_name"]].condition == "normal"
        assert labels[control["file_name"]].severity == 0
        assert control["severity"] == "0.000"
        assert control["strength"] == defect["strength"]
        own = labels[defect["file_name"]]
        assert own.condition == defect["condition"]
        assert defect["severity"] == f"{own.severity:.3f}"


def test_what_outlined_the_part_before_does_not_outline_its_copy(tmp_path):
    labels = normal_droppers(tmp_path / "own", count=1)
    own = coco.read(labels)
    (image,) = own.images
    course = Polyline("dropper", ((200.0, 60.0), (200.0, 440.0)))
    dropper = replace(image.labels[0], lines=(course,))
    coco.write(
        LabelledSet(own.root, (replace(image, labels=(dropper, *image.labels[1:])),)), labels
    )
    made(labels, tmp_path / "new")
    for copy in read_set(tmp_path / "new").images:
        assert copy.labels[0].lines == ()


def test_what_was_rejected_of_a_photograph_is_not_rejected_of_its_changed_copies(tmp_path):
    labels = normal_droppers(tmp_path / "own", count=1)
    (image,) = read_set(tmp_path / "own").images
    refused = (Rejection("dropper", image.labels[0].box, Rejected.NORMAL),)
    coco.write(LabelledSet(tmp_path, (replace(image, rejections=refused),)), labels)
    made(labels, tmp_path / "new")
    copies = read_set(tmp_path / "new").images
    assert [one.rejections for one in copies] == [(), ()]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    labels = normal_droppers(tmp_path / "own")
    made(labels, tmp_path / "one")
    made(labels, tmp_path / "two")
    written = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(written) > 8
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_stopped_injection_goes_on_to_the_same_result(tmp_path):
    labels = normal_droppers(tmp_path / "own")
    made(labels, tmp_path / "whole")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inject_set(SETTINGS, labels, tmp_path / "stopped", (), stop)
    assert not (tmp_path / "stopped" / "labels.json").exists()
    made(labels, tmp_path / "stopped")
    for name in ("labels.json", "edits.csv"):
        whole, resumed = (tmp_path / one / name for one in ("whole", "stopped"))
        assert whole.read_bytes() == resumed.read_bytes()


def test_another_set_in_the_folder_is_not_mixed_in(tmp_path):
    labels = normal_droppers(tmp_path / "own")
    made(labels, tmp_path / "new")
    with pytest.raises(ConfigError, match="made with other settings"):
        made(labels, tmp_path / "new", "seed=2")


def test_every_wrong_setting_is_named(tmp_path):
    labels = normal_droppers(tmp_path / "own")
    with pytest.raises(ConfigError, match=r"per_part.*margin"):
        made(labels, tmp_path / "new", "per_part=0", "margin=-1")
    assert not (tmp_path / "new").exists()
