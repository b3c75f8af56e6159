from pathlib import Path

import pytest

from catenary.datasets import cvat
from catenary.datasets.labels import Keypoint
from catenary.datasets.reading import Reading
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box

BOX = '<box label="吊弦" xtl="10" ytl="20" xbr="30" ybr="60" {}>{}</box>\n'


def read(folder: Path, inner: str) -> Reading:
    image = f'<image id="0" name="甲/1.jpg" width="200" height="160">\n{inner}</image>'
    path = folder / "annotations.xml"
    path.write_text(f"<annotations><version>1.1</version>\n{image}</annotations>")
    return cvat.read(folder)


def test_attributes_named_as_ours_are_read_and_others_counted(tmp_path):
    rows = '<attribute name="condition">broken</attribute><attribute name="rust">yes</attribute>'
    reading = read(tmp_path, BOX.format('occluded="1"', rows) + '<mask label="x" rle="1"/>')
    (label,) = reading.labelled.images[0].labels
    assert (label.component, label.condition) == ("吊弦", "broken")
    assert reading.left_out == {"attribute rust": 1, "occluded": 1, "<mask>": 1}


def test_a_box_turned_about_its_centre_gets_the_box_around_it(tmp_path):
    (label,) = read(tmp_path, BOX.format('rotation="90"', "")).labelled.images[0].labels
    box = label.box
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((0, 30, 40, 50))
    # Clockwise; the long side that was on the right is now at the foot.
    assert label.corners[0] == pytest.approx((40, 50))
    assert label.corners[1] == pytest.approx((0, 50))


def test_an_occluded_point_is_hidden_and_several_in_one_have_no_names(tmp_path):
    point = '<points label="clamp" points="{}" occluded="1" group_id="7"/>'
    rows = point.format("12,30") + point.format("12,30;14,50") + BOX.format('group_id="7"', "")
    reading = read(tmp_path, rows)
    (label,) = reading.labelled.images[0].labels
    assert label.keypoints == (Keypoint("clamp", 12, 30, is_visible=False),)
    assert reading.left_out == {"several points in one shape": 1}


def test_a_polygon_gets_the_box_around_it(tmp_path):
    row = '<polygon label="绝缘子" points="1.5,2;9,2;5,30"/>'
    (label,) = read(tmp_path, row).labelled.images[0].labels
    assert label.box == Box(1.5, 2, 9, 30)


def test_every_mistake_is_told_with_its_line(tmp_path):
    rows = [
        BOX.format("", '<attribute name="severity">2</attribute>'),
        BOX.format("", "").replace('xtl="10"', 'xtl="nan"'),
        BOX.format("", "").replace('xtl="10"', 'xtl="30"'),
        '<polygon label="x" points="1,2;3"/>\n',
        '<box xtl="1"/>\n',
    ]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "".join(rows))
    message = str(caught.value)
    for part in (
        "line 3: severity must be in [0, 1], got 2.0",
        "line 4: xtl must be a number, got 'nan'",
        "line 5: box needs xtl < xbr",
        "line 6: not enough values",
        "line 7: 'ytl' is missing",
    ):
        assert part in message


def test_a_bomb_and_another_file_are_refused(tmp_path):
    path = tmp_path / "annotations.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hosts">]><annotations/>')
    with pytest.raises(ConfigError, match="a DTD is not read"):
        cvat.read(path)
    path.write_text("<annotation/>")
    with pytest.raises(ConfigError, match="is no CVAT file"):
        cvat.read(path)
