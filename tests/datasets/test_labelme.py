import json
from pathlib import Path

import pytest

from catenary.datasets import labelme
from catenary.datasets.labels import Keypoint, Label
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box, Polyline


def shape(kind: str, points: object, label: str = "吊弦", **more: object) -> dict[str, object]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None} | more


def read(folder: Path, *shapes: object):
    content = {"imagePath": "..\\图\\1.jpg", "imageWidth": 200, "imageHeight": 160}
    path = folder / "1.json"
    path.write_text(json.dumps(content | {"shapes": shapes}), encoding="utf-8")
    return labelme.read(path)


def test_a_rectangle_drawn_from_any_corner_is_a_box(tmp_path):
    (image,) = read(tmp_path, shape("rectangle", [[30, 40], [10, 20]])).labelled.images
    assert image.labels == (Label("吊弦", Box(10, 20, 30, 40)),)
    assert image.ref.file_name == "../图/1.jpg"


def test_points_and_lines_belong_to_the_part_of_their_group(tmp_path):
    reading = read(
        tmp_path,
        shape("point", [[12, 22]], "clamp", group_id=4, flags={"hidden": True}),
        shape("rectangle", [[10, 20], [30, 40]], group_id=4),
        shape("linestrip", [[12, 22], [13, 38]], "wire", group_id=4),
    )
    (label,) = reading.labelled.images[0].labels
    assert label.box == Box(10, 20, 30, 40)
    assert label.keypoints == (Keypoint("clamp", 12, 22, is_visible=False),)
    assert label.lines == (Polyline("wire", ((12, 22), (13, 38))),)


def test_a_second_point_of_one_name_is_left_out_and_counted(tmp_path):
    reading = read(
        tmp_path,
        shape("rectangle", [[10, 20], [30, 40]], group_id=4),
        *(shape("point", [[12, y]], "clamp", group_id=4) for y in (22, 38)),
    )
    assert reading.labelled.images[0].labels[0].keypoints == (Keypoint("clamp", 12, 22),)
    assert reading.left_out == {"second point of one name in a part": 1}


def test_four_corners_are_an_oriented_box_however_they_were_drawn(tmp_path):
    backwards = [[10, 20], [10, 60], [20, 60], [20, 20]]
    (label,) = read(tmp_path, shape("polygon", backwards)).labelled.images[0].labels
    assert label.corners == ((20, 20), (20, 60), (10, 60), (10, 20))  # clockwise, a long side first
    assert label.mask is None


def test_a_polygon_of_more_corners_is_a_mask(tmp_path):
    points = [[10, 20], [14, 20], [14, 22], [12, 22], [12, 26], [10, 26]]
    (label,) = read(tmp_path, shape("polygon", points)).labelled.images[0].labels
    assert label.corners == ()
    assert label.mask.area == 4 * 2 + 2 * 4


def test_a_line_in_no_group_is_a_part_and_a_point_is_not(tmp_path):
    reading = read(
        tmp_path,
        shape("linestrip", [[0, 50], [200, 50]], "承力索"),
        shape("point", [[1, 1]], "clamp"),
    )
    (label,) = reading.labelled.images[0].labels
    assert (label.component, label.box) == ("承力索", Box(0, 49.5, 200, 50.5))
    assert reading.left_out == {"point of no part (give both one group)": 1}


def test_what_we_have_no_place_for_is_counted(tmp_path):
    reading = read(
        tmp_path,
        shape("circle", [[1, 1], [2, 2]]),
        shape("rectangle", [[1, 1], [5, 5]], flags={"rusty": True, "new": False}),
        shape("rectangle", [[1, 1], [5, 5]], description="seen from below"),
    )
    assert reading.left_out == {"shape circle": 1, "flag rusty": 1, "description": 1}


def test_every_mistake_is_told_with_its_shape(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(
            tmp_path,
            shape("rectangle", [[float("nan"), 1], [5, 5]]),
            shape("rectangle", [[5, 5], [5, 9]]),
            {"points": [], "shape_type": "polygon"},
            shape("polygon", [[500, 500], [600, 500], [600, 600]]),
            "rectangle",
        )
    message = str(caught.value)
    for part in (
        "1.json, shape 1: x must be a number",
        "1.json, shape 2: box needs finite",
        "1.json, shape 3: 'label' is missing",
        "1.json, shape 4: box",
        "1.json, shape 5: ",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"shapes": [', "1.json is not JSON"),
        ("[" * 100_000, "1.json is not JSON"),
        ("[]", "no LabelMe file"),
        ('{"shapes": []}', "1.json: 'imagePath' is missing"),
    ],
)
def test_what_is_no_labelme_file_is_refused(tmp_path, text, message):
    (tmp_path / "1.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        labelme.read(tmp_path)
