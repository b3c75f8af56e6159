"""What each format can hold comes back; what it cannot is counted."""

from dataclasses import astuple, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catenary.datasets import formats, masks
from catenary.datasets.corners import in_order, upright
from catenary.datasets.labels import Keypoint, Label
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box, Polyline
from tests.datasets import drawn

names = st.sampled_from(drawn.NAMES)
plain = st.builds(Label, names, drawn.boxes)
whole = st.builds(Label, names, drawn.whole_boxes, is_ignored=st.booleans())
told = {
    "condition": st.sampled_from(["normal", "broken"]),
    "is_ignored": st.booleans(),
    "is_evident": st.booleans(),
}
more = {"severity": drawn.shares, "visibility": drawn.shares, "part_id": drawn.part_ids}
more["occlusion"] = drawn.shares
some_lines = st.lists(drawn.wires, max_size=2).map(tuple)
angles = st.sampled_from([0.0, 10.0, 45.0, 170.0])


def full(**kinds: object) -> st.SearchStrategy[Label]:
    """Labels with these fields, most of them with an oriented box, tight or not."""
    own = st.builds(Label, names, drawn.boxes, keypoints=drawn.keypoints, **told, **kinds)
    return st.one_of(own, st.builds(drawn.with_corners, own, angles, st.booleans()))


HOLDS = {
    # form: labels it can hold, pixels it is exact to
    "coco": (full(**more, lines=some_lines), 1e-9),
    "voc": (whole, 0.0),
    "yolo": (plain, 1e-5),
    "yolo-obb": (st.builds(drawn.with_corners, plain, angles), 1e-5),
    "labelme": (full(lines=some_lines), 1e-9),
    "cvat": (full(**more, lines=some_lines), 1e-9),
    "label-studio": (full(**more), 1e-6),
}


def test_every_format_has_its_round_trip():
    assert set(HOLDS) == set(formats.FORMATS)


@pytest.mark.parametrize("form", HOLDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_a_format_can_hold_comes_back(form, data, tmp_path_factory):
    kind, pixels = HOLDS[form]
    rows = data.draw(st.lists(st.lists(kind, max_size=3), min_size=1, max_size=3))
    found = drawn.there_and_back(form, rows, tmp_path_factory.mktemp("set"))
    assert [len(labels) for labels in found] == [len(labels) for labels in rows]
    for labels, back in zip(rows, found, strict=True):
        for label, again in zip(labels, back, strict=True):
            expected = moved_inside(label) if form == "yolo-obb" else label
            assert drawn.near(again, expected, pixels), (label, again)


def moved_inside(label: Label) -> Label:
    """YOLO has no corners outside of the picture, and no box without corners."""
    corners = label.corners or upright(label.box)
    moved = [(min(max(x, 0), drawn.WIDTH), min(max(y, 0), drawn.HEIGHT)) for x, y in corners]
    return replace(label, corners=in_order(moved))


@settings(max_examples=30, deadline=None)
@example(box=Box(1.5, 0, 1.75, 0.25))  # would vanish when rounded
@given(box=drawn.boxes)
def test_voc_is_exact_to_a_pixel(box, tmp_path_factory):
    ((found,),) = drawn.there_and_back(
        "voc", [[Label("dropper", box)]], tmp_path_factory.mktemp("set")
    )
    pairs = zip(astuple(found.box), astuple(box), strict=True)
    assert all(abs(one - other) <= 1 for one, other in pairs)


RICH = Label(
    "dropper",
    Box(1.5, 2, 30, 40),
    "broken",
    0.4,
    0.9,
    "京广线/up/甲站/D046#dropper-2",
    is_ignored=True,
    is_evident=False,
    lines=(Polyline("wire", ((1, 2), (3, 4))),),
    keypoints=(Keypoint("clamp", 5, 6, is_visible=False),),
    corners=((1, -2), (30, 2), (30, 40), (1, 36)),
    occlusion=0.25,
    mask=masks.of_runs([5, 3, drawn.WIDTH * drawn.HEIGHT - 8], (drawn.HEIGHT, drawn.WIDTH)),
)
EVERYTHING = {"condition", "severity", "visibility", "part_id", "is_ignored", "is_evident"}
EVERYTHING |= {"lines", "keypoints", "corners", "occlusion", "mask"}
OTHER_BOX = {"box, the corners tell another", "corners outside the picture"}
LOSES = {
    "coco": set(),
    "voc": EVERYTHING - {"is_ignored"} | {"fraction of a pixel"},
    "yolo": EVERYTHING,
    "yolo-obb": EVERYTHING - {"corners"} | OTHER_BOX,
    "labelme": {"severity", "visibility", "part_id", "occlusion", "mask"},
    "cvat": {"mask"},
    "label-studio": {"lines", "mask", "corners"},
}


@pytest.mark.parametrize("form", LOSES)
def test_what_a_format_cannot_hold_is_counted(form, tmp_path):
    lost = formats.FORMATS[form].write(drawn.one_set([[RICH, RICH], []]), tmp_path, drawn.NAMES)
    assert lost == dict.fromkeys(LOSES[form], 2)


@pytest.mark.parametrize("form", formats.FORMATS)
def test_a_format_is_recognised_by_its_files(form, tmp_path):
    drawn.there_and_back(form, [[Label("dropper", Box(1, 2, 30, 40))]], tmp_path)
    assert formats.recognised(tmp_path) == form.removesuffix("-obb")


def test_what_is_no_label_file_is_said_to_be_none(tmp_path):
    with pytest.raises(ConfigError, match="is of no known label format; say which with --from"):
        formats.recognised(tmp_path)
    with pytest.raises(ConfigError, match="no labels at"):
        formats.read(tmp_path / "none")
