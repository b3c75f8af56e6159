"""What each format can hold comes back; what it cannot is counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.datasets import formats
from catenary.datasets.labels import Label
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
drawn_lines = st.lists(st.one_of(drawn.keypoints, drawn.wires), max_size=3).map(tuple)
points_only = st.lists(drawn.keypoints, max_size=3).map(tuple)
angles = st.sampled_from([0.0, 10.0, 45.0, 170.0])
HOLDS = {
    # form: labels it can hold, pixels it is exact to
    "coco": (st.builds(Label, names, drawn.boxes, **told, **more, lines=drawn_lines), 1e-9),
    "voc": (whole, 0.0),
    "yolo": (plain, 1e-5),
    "yolo-obb": (st.builds(drawn.with_outline, plain, angles.filter(bool)), 1e-5),
    "labelme": (st.builds(Label, names, drawn.boxes, **told, lines=drawn_lines), 1e-9),
    "cvat": (st.builds(Label, names, drawn.boxes, **told, **more, lines=drawn_lines), 1e-9),
    "label-studio": (
        st.builds(
            drawn.with_outline,
            st.builds(Label, names, drawn.boxes, **told, **more, lines=points_only),
            angles,
        ),
        1e-6,
    ),
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
            label = without_plain_outline(label)
            assert drawn.near(without_plain_outline(again), label, pixels), (label, again)


def without_plain_outline(label: Label) -> Label:
    """An outline along the box tells no more than the box."""
    box = label.box
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
    kept = tuple(line for line in label.lines if [*line.points] != corners)
    return Label(
        label.component,
        box,
        label.condition,
        label.severity,
        label.visibility,
        label.part_id,
        label.is_ignored,
        label.is_evident,
        kept,
    )


@pytest.mark.parametrize("form", ["labelme", "cvat"])
@settings(max_examples=20, deadline=None)
@given(label=st.builds(drawn.with_outline, plain, angles))
def test_a_polygon_comes_back(form, label, tmp_path_factory):
    ((found,),) = drawn.there_and_back(form, [[label]], tmp_path_factory.mktemp("set"))
    assert drawn.near(found, label, 1e-9)


@settings(max_examples=30, deadline=None)
@given(box=drawn.boxes)
def test_voc_is_exact_to_a_pixel(box, tmp_path_factory):
    ((found,),) = drawn.there_and_back(
        "voc", [[Label("dropper", box)]], tmp_path_factory.mktemp("set")
    )
    pairs = ((found.box.x0, box.x0), (found.box.y0, box.y0), (found.box.x1, box.x1))
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
    lines=(Polyline("wire", ((1, 2), (3, 4))), Polyline("clamp", ((5, 6),))),
)
EVERYTHING = {"condition", "severity", "visibility", "part_id", "is_ignored", "is_evident", "lines"}
LOSES = {
    "coco": set(),
    "voc": EVERYTHING - {"is_ignored"} | {"fraction of a pixel"},
    "yolo": EVERYTHING,
    "yolo-obb": EVERYTHING,
    "labelme": {"severity", "visibility", "part_id"},
    "cvat": set(),
    "label-studio": {"lines"},
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
