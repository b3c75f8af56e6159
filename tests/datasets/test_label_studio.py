import json
from pathlib import Path

import pytest

from catenary.datasets import label_studio
from catenary.datasets.labels import Keypoint
from catenary.datasets.reading import Reading
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from tests.datasets import drawn


def region(own: str = "a", **changes: object) -> dict[str, object]:
    value = {"x": 10, "y": 25, "width": 20, "height": 50, "rotation": 0}
    return {
        "id": own,
        "type": "rectanglelabels",
        "original_width": 200,
        "original_height": 160,
        "value": value | {"rectanglelabels": ["吊弦"]} | changes,
    }


def read(folder: Path, *results: object, image: str = "图/1.png") -> Reading:
    task = {"data": {"image": image}, "annotations": [{"result": list(results)}]}
    path = folder / "tasks.json"
    path.write_text(json.dumps([task]), encoding="utf-8")
    return label_studio.read(path)


def test_percent_become_pixels_and_more_is_told_by_the_same_id(tmp_path):
    choice = {"id": "a", "type": "choices", "from_name": "condition"}
    other = {"id": "a", "type": "choices", "from_name": "weather", "value": {"choices": ["fog"]}}
    point = {"id": "p", "type": "keypointlabels", "parentID": "a"}
    reading = read(
        tmp_path,
        region(),
        choice | {"value": {"choices": ["broken"]}},
        other,
        point | {"value": {"x": 50, "y": 50, "keypointlabels": ["clamp"]}},
    )
    (label,) = reading.labelled.images[0].labels
    assert (label.box, label.condition) == (Box(20, 40, 60, 120), "broken")
    assert label.keypoints == (Keypoint("clamp", 100, 80),)
    assert reading.left_out == {"choices weather": 1}


def test_a_turned_box_turns_clockwise_about_its_corner(tmp_path):
    (label,) = read(tmp_path, region(x=50, rotation=90)).labelled.images[0].labels
    box = label.box
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((20, 40, 100, 80))
    # The corner it turns about is now at the top right; a long side comes first.
    assert [value for corner in label.corners for value in corner] == pytest.approx(
        [100, 80, 20, 80, 20, 40, 100, 40]
    )


@pytest.mark.parametrize(
    "served",
    ["/data/local-files/?d=%E5%9B%BE/1.png", "/data/upload/7/0a1b2c3d-1.png", "images/1.png"],
)
def test_the_image_is_found_whatever_the_server_called_it(tmp_path, served):
    for name in ("图/1.png", "images/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(drawn.picture())
    (image,) = read(tmp_path, image=served).labelled.images
    assert (tmp_path / image.ref.file_name).is_file()
    assert (image.width, image.height) == (drawn.WIDTH, drawn.HEIGHT)


def test_a_task_that_nobody_annotated_is_no_image_without_parts(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {"image": "1.png"}, "annotations": []}]))
    reading = label_studio.read(path)
    assert reading.labelled.images == ()
    assert reading.left_out == {"task without an annotation": 1}


def test_every_mistake_is_told_with_its_task_and_result(tmp_path):
    wrong = {"id": "a", "type": "number", "from_name": "severity", "value": {"number": 3}}
    with pytest.raises(ConfigError) as caught:
        read(
            tmp_path, region(), wrong, region(x=float("nan")), region(width=0), {"type": "choices"}
        )
    message = str(caught.value)
    for part in (
        "task 1, result 2: severity must be in [0, 1], got 3.0",
        "task 1, result 3: x must be a number, got nan",
        "task 1, result 4: box needs a width and a height above 0",
        "task 1, result 5: 'id' is missing",
    ):
        assert part in message


@pytest.mark.parametrize(("text", "message"), [("[{", "is not JSON"), ("{}", "no list of tasks")])
def test_what_is_no_export_is_refused(tmp_path, text, message):
    (tmp_path / "tasks.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        label_studio.read(tmp_path)
