from dataclasses import replace

import pytest
from typer.testing import CliRunner

from catenary import cli
from catenary.datasets import coco
from catenary.datasets import split as splits
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.jobs.learning import unseen
from catenary.models import bundle
from catenary.training.frames import fingerprint
from tests.jobs.bundles import random_bundle
from tests.jobs.test_measure import labelled_pins

SHARES = {"train": 0.5, "calibration": 0.25, "guarantee": 0.25}


def split_pins(folder, by=splits.MAST):
    """Write eight masts and a split of them; return both files."""
    labels = labelled_pins(folder / "set", tuple(f"D{number}" for number in range(8)))
    file = folder / "split.json"
    splits.write(splits.made(coco.read(labels).images, by, SHARES), file)
    return labels, file


def masts(found: unseen.Unseen) -> set[str]:
    return {image.ref.mast.number for image in found.labelled.images}


def test_only_the_part_is_taken(tmp_path):
    labels, file = split_pins(tmp_path)
    parts = {
        name: unseen.read(unseen.Choice(labels, file, name))
        for name in ("calibration", "guarantee")
    }
    every = splits.read(file).parts
    assert sorted(map(len, map(masts, parts.values()))) == [2, 2]
    assert masts(parts["calibration"]).isdisjoint(masts(parts["guarantee"]))
    for name, found in parts.items():
        assert {every[splits.key(image)] for image in found.labelled.images} == {name}
    whole = unseen.read(unseen.Choice(labels))
    assert len(masts(whole)) == 8
    assert len({one.fingerprint for one in (whole, *parts.values())}) == 3


def test_what_training_saw_is_no_choice(tmp_path):
    labels, file = split_pins(tmp_path)
    with pytest.raises(ConfigError, match="training saw part train"):
        unseen.read(unseen.Choice(labels, file, "train"))
    with pytest.raises(ConfigError, match="no part 'final'"):
        unseen.read(unseen.Choice(labels, file, "final"))


def test_other_labels_of_a_mast_that_training_saw_are_refused(tmp_path):
    _, file = split_pins(tmp_path)
    units = splits.read(file).units.items()
    trained, free = (
        next(unit for unit, part in units if unit.startswith("mast ") and (part == "train") is own)
        for own in (True, False)
    )
    other = labelled_pins(tmp_path / "old", (free.rpartition("/")[2],))
    alone = coco.read(other)
    renamed = replace(
        alone.images[0], ref=replace(alone.images[0].ref, run="another", image_id="x")
    )
    coco.write(LabelledSet(alone.root, (renamed,)), other)
    assert len(unseen.read(unseen.Choice(other, file)).labelled.images) == 1
    seen = replace(renamed.ref.mast, number=trained.rpartition("/")[2])
    coco.write(
        LabelledSet(alone.root, (replace(renamed, ref=replace(renamed.ref, mast=seen)),)), other
    )
    with pytest.raises(ConfigError, match=r"training saw 1 masts"):
        unseen.read(unseen.Choice(other, file))


def test_a_split_by_photograph_with_a_mast_on_both_sides_is_refused(tmp_path):
    labels = labelled_pins(tmp_path / "set", ("D1",) * 8)
    file = tmp_path / "split.json"
    splits.write(splits.made(coco.read(labels).images, splits.IMAGE, SHARES), file)
    with pytest.raises(ConfigError, match=r"training saw 1 masts .*D1"):
        unseen.read(unseen.Choice(labels, file, "calibration"))


def test_labels_that_networks_learnt_from_are_refused_unless_a_split_parts_them(tmp_path):
    labels, file = split_pins(tmp_path)
    learnt = f"0+{fingerprint([labels])}"  # as a card has it of a detector and a classifier
    with pytest.raises(ConfigError, match=r"learnt from .*labels.json; name labels of masts"):
        unseen.refuse_learnt(unseen.Choice(labels), learnt)
    unseen.refuse_learnt(unseen.Choice(labels, file), learnt)
    unseen.refuse_learnt(unseen.Choice(labels), "0+1")


@pytest.mark.slow
def test_a_bundle_is_calibrated_and_promised_on_parts_of_one_split(tmp_path):
    labels, file = split_pins(tmp_path)
    folder = random_bundle(tmp_path / "model")
    start = ["bundle", "calibrate", str(folder), str(labels), "--split", str(file)]
    start += ["--device", "cpu"]
    done = CliRunner().invoke(
        cli.app,
        [*start, "--guarantee", str(labels), "--miss", "0.5", "--confidence", "0.5"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    promises = bundle.verify(folder).promises
    assert (promises.images, promises.masts) == (2, 2)
    expected = unseen.read(unseen.Choice(labels, file, "guarantee")).fingerprint
    assert promises.fingerprint == expected
