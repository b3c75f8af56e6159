import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.datasets import coco, masks
from catenary.datasets.labels import (
    Keypoint,
    Label,
    LabelledImage,
    LabelledSet,
    Rejected,
    Rejection,
)
from catenary.domain.errors import ConfigError, StoreError
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

share = st.floats(0, 1, allow_nan=False)
side = st.integers(0, 90)
boxes = st.tuples(side, side, st.integers(1, 10), st.integers(1, 10)).map(
    lambda r: Box(r[0], r[1], r[0] + r[2], r[1] + r[3])
)
places = st.floats(0, 100).map(lambda value: round(value, 2))
keypoints = st.dictionaries(
    st.sampled_from(["head", "leg_1", "leg_2"]), st.tuples(places, places, st.booleans())
).map(lambda found: tuple(Keypoint(name, *found[name]) for name in sorted(found)))
corners = st.one_of(
    st.just(()), st.lists(st.tuples(places, places), min_size=4, max_size=4).map(tuple)
)
seen = st.one_of(
    st.none(),
    st.builds(lambda rows: masks.of_runs([rows, 10000 - rows], (100, 100)), st.integers(0, 9999)),
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
    keypoints,
    corners,
    share,
    seen,
)
MAST = Mast("京广线", Direction.DOWN, "甲站", "Y035 _1")


refusals = st.builds(
    Rejection, st.sampled_from(["dropper", "bolt"]), boxes, st.sampled_from(list(Rejected))
)


@given(
    rows=st.lists(labels, max_size=5),
    refused=st.lists(refusals, max_size=3),
    is_complete=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory, rows, refused, is_complete):
    folder = tmp_path_factory.mktemp("set")
    ref = ImageRef("run", "7", "图/1.jpg", "图/1.jpg", "03", "dropper", MAST, 1347953.0)
    told = tuple(rows), "", tuple(refused), is_complete
    written = LabelledSet(folder, (LabelledImage(ref, 100, 100, *told),))
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
        {"id": 6, "image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1], "rejected": "no"},
        {"id": 7, "image_id": 1, "category_id": 3, "rejected": "normal"},
        {"id": 8, "image_id": 1, "category_id": 3, "bbox": [0, 0, "a", 1]},
        {"id": 9, "image_id": 1, "category_id": 3, "bbox": [0, 0, 1]},
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
        "annotation 6: rejected must be no_part or normal, got 'no'",
        "annotation 7: 'bbox' is missing",
        "annotation 8: bbox must be a number, got 'a'",
        "annotation 9: bbox must be [x, y, width, height] in pixels, got [0, 0, 1]",
    ):
        assert part in message


def test_a_folder_is_told_from_a_file_that_is_missing(tmp_path):
    with pytest.raises(ConfigError, match="is a folder; name the label file in it"):
        coco.read(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot read labels .*none\.json: No such file"):
        coco.read(tmp_path / "none.json")


def test_a_rejection_is_no_label_and_readers_of_plain_coco_ignore_it(tmp_path):
    rejection = Rejection("bolt", Box(1, 2, 4, 6), Rejected.NO_PART)
    ref = ImageRef("run", "1", "1.jpg", "1.jpg")
    image = LabelledImage(ref, 10, 10, (), rejections=(rejection,))
    assert coco.write_images([image], tmp_path / "l.json") == 1
    (row,) = json.loads((tmp_path / "l.json").read_text())["annotations"]
    assert (row["iscrowd"], row["rejected"], row["bbox"]) == (1, "no_part", [1, 2, 3, 4])
    (found,) = coco.read(tmp_path / "l.json").images
    assert (found.labels, found.rejections) == ((), (rejection,))


def test_keypoints_are_named_by_their_category_as_in_coco(tmp_path):
    head, leg = Keypoint("head", 3.5, 4.0), Keypoint("leg_1", 7.0, 8.0, is_visible=False)
    pins = (
        Label("split_pin", Box(0, 0, 9, 9), keypoints=(head, leg)),
        Label("split_pin", Box(0, 0, 9, 9), keypoints=(head,)),
        Label("insulator", Box(0, 0, 9, 9)),
    )
    ref = ImageRef("run", "1", "1.jpg", "1.jpg")
    coco.write(LabelledSet(tmp_path, (LabelledImage(ref, 10, 10, pins),)), tmp_path / "l.json")
    content = json.loads((tmp_path / "l.json").read_text())
    named = {row["name"]: row.get("keypoints") for row in content["categories"]}
    assert named == {"insulator": None, "split_pin": ["head", "leg_1"]}
    points = [row.get("keypoints") for row in content["annotations"]]
    assert points == [[3.5, 4.0, 2, 7.0, 8.0, 1], [3.5, 4.0, 2, 0, 0, 0], None]


def test_the_area_of_a_masked_part_is_that_of_its_mask(tmp_path):
    mask = masks.of_runs([5, 3, 92], (10, 10))
    ref = ImageRef("run", "1", "1.jpg", "1.jpg")
    label = Label("dropper", Box(0, 0, 9, 9), mask=mask)
    coco.write(LabelledSet(tmp_path, (LabelledImage(ref, 10, 10, (label,)),)), tmp_path / "l.json")
    (row,) = json.loads((tmp_path / "l.json").read_text())["annotations"]
    assert row["area"] == 3
    assert row["segmentation"] == {"size": [10, 10], "counts": mask.counts}


def test_run_lengths_in_plain_numbers_and_polygons_of_others_are_read(tmp_path):
    row = {"image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9]}
    runs = {"segmentation": {"size": [80, 100], "counts": [1000, 20, 6980]}, "iscrowd": 1}
    polygon = {"segmentation": [[0, 0, 9, 0, 9, 3, 0, 3], [4, 2, 5, 2, 5, 8, 4, 8], [1, 1, 2, 2]]}
    rows = [{"id": 1} | row | runs, {"id": 2} | row | polygon]
    (image,) = coco.read(plain(tmp_path, annotations=rows)).images
    masked, other = image.labels
    assert masked.mask is not None
    assert np.argwhere(masked.mask.pixels()).tolist() == [[y, 12] for y in range(40, 60)]
    assert other.mask is not None
    assert other.mask.area == 9 * 3 + 5  # joined; two points hold nothing


@pytest.mark.parametrize("box", [{}, {"bbox": []}, {"bbox": None}, {"bbox": [0, 0, 0, 0]}])
def test_a_part_drawn_without_a_box_has_that_of_its_mask(tmp_path, box):
    row = {"image_id": 1, "category_id": 3} | box
    runs = {"segmentation": {"size": [80, 100], "counts": [1000, 20, 6980]}}
    polygon = {"segmentation": [[20, 30, 50, 30, 50, 34, 20, 34]]}
    rows = [{"id": 1} | row | runs, {"id": 2} | row | polygon]
    (image,) = coco.read(plain(tmp_path, annotations=rows)).images
    assert [label.box for label in image.labels] == [Box(12, 40, 13, 60), Box(20, 30, 50, 34)]


def test_a_written_box_counts_though_its_mask_is_smaller(tmp_path):
    polygon = [[20, 30, 50, 30, 50, 34, 20, 34]]
    row = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 10, 60, 60]}
    (image,) = coco.read(plain(tmp_path, annotations=[row | {"segmentation": polygon}])).images
    assert image.labels[0].box == Box(10, 10, 70, 70)


