import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

share = st.floats(0, 1, allow_nan=False)
side = st.integers(0, 90)
boxes = st.tuples(side, side, st.integers(1, 10), st.integers(1, 10)).map(
    lambda r: Box(r[0], r[1], r[0] + r[2], r[1] + r[3])
)
labels = st.builds(
    Label,
    st.sampled_from(["dropper", "insulator"]),
    boxes,
    st.sampled_from(["normal", "broken"]),
    share,
    share,
    st.text(max_size=8),
    st.booleans(),
    st.booleans(),
    st.just((Polyline("wire", ((1.0, 2.0), (3.5, -4.0))),)),
)
MAST = Mast("京广线", Direction.DOWN, "甲站", "Y035 _1")


@given(rows=st.lists(labels, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("set")
    ref = ImageRef("run", "7", "图/1.jpg", "图/1.jpg", "03", "dropper", MAST, 1347953.0)
    written = LabelledSet(folder, (LabelledImage(ref, 100, 100, tuple(rows)),))
    coco.write(written, folder / "labels.json")
    assert coco.read(folder / "labels.json") == written


def plain(folder: Path, **changes: object) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
        "categories": [{"id": 3, "name": "dropper"}],
        "annotations": [{"id": 9, "image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    }
    path = folder / "plain.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_plain_coco_of_others_is_read(tmp_path):
    (image,) = coco.read(plain(tmp_path)).images
    assert image.labels == (Label("dropper", Box(10, 20, 40, 60)),)


def test_a_box_over_the_edge_is_clipped(tmp_path):
    rows = [{"id": 9, "image_id": 1, "category_id": 3, "bbox": [90, 70, 30, 40]}]
    (image,) = coco.read(plain(tmp_path, annotations=rows)).images
    assert image.labels[0].box == Box(90, 70, 100, 80)


def test_every_mistake_is_told_at_once(tmp_path):
    rows = [
        {"id": 1, "image_id": 5, "category_id": 3, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": 1, "category_id": 4, "bbox": [0, 0, 1, 1]},
        {"id": 3, "image_id": 1, "category_id": 3, "bbox": [0, 0, 0, 1]},
        {"id": 4, "image_id": 1, "category_id": 3},
        {"id": 5, "image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1], "severity": 2},
    ]
    with pytest.raises(ConfigError) as caught:
        coco.read(plain(tmp_path, annotations=rows))
    message = str(caught.value)
    for part in (
        "annotation 1: no image has id 5",
        "annotation 2: no category has id 4",
        "annotation 3: box needs",
        "annotation 4: 'bbox' is missing",
        "annotation 5: severity must be in [0, 1]",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "it has no list of images")]
)
def test_what_is_not_a_label_file_is_refused(tmp_path, text, message):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        coco.read(path)
