from pathlib import Path

import pytest
import yaml

from catenary.datasets import yolo
from catenary.datasets.labels import Label
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from tests.datasets import drawn


def made(folder: Path, rows: str | None, **changes: object) -> Path:
    """Return a set of one image 200 x 160 px with these lines of labels."""
    for name in ("images/val", "labels/val"):
        (folder / name).mkdir(parents=True)
    (folder / "images/val/1.png").write_bytes(drawn.picture())
    if rows is not None:
        (folder / "labels/val/1.txt").write_text(rows)
    content = {"path": "/elsewhere", "val": "images/val", "names": ["dropper", "绝缘子"]}
    text = yaml.safe_dump(content | changes, allow_unicode=True)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return folder


def test_shares_of_the_picture_become_pixels(tmp_path):
    (image,) = yolo.read(made(tmp_path, "1 0.5 0.25 0.125 0.5\n")).labelled.images
    assert image.ref.file_name == "images/val/1.png"
    assert image.labels == (Label("绝缘子", Box(87.5, 0, 112.5, 80)),)


def test_an_image_without_a_text_file_has_no_parts(tmp_path):
    (image,) = yolo.read(made(tmp_path, None)).labelled.images
    assert image.labels == ()


def test_a_list_of_images_is_read(tmp_path):
    folder = made(tmp_path, "0 0.5 0.5 0.1 0.1", val="val.txt")
    (folder / "val.txt").write_text("./images/val/1.png\n")
    (image,) = yolo.read(folder).labelled.images
    assert len(image.labels) == 1


def test_a_box_far_over_the_edge_is_cut_and_noted(tmp_path):
    reading = yolo.read(made(tmp_path, "0 1 0.5 0.1 0.1"))
    assert reading.labelled.images[0].labels[0].box == Box(190, 72, 200, 88)
    assert reading.left_out == {"box over the picture's edge, cut there": 1}


def test_the_numbers_of_classes_are_those_of_the_names_given(tmp_path):
    labelled = drawn.one_set([[Label("split_pin", Box(0, 0, 10, 10))]])
    yolo.write(labelled, tmp_path, ("dropper", "insulator", "split_pin"))
    assert (tmp_path / "labels/甲站/1.txt").read_text().startswith("2 ")


def test_eight_numbers_are_the_corners_of_an_oriented_box(tmp_path):
    row = "0 0.1 0.1 0.1 0.5 0.05 0.5 0.05 0.1\n"  # drawn against the clock
    (label,) = yolo.read(made(tmp_path, row)).labelled.images[0].labels
    flat = [value for corner in label.corners for value in corner]
    assert flat == pytest.approx([20, 16, 20, 80, 10, 80, 10, 16])
    assert label.box == Box(10, 16, 20, 80)


def test_no_corner_is_written_outside_the_picture(tmp_path):
    corners = ((-8.0, 10.0), (20.0, 10.0), (20.0, 30.0), (-8.0, 30.0))
    labelled = drawn.one_set([[Label("dropper", Box(0, 10, 20, 30), corners=corners)]])
    lost = yolo.write_obb(labelled, tmp_path, ("dropper",))
    assert lost == {"corners outside the picture": 1}
    row = (tmp_path / "labels/甲站/1.txt").read_text().split()
    assert min(map(float, row)) == 0


def test_every_mistake_is_told_with_its_line(tmp_path):
    rows = "0 0.5 0.5 nan 0.1\n7 0.5 0.5 0.1 0.1\n\n0 1 2\n0 0.5 0.5 0 0.1\n0 3 3 0.1 0.1\n"
    with pytest.raises(ConfigError) as caught:
        yolo.read(made(tmp_path, rows))
    message = str(caught.value)
    for part in (
        "labels/val/1.txt, line 1: a coordinate must be a number, got 'nan'",
        "labels/val/1.txt, line 2: names has no class 7",
        "labels/val/1.txt, line 4: needs a class and 4 or 8 numbers, got 3 words",
        "labels/val/1.txt, line 5: box needs finite x0 < x1",
        "labels/val/1.txt, line 6: box",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": None}, "names: must be a list"),
        ({"val": "images/gone"}, "val: images/gone does not exist"),
        ({"val": None}, "it lists no image"),
    ],
)
def test_a_data_file_that_cannot_be_used_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        yolo.read(made(tmp_path, "", **changes))