def test_a_mask_without_a_pixel_gives_no_box(tmp_path):
    row = {"id": 1, "image_id": 1, "category_id": 3}
    empty = {"segmentation": {"size": [80, 100], "counts": [8000]}}
    with pytest.raises(ConfigError, match="annotation 1: a mask without a pixel"):
        coco.read(plain(tmp_path, annotations=[row | empty]))


def test_boxes_cut_at_the_edge_are_counted(tmp_path):
    row = {"image_id": 1, "category_id": 3}
    boxes = [[90, 70, 30, 40], [-0.25, 0, 9, 9], [0, 0, 9, 9]]
    rows = [{"id": number} | row | {"bbox": box} for number, box in enumerate(boxes)]
    noted = coco.read_noting(plain(tmp_path, annotations=rows)).left_out
    assert noted == {"box over the picture's edge, cut there": 1}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"keypoints": [1, 2, 2]}, "keypoints need 3 x 0 numbers, got 3"),
        ({"oriented_box": [1, 2, 3]}, "oriented_box needs 8 finite numbers"),
        ({"occlusion": 1.5}, r"occlusion must be in \[0, 1\]"),
        ({"segmentation": {"size": [9, 9], "counts": "1"}}, "segmentation is of 9 x 9 px"),
        ({"segmentation": {"size": [80, 100]}}, "'counts' is missing"),
    ],
)
def test_what_does_not_fit_its_image_is_refused(tmp_path, extra, message):
    row = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9]}
    with pytest.raises(ConfigError, match=message):
        coco.read(plain(tmp_path, annotations=[row | extra]))


def test_a_set_that_cannot_be_written_says_where_and_why(tmp_path):
    path = tmp_path / "absent" / "labels.json"
    with pytest.raises(StoreError, match=r"cannot write .*absent.*No such file"):
        coco.write(LabelledSet(tmp_path, ()), path)


class Many:
    """Images made as they are asked for, so that only the writer could hold them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self):
        for number in range(self.count):
            ref = ImageRef("run", str(number), f"{number}.jpg", f"{number}.jpg")
            rows = tuple(Label("dropper", Box(0, 0, 9, 9), part_id=f"{k}") for k in range(50))
            yield LabelledImage(ref, 10, 10, rows)


def test_writing_holds_one_image_at_a_time(tmp_path):
    peaks = []
    for count in (10, 100):
        tracemalloc.start()
        assert coco.write_images(Many(count), tmp_path / "l.json") == 50 * count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "l.json").stat().st_size > 500_000
    assert peaks[1] < peaks[0] + 20_000


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "it has no list of images")]
)
def test_what_is_not_a_label_file_is_refused(tmp_path, text, message):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        coco.read(path)
