"""Labels that a user names wrongly are refused by the command, before anything is written."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from catenary.cli import app
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError, UnreadableImageError
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.jobs.data import labelled


def written(folder: Path, *labels: Label) -> LabelledImage:
    """Write labels.json of one photograph, and return that."""
    image = LabelledImage(ImageRef("run", "1", "1.png", "1.png"), 64, 48, labels)
    coco.write(LabelledSet(folder, (image,)), folder / "labels.json")
    return image


@pytest.mark.parametrize("command", ["evaluate", "data mine", "bundle calibrate", "inject"])
def test_a_condition_misspelt_is_told_with_those_that_there_are(tmp_path, command):
    written(tmp_path, Label("dropper", Box(1, 1, 9, 40), "brokn"))
    labels, output = str(tmp_path / "labels.json"), str(tmp_path / "out")
    given = ["no-bundle", labels] if command == "bundle calibrate" else [labels]
    given += [] if command in ("evaluate", "bundle calibrate") else ["-o", output]
    result = CliRunner().invoke(app, [*command.split(), *given])
    assert isinstance(result.exception, ConfigError)
    assert f"{labels}: labels that mean nothing here:" in str(result.exception)
    assert "dropper has no condition brokn; it has: normal, broken, " in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_no_photograph_is_no_figure(tmp_path):
    coco.write(LabelledSet(tmp_path, ()), tmp_path / "labels.json")
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path / "labels.json")])
    assert isinstance(result.exception, ConfigError)
    assert "labels.json has no photograph" in str(result.exception)


def test_a_photograph_that_is_cut_short_is_named(tmp_path):
    image = written(tmp_path)
    whole = cv2.imencode(".png", np.zeros((48, 64), np.uint8))[1].tobytes()
    (tmp_path / "1.png").write_bytes(whole[:60])
    with pytest.raises(UnreadableImageError, match=r"1\.png: the file is cut short") as caught:
        labelled.pixels(tmp_path, image)
    assert caught.value.code == "truncated"
    (tmp_path / "1.png").unlink()
    with pytest.raises(ConfigError, match=r"cannot read labelled image .*1\.png: No such file"):
        labelled.pixels(tmp_path, image)
