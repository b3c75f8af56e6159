"""The anomaly scorer from labels to a scan: what is learnt, stored, told and refused."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from catenary import config
from catenary.cli import app
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import BundleError, ConfigError
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.imaging.crops import cut
from catenary.models import bundle
from catenary.training import anomaly, run
from catenary.training.anomaly_data import normal_parts
from catenary.training.frames import Frames, read_sets
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.jobs.bundles import random_bundle

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
CPU = torch.device("cpu")
BOX = Box(20, 30, 84, 54)


def stripes(random: np.random.Generator, missing: int | None = None):
    """Return a frame (96, 112) with eight bright stripes, one of which may be missing."""
    pixels = random.integers(0, 20, (96, 112), np.uint8)
    for number in range(8):
        if number != missing:
            left = 22 + 8 * number
            pixels[30:54, left : left + 4] = random.integers(190, 220)
    return pixels


def striped_set(folder: Path, normal: int, broken: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images = []
    for number in range(normal + broken):
        is_broken = number >= normal
        name = f"images/{number}.png"
        picture = stripes(random, int(random.integers(1, 7)) if is_broken else None)
        cv2.imwrite(str(folder / name), picture)
        label = Label("insulator", BOX, "shed_missing" if is_broken else "normal")
        ref = ImageRef(folder.name, str(number), name, name)
        images.append(LabelledImage(ref, 112, 96, (label,)))
    coco.write(LabelledSet(folder, tuple(images)), folder / "labels.json")
    return folder / "labels.json"


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> TrainingSettings:
    folder = tmp_path_factory.mktemp("striped")
    return TrainingSettings(
        kind=Kind.ANOMALY,
        train=(striped_set(folder / "train", 22, 2, 0),),
        validation=(striped_set(folder / "validation", 8, 8, 1),),
        output=folder / "run",
        picture_px=128,
        memory_patches=150,
        held_out=0.5,
        weights=RANDOM,
        augment=0.0,
    )


def typed(*arguments: object) -> str:
    """Return what the command line prints."""
    done = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def trained(settings: TrainingSettings) -> Path:
    path = settings.output.parent / f"{settings.kind}.yaml"
    path.write_bytes(TypeAdapter(TrainingSettings).dump_json(settings))  # JSON is YAML
    typed("train", path)
    return settings.output


@pytest.fixture(scope="module")
def fitted(settings) -> Path:
    return trained(settings)


def test_a_missing_stripe_is_stranger_than_all_stripes(fitted):
    record = run.read_record(fitted)
    assert record.classes == ("insulator",)
    assert record.metrics["auroc_insulator"] > 0.9
    assert record.metrics["auroc_insulator_shed_missing"] == record.metrics["auroc_insulator"]
    assert record.metrics["defects_insulator"] == record.metrics["normal_insulator"] == 8


def test_a_finished_fitting_is_not_overwritten(fitted, settings):
    with pytest.raises(ConfigError, match="holds a training already"):
        run.train(settings, TAXONOMY)


def test_backbone_and_patches_are_stored_in_half_precision(fitted):
    state = load_file(fitted / "anomaly.safetensors")
    assert state["memories.insulator.patches"].dtype == torch.float16
    assert state["memories.insulator.patches"].shape == (150, 152)
    assert state["memories.insulator.quantiles"].dtype == torch.float32
    assert all(torch.isfinite(value).all() for value in state.values())


def test_too_few_normal_parts_are_counted(settings, tmp_path):
    few = replace(
        settings,
        train=(striped_set(tmp_path / "few", 12, 0, 2),),
        output=tmp_path / "run",
    )
    with pytest.raises(ConfigError, match="insulator has 6 and 6"):
        run.train(few, TAXONOMY)


def test_a_mast_is_remembered_or_held_out_never_both(settings):
    frames = Frames(read_sets(settings.train), 0)
    own = normal_parts(frames, 0.25, 100, np.random.default_rng(0))["insulator"]
    sides = [{frames.unit(part.frame) for part in side} for side in (own.known, own.held_out)]
    assert not sides[0] & sides[1]
    assert len(own.known) + len(own.held_out) == 22


def test_the_scale_is_that_of_the_distances():
    quantiles, tail = anomaly.scale(np.arange(101, dtype=np.float64))
    assert quantiles.tolist() == list(range(91))
    assert tail == pytest.approx(np.mean(np.arange(1, 11)))


def test_parts_that_are_all_alike_have_a_tail_too():
    quantiles, tail = anomaly.scale(np.full(30, 2.0))
    assert quantiles.tolist() == [2.0] * 91
    assert tail > 0


@pytest.fixture(scope="module")
def with_scorer(fitted, settings) -> Path:
    """Return a bundle whose detector and classifier know next to nothing, but whose scorer does."""
    folder = settings.output.parent
    short = replace(settings, epochs=1, steps_per_epoch=1, batch=2, picture_px=64)
    runs = [
        trained(replace(short, kind=kind, output=folder / kind, long_side_px=128))
        for kind in (Kind.DETECTOR, Kind.CLASSIFIER)
    ]
    eager = load_file(runs[0] / "detector.safetensors")
    eager["centre.bias"].zero_()  # or it would find nothing at all
    save_file(eager, runs[0] / "detector.safetensors")
    made = folder / "bundle"
    typed("bundle", "make", *runs, "-o", made, "--anomaly", fitted)
    return made


def test_the_command_line_puts_the_scorer_into_the_bundle(with_scorer):
    assert "whole; components insulator" in typed("bundle", "verify", with_scorer)
    card = bundle.verify(with_scorer)
    assert card.anomaly.memories == {"insulator": 150}
    assert card.metrics["anomaly_auroc_insulator"].count == 8
    assert not [name for name in card.metrics if name.startswith("anomaly_defects")]


def test_a_scan_tells_what_is_unusual_and_the_report_shows_it(with_scorer, tmp_path):
    run_folder, workspace, page = tmp_path / "run", tmp_path / "ws", tmp_path / "report.html"
    run_folder.mkdir()
    cv2.imwrite(str(run_folder / "0.png"), stripes(np.random.default_rng(3), missing=3))
    options = ("--workspace", workspace)
    few = ("--set", "cascade.min_score=0.0", "--model", with_scorer)
    typed("scan", run_folder, *options, *few)
    typed("report", "run", *options, "--format", "html", "-o", page)
    text = page.read_text()
    assert "anomaly score" in text
    assert "distance from normal parts" in text


def test_a_stored_scorer_says_what_it_said_when_it_was_measured(with_scorer):
    scorer = bundle.load(with_scorer, CPU).anomaly
    random = np.random.default_rng(7)
    frames = [stripes(random), stripes(random, missing=4)]
    whole, broken = scorer([cut(one, BOX, 0.1) for one in frames], ["insulator"] * 2)
    assert whole.score < 0.99 <= broken.score
    assert broken.distance > broken.limit
    assert broken.patches.max() >= whole.patches.max()
    x = broken.worst.shifted(20 - 7, 0).centre[0]  # the crop starts a margin left of the box
    assert 40 < x < 72  # about the stripe at 54 to 58


def test_a_changed_memory_is_refused(with_scorer, tmp_path):
    path = tmp_path / "copy"
    path.mkdir()
    for one in with_scorer.iterdir():
        (path / one.name).write_bytes(one.read_bytes())
    content = bytearray((path / bundle.ANOMALY).read_bytes())
    content[-1] ^= 1
    (path / bundle.ANOMALY).write_bytes(content)
    with pytest.raises(BundleError, match=r"anomaly\.safetensors was changed"):
        bundle.verify(path)
    with pytest.raises(BundleError, match=r"anomaly\.safetensors was changed"):
        bundle.load(path, CPU)


def test_a_memory_of_another_size_than_the_card_says_is_refused(with_scorer, tmp_path):
    card = bundle.verify(with_scorer)
    states = {name: load_file(with_scorer / name) for name in card.networks}
    wrong = replace(card.anomaly, memories={"insulator": 7})
    bundle.save(tmp_path / "wrong", replace(card, anomaly=wrong), states)
    with pytest.raises(BundleError, match=r"anomaly\.safetensors does not fit"):
        bundle.load(tmp_path / "wrong", CPU)


def test_a_bundle_without_a_scorer_keeps_its_version(tmp_path):
    card = bundle.verify(random_bundle(tmp_path / "plain"))
    assert "anomaly" not in json.loads((tmp_path / "plain" / bundle.CARD).read_text())
    assert bundle.load(tmp_path / "plain", CPU).anomaly is None
    assert card.networks == (bundle.DETECTOR, bundle.CLASSIFIER)
