"""Mining as a user does it: scan, write, train on what was written."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from catenary import cli
from catenary.datasets import coco
from catenary.datasets.labels import Rejected
from catenary.domain.errors import ConfigError
from catenary.evaluation.matching import is_hit
from catenary.training.run import read_record
from tests.jobs.bundles import random_bundle
from tests.training.sets import drawn_sets


def catenary(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def mined(tmp_path_factory) -> tuple[Path, Path, Path]:
    """Return labels, other labels, and what a random bundle gets wrong on the first."""
    folder = tmp_path_factory.mktemp("mine")
    labels, others = drawn_sets(folder, count=3)
    bundle = random_bundle(folder / "bundle")
    output = folder / "deep" / "negatives.json"
    output.parent.mkdir()
    said = catenary(
        *("data", "mine", str(labels), "--model", str(bundle), "-o", str(output)),
        *("--limit", "7", "--min-score", "0.3", "--device", "cpu"),
    )
    assert "7 mistakes on" in said
    assert "  split_pin " in said
    return labels, others, output


def test_mistakes_are_rejections_beside_the_labels_of_the_same_images(mined):
    labels, _, output = mined
    source = {image.ref.image_id: image for image in coco.read(labels).images}
    found = coco.read(output)
    rejections = [one for image in found.images for one in image.rejections]
    assert len(rejections) == 7
    assert {one.component for one in rejections} == {"split_pin"}  # no clevis is labelled
    for image in found.images:
        assert image.labels == source[image.ref.image_id].labels
        assert (found.root / image.ref.file_name).samefile(
            labels.parent / source[image.ref.image_id].ref.file_name
        )
        pins = [label.box for label in image.labels if label.component == "split_pin"]
        for one in image.rejections:
            is_on_pin = any(is_hit(one.box, pin) for pin in pins)
            assert is_on_pin is (one.reason is Rejected.NORMAL)


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_a_training_takes_what_was_mined_beside_the_labels(mined, tmp_path, kind):
    labels, others, output = mined
    settings = {
        "kind": kind,
        "train": [str(labels), str(output)],
        "validation": [str(others)],
        "output": str(tmp_path / "run"),
        "epochs": 2,
        "steps_per_epoch": 1,
        "batch": 2,
        "picture_px": 64,
        "long_side_px": 128,
        "weights": "random",
        "negative_share": 0.5,
        "wires": 1.0,
        **({"mosaic": 0.5, "paste": 0.5, "plain_rounds": 0.5} if kind == "detector" else {}),
        **({"focal": 2.0} if kind == "classifier" else {}),
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    catenary("train", str(tmp_path / "train.yaml"))
    assert read_record(tmp_path / "run").images == 3  # each once, though named by two files


def test_an_audit_takes_what_was_mined(mined):
    _, _, output = mined
    told = json.loads(catenary("data", "audit", str(output), "--json"))
    counts = told["counts"]["all"]
    assert sum(counts.get(f"split_pin rejected as {reason}", 0) for reason in Rejected) == 7


def test_a_file_that_is_there_is_not_overwritten(mined, tmp_path):
    labels, _, output = mined
    before = output.read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        catenary("data", "mine", str(labels), "-o", str(output))
    assert output.read_bytes() == before
