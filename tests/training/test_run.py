"""Whole trainings, small: what is learnt, what is kept, what is refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file

from catenary import config
from catenary.datasets import coco
from catenary.datasets import split as splits
from catenary.domain.errors import ConfigError
from catenary.jobs.learning import learn
from catenary.models import bundle
from catenary.training import export
from catenary.training.callbacks import WeightAverage
from catenary.training.detector_data import DetectorBatches
from catenary.training.frames import Frames, read_sets
from catenary.training.run import read_record, train
from catenary.training.settings import Kind, TrainingSettings
from tests.training.sets import drawn_sets
from tests.training.sets import small_settings as settings

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return drawn_sets(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def trained(labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for kind in (Kind.DETECTOR, Kind.CLASSIFIER):
        train(settings(kind, labels, folder / kind), TAXONOMY)
    made = export.make_bundle(
        export.Runs(folder / "detector", folder / "classifier"),
        folder / "proposer",
        export.Description("proposer", "drawn"),
    )
    assert made.refiner is None
    changes = {"proposer": folder / "proposer", "components": ("dropper",)}
    own = replace(settings(Kind.DETECTOR, labels, folder / "refiner"), kind=Kind.REFINER, **changes)
    path = folder / "refiner.yaml"
    path.write_bytes(TypeAdapter(TrainingSettings).dump_json(own))  # JSON is YAML
    learn.train(path, (), resume=False)
    return folder


def test_three_trainings_become_one_bundle_that_loads(trained, tmp_path):
    made = export.make_bundle(
        export.Runs(trained / "detector", trained / "classifier", trained / "refiner"),
        tmp_path / "bundle",
        export.Description("bundle", "drawn squares and bars"),
    )
    assert made.classes == ("dropper", "split_pin")
    assert made.conditions == {"dropper": ("normal", "broken")}
    loaded = bundle.load(tmp_path / "bundle", torch.device("cpu"))
    (scores,) = loaded.classifier([np.zeros((70, 10), np.uint8)], ["dropper"])
    assert sum(scores.probabilities) == pytest.approx(1)
    assert loaded.refiner is not None
    assert loaded.refiner.classes == ("dropper",)
    assert {"detector_recall", "refiner_recall_dropper"} <= set(made.metrics)


def test_every_round_leaves_a_line(trained):
    with (trained / "detector" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert float(rows[1]["centre_loss"]) < float(rows[0]["centre_loss"])
    assert {"recall", "recall_dropper", "recall_split_pin"} <= set(rows[0])


def test_the_same_seed_gives_the_same_weights(trained, labels, tmp_path):
    again = train(settings(Kind.DETECTOR, labels, tmp_path / "again"), TAXONOMY)
    first = load_file(trained / "detector" / "detector.safetensors")
    second = load_file(again / "detector.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(
    trained, labels, tmp_path, monkeypatch
):
    own = settings(Kind.DETECTOR, labels, tmp_path / "stopped")
    with monkeypatch.context() as patched:
        patched.setattr(WeightAverage, "on_train_batch_end", stops_at_step(5))
        with pytest.raises(RuntimeError, match="power cut"):
            train(own, TAXONOMY)
    train(own, TAXONOMY, resume=True)
    whole = load_file(trained / "detector" / "detector.safetensors")
    resumed = load_file(tmp_path / "stopped" / "detector.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def stops_at_step(last):
    usual = WeightAverage.on_train_batch_end

    def stopping(self, trainer, module, *rest: object):
        if trainer.global_step == last:
            raise RuntimeError("power cut")
        usual(self, trainer, module, *rest)

    return stopping


def test_a_finished_training_is_not_overwritten(trained, labels):
    with pytest.raises(ConfigError, match="holds a training already"):
        train(settings(Kind.DETECTOR, labels, trained / "detector"), TAXONOMY)


def test_nothing_to_resume_is_said(labels, tmp_path):
    with pytest.raises(ConfigError, match="nothing to resume"):
        train(settings(Kind.DETECTOR, labels, tmp_path / "new"), TAXONOMY, resume=True)


def test_an_unknown_component_is_named(labels, tmp_path):
    wrong = replace(
        settings(Kind.DETECTOR, labels, tmp_path / "new"), components=("dropper", "pantograph")
    )
    with pytest.raises(ConfigError, match="pantograph"):
        train(wrong, TAXONOMY)


def test_no_record_no_finished_training(tmp_path):
    with pytest.raises(ConfigError, match="finished training"):
        read_record(tmp_path)


def test_all_mistakes_of_the_settings_are_told_at_once(labels, tmp_path):
    good = settings(Kind.DETECTOR, labels, tmp_path)
    with pytest.raises(ValueError, match=r"epochs.*multiple of 32.*close_up_share"):
        replace(good, epochs=0, picture_px=100, close_up_share=2.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mosaic": 0.6, "paste": 0.5}, "mosaic, paste: at least 0, at most 1 together"),
        ({"paste": -0.1}, "mosaic, paste: at least 0"),
        ({"negative_share": 1.1}, r"negative_share, plain_rounds, wires, lamps: in \[0, 1\]"),
        ({"plain_rounds": -1.0}, "plain_rounds, wires"),
        ({"wires": 2.0, "lamps": float("nan")}, "wires, lamps"),
        ({"focal": 2.0}, "focal: the classifier only"),
        ({"kind": Kind.CLASSIFIER, "focal": 6.0}, r"focal must be in \[0, 5\]"),
        ({"kind": Kind.CLASSIFIER, "mosaic": 0.1}, "mosaic, paste: the detector only"),
    ],
)
def test_shares_of_samples_that_cannot_be_are_refused(labels, tmp_path, changes, words):
    good = settings(Kind.DETECTOR, labels, tmp_path)
    with pytest.raises(ValueError, match=words):
        replace(good, **changes)


def test_a_batch_depends_on_seed_round_and_number_alone(labels, tmp_path):
    frames = Frames(read_sets(labels[:1]), 10)
    own = replace(settings(Kind.DETECTOR, labels, tmp_path), augment=1.0)
    one, two = (DetectorBatches(frames, ("dropper", "split_pin"), own, epoch=1) for _ in range(2))
    assert torch.equal(one[2].images, two[2].images)
    assert torch.equal(one[2].heat, two[2].heat)
    assert not torch.equal(one[1].images, one[2].images)


def test_a_missing_training_image_is_named(tmp_path):
    labels = drawn_sets(tmp_path, count=1)
    (tmp_path / "train" / "images" / "0.png").unlink()
    with pytest.raises(ConfigError, match=r"0\.png"):
        train(settings(Kind.DETECTOR, labels, tmp_path / "run"), TAXONOMY)


def test_a_validation_that_was_trained_on_is_refused_before_anything_is_made(labels, tmp_path):
    leaky = replace(settings(Kind.DETECTOR, labels, tmp_path / "run"), validation=labels[:1])
    with pytest.raises(ConfigError, match="training and validation share 6 image files"):
        train(leaky, TAXONOMY)
    assert not (tmp_path / "run").exists()


def test_a_run_names_the_split_that_it_learnt_from(labels, tmp_path):
    images = coco.read(labels[0]).images
    made = splits.made(images, splits.IMAGE, {"train": 0.5, "calibration": 0.5})
    splits.write(made, tmp_path / "split.json")
    own = replace(
        settings(Kind.DETECTOR, (labels[0], labels[0]), tmp_path / "run"),
        split=tmp_path / "split.json",
        epochs=1,
        steps_per_epoch=1,
    )
    record = read_record(train(own, TAXONOMY))
    assert record.split == made.fingerprint
    assert (record.images, record.validation_images) == (3, 3)
