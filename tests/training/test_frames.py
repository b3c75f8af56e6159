"""Which frames a training takes, and which sets it refuses."""

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.datasets import coco
from catenary.datasets import split as splits
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError, UnreadableImageError
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.training import run
from catenary.training.frames import sets_of
from catenary.training.settings import Kind, TrainingSettings

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


def image(number: int, section: str = "甲站", **changes: object) -> LabelledImage:
    """Return a photograph of a mast of its own."""
    name = f"{number}.png"
    mast = Mast("京广线", Direction.UP, section, f"D{number:03}")
    found = LabelledImage(ImageRef("run", str(number), name, name, mast=mast), 128, 96, ())
    return replace(found, **changes)


def written(folder: Path, *images: LabelledImage) -> Path:
    folder.mkdir()
    coco.write(LabelledSet(folder, images), folder / "labels.json")
    return folder / "labels.json"


def settings(train: Path, validation: Path, split: Path | None = None) -> TrainingSettings:
    return TrainingSettings(Kind.DETECTOR, (train,), (validation,), train.parent / "run", split)


def ids(sets: list[LabelledSet]) -> set[str]:
    return {one.ref.image_id for labelled in sets for one in labelled.images}


def test_a_mast_on_both_sides_is_refused_by_name(tmp_path):
    train = written(tmp_path / "train", image(1), image(2))
    other_view = replace(image(2), ref=replace(image(2).ref, image_id="9", file_name="9.png"))
    validation = written(tmp_path / "validation", other_view, image(3))
    with pytest.raises(ConfigError, match=r"share 1 masts.*: 京广线/up/甲站/D002; take other"):
        sets_of(settings(train, validation), TAXONOMY)


def test_a_changed_copy_of_a_photograph_trained_on_is_refused(tmp_path):
    bare = [replace(one, ref=replace(one.ref, mast=None)) for one in map(image, (1, 2, 3))]
    train = written(tmp_path / "train", *bare[:2])
    validation = written(tmp_path / "validation", replace(bare[2], source="2"))
    with pytest.raises(ConfigError, match=r"share 1 photographs.*: run/2;"):
        sets_of(settings(train, validation), TAXONOMY)


def test_images_of_one_number_in_sets_without_masts_are_no_leak(tmp_path):
    bare = replace(image(1), ref=replace(image(1).ref, mast=None))
    train, validation = written(tmp_path / "train", bare), written(tmp_path / "validation", bare)
    assert ids(sets_of(settings(train, validation), TAXONOMY).validation) == {"1"}


@pytest.mark.parametrize("measured", ["validation", "calibration"])
def test_with_a_split_each_side_takes_its_part(tmp_path, measured):
    labels = written(tmp_path / "set", *map(image, range(8)))
    shares = {"train": 0.5, measured: 0.25, "test": 0.25}
    made = splits.made(coco.read(labels).images, splits.MAST, shares)
    splits.write(made, tmp_path / "split.json")
    sets = sets_of(settings(labels, labels, tmp_path / "split.json"), TAXONOMY)
    for found, part in ((sets.train, "train"), (sets.validation, measured)):
        own = {key.removeprefix("run/") for key, name in made.parts.items() if name == part}
        assert ids(found) == own
        assert len(own) == shares[part] * 8
    assert sets.split == made.fingerprint


def test_labels_changed_since_the_split_are_refused(tmp_path):
    labels = written(tmp_path / "set", image(1), image(2))
    made = splits.made([image(1)], splits.MAST, {"train": 0.5, "validation": 0.5})
    splits.write(made, tmp_path / "split.json")
    with pytest.raises(ConfigError, match="1 images are not in it"):
        sets_of(settings(labels, labels, tmp_path / "split.json"), TAXONOMY)


def test_a_split_that_leaves_nothing_to_train_on_is_refused(tmp_path):
    labels = written(tmp_path / "set", image(1))
    made = splits.made([image(1)], splits.MAST, {"validation": 0.9, "train": 0.1})
    splits.write(made, tmp_path / "split.json")
    with pytest.raises(ConfigError, match="nothing to train on"):
        sets_of(settings(labels, labels, tmp_path / "split.json"), TAXONOMY)


def test_sections_on_both_sides_are_said(tmp_path, caplog):
    train = written(tmp_path / "train", image(1, "甲站"), image(2, "乙站"))
    validation = written(tmp_path / "validation", image(3, "乙站"), image(4, "丙站"))
    with caplog.at_level(logging.WARNING):
        sets_of(settings(train, validation), TAXONOMY)
    assert "shared=京广线/up/乙站" in caplog.text


@pytest.mark.parametrize(
    ("component", "condition", "words"),
    [
        ("droper", "broken", r"droper is no component; there are: dropper, .* \(1 labels\)"),
        ("dropper", "brokn", r"dropper has no condition brokn; it has: normal, broken, "),
    ],
)
def test_a_name_that_the_taxonomy_lacks_is_refused_and_not_left_unlearnt(
    tmp_path, component, condition, words
):
    label = Label(component, Box(1, 1, 9, 9), condition)
    train = written(tmp_path / "train", replace(image(1), labels=(label,)))
    validation = written(tmp_path / "validation", image(2))
    with pytest.raises(ConfigError, match=rf"train/labels.json: labels .*\n  {words}"):
        sets_of(settings(train, validation), TAXONOMY)


def test_a_photograph_cut_short_is_named_and_leaves_no_run_folder(tmp_path):
    label = Label("dropper", Box(1, 1, 90, 90), "broken")
    train = written(tmp_path / "train", replace(image(1), labels=(label,)))
    validation = written(tmp_path / "validation", image(2))
    whole = cv2.imencode(".png", np.zeros((96, 128), np.uint8))[1].tobytes()
    (tmp_path / "train" / "1.png").write_bytes(whole[:60])
    with pytest.raises(UnreadableImageError, match=r"train/1.png: the file is cut short"):
        run.train(settings(train, validation), TAXONOMY)
    assert not (tmp_path / "train" / "run").exists()
