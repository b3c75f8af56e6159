from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenary.datasets import split as splits
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast

SHARES = {"train": 0.7, "calibration": 0.15, "test": 0.15}
BOX = Box(0, 0, 10, 10)


def image(name: str, section: str = "", mast: str = "", *conditions: str, source: str = ""):
    place = Mast("京广线", Direction.UP, section, mast) if mast else None
    ref = ImageRef("run", name, name, name, mast=place, taken_at=datetime(2026, 3, 6))  # noqa: DTZ001
    labels = tuple(Label("dropper", BOX, condition) for condition in conditions)
    return LabelledImage(ref, 100, 100, labels, source)


def line(sections: int, masts: int, shots: int = 2) -> list[LabelledImage]:
    """Return a line of sections with masts; a fifth of the masts has a broken dropper."""
    return [
        image(f"{s}-{m}-{k}", f"区间{s}", f"{m:03}", "broken" if (s + m) % 5 == 0 else "normal")
        for s in range(sections)
        for m in range(masts)
        for k in range(shots)
    ]


def sides(images, split: splits.Split, trait) -> dict[object, set[str]]:
    found: dict[object, set[str]] = {}
    for one in images:
        found.setdefault(trait(one), set()).add(split.parts[splits.key(one)])
    return found


def whole(images, split: splits.Split, trait) -> bool:
    return all(len(parts) == 1 for parts in sides(images, split, trait).values())


def test_sections_are_kept_whole_and_few_sections_are_said_to_be_few():
    assert splits.split_by(line(6, 3), 3) == ("section", "")
    by, why = splits.split_by(line(5, 3), 3)
    assert by == "mast"
    assert "5 sections are too few for 3 parts (need 6)" in why
    by, why = splits.split_by([image("a"), image("b")], 3)
    assert by == "image"
    assert "no image tells its mast" in why


@settings(max_examples=40, deadline=None)
@given(
    sections=st.integers(1, 12), masts=st.integers(1, 6), by=st.sampled_from(["section", "mast"])
)
def test_no_unit_stands_on_two_sides(sections, masts, by):
    images = line(sections, masts)
    split = splits.made(images, by, SHARES)
    assert set(split.parts) == {splits.key(one) for one in images}
    assert whole(images, split, lambda one: one.ref.mast)
    if by == "section":
        assert whole(images, split, lambda one: one.ref.mast.section)


def test_conditions_are_shared_out_as_wished():
    images = line(10, 20)
    counts = splits.counted(images, splits.made(images, "mast", SHARES))
    total = Counter({"images": 400, "dropper broken": 80, "dropper normal": 320})
    for name, wished in SHARES.items():
        for kind, number in total.items():
            assert counts[name][kind] == pytest.approx(wished * number, abs=0.05 * number)


def test_copies_and_sources_stay_on_one_side():
    images = [image(f"{n}", "区间", f"{n:03}", "normal") for n in range(40)]
    images += [image(f"{n}~c", source=f"{n}") for n in range(40)]
    split = splits.made(images, "mast", SHARES, copies=[(0, 5), (5, 9)])
    assert whole(images, split, lambda one: one.source or one.ref.image_id)
    assert len({split.parts[f"run/{n}"] for n in (0, 5, 9)}) == 1


def test_without_masts_a_part_seen_twice_stays_on_one_side():
    labels = [Label("dropper", BOX, part_id=f"p{n // 4}") for n in range(40)]
    images = [replace(image(f"{n}"), labels=(label,)) for n, label in enumerate(labels)]
    split = splits.made(images, "image", SHARES)
    assert whole(images, split, lambda one: one.labels[0].part_id)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), kept=st.integers(1, 59))
def test_what_was_assigned_stays_under_new_data(seed, kept):
    images = line(10, 3)
    np.random.default_rng(seed).shuffle(images)
    former = splits.made(images[:kept], "mast", SHARES)
    split = splits.made(images, "mast", SHARES, former=former)
    masts = {str(one.ref.mast): former.parts[splits.key(one)] for one in images[:kept]}
    for one in images:
        wanted = masts.get(str(one.ref.mast))
        assert wanted in (None, split.parts[splits.key(one)])


def test_a_mast_that_is_gone_is_remembered():
    images = line(4, 4)
    former = splits.made(images, "mast", SHARES)
    middle = splits.made(images[:4], "mast", SHARES, former=former)
    assert splits.made(images, "mast", SHARES, former=middle).parts == former.parts


def test_new_copies_across_a_former_split_are_refused():
    images = line(10, 4)
    former = splits.made(images, "mast", SHARES)
    train = next(i for i, one in enumerate(images) if former.parts[splits.key(one)] == "train")
    test = next(i for i, one in enumerate(images) if former.parts[splits.key(one)] == "test")
    with pytest.raises(ConfigError, match="link what the former split put apart: mast"):
        splits.made(images, "mast", SHARES, [(train, test)], former)


def test_the_order_of_images_does_not_matter():
    images = line(10, 4)
    assert (
        splits.made(images, "mast", SHARES).parts == splits.made(images[::-1], "mast", SHARES).parts
    )


def test_an_image_that_stands_twice_is_refused():
    with pytest.raises(ConfigError, match=r"1 images stand twice, e\.g\. run/a"):
        splits.made([image("a"), image("a")], "image", SHARES)


def test_a_part_is_read_from_the_file_and_other_labels_are_refused(tmp_path: Path):
    images = tuple(line(10, 4))
    labelled = LabelledSet(tmp_path, images)
    splits.write(splits.made(images, "mast", SHARES), tmp_path / "split.json")
    split = splits.read(tmp_path / "split.json")
    parts = [splits.part(labelled, split, name).images for name in SHARES]
    assert sorted(one.ref.image_id for own in parts for one in own) == sorted(
        one.ref.image_id for one in images
    )
    moved = replace(images[0], labels=(Label("dropper", Box(0, 0, 11, 10)),))
    other = LabelledSet(tmp_path, (moved, *images[1:], image("new")))
    with pytest.raises(
        ConfigError, match=r"(?s)1 images are not in it.*1 images have other labels"
    ):
        splits.part(other, split, "test")
    with pytest.raises(ConfigError, match="no part 'tset'; it has: train, calibration, test"):
        splits.part(labelled, split, "tset")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"schema": 1', '"schema": 2', "no split of schema 1"),
        ('"test"', '"tset"', "changed by hand"),
        ('"by"', '"bye"', "is no split"),
        ('"images": {', '"images": {"run/x": "0",', "changed by hand"),
    ],
)
def test_a_split_changed_by_hand_is_refused(tmp_path: Path, old, new, message):
    path = tmp_path / "split.json"
    splits.write(splits.made(line(10, 4), "mast", SHARES), path)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        splits.read(path)
