from dataclasses import replace
from xml.etree import ElementTree

import pytest

from catenary.domain.errors import ConfigError
from catenary.jobs.learning import curves, learn
from catenary.models.inputs import Precision
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.training.sets import drawn_sets

TABLE = """epoch,step,seconds,centre_loss,box_loss,recall,score_limit
0,10,1.5,2.25,0.5,0.1,0.9
1,20,1.5,1.5,0.4,0.2,0.8
1,20,1.6,1.25,0.3,0.4,0.8
2,30,1.5,nan,0.2,,0.8
"""


def test_a_round_that_was_repeated_after_a_kill_is_drawn_once(tmp_path):
    (tmp_path / "metrics.csv").write_text(TABLE)
    found = curves.curves(tmp_path / "metrics.csv")
    assert found["centre_loss"] == [(10, 2.25), (20, 1.25)]  # nan leaves a gap
    assert found["recall"] == [(10, 0.1), (20, 0.4)]
    assert set(found) == {"centre_loss", "box_loss", "recall", "score_limit"}


def test_losses_and_figures_have_a_chart_each_with_every_point_inside(tmp_path):
    (tmp_path / "metrics.csv").write_text(TABLE)
    svg = curves.write_curves(tmp_path)
    root = ElementTree.parse(svg).getroot()  # noqa: S314 - our own file
    space = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f".//{space}polyline")
    # Steps 10, 20, 30 of 30; losses to 3, figures to 1: worked out from the size of a chart.
    assert [line.get("points") for line in lines] == [
        "153.3,75.0 260.7,148.3",
        "153.3,203.3 260.7,218.0 368.0,225.3",
        "153.3,218.0 260.7,152.0",
    ]
    words = [text.text for text in root.iter(f"{space}text")]
    assert {"centre_loss", "box_loss", "recall", "steps"} <= set(words)
    assert "score_limit" not in words


def test_a_folder_without_a_table_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*metrics\.csv"):
        curves.write_curves(tmp_path)


def test_a_training_leaves_its_curves_also_when_it_is_resumed(tmp_path):
    train, validation = drawn_sets(tmp_path)
    settings = TrainingSettings(
        kind=Kind.DETECTOR,
        train=(train,),
        validation=(validation,),
        output=tmp_path / "run",
        epochs=1,
        steps_per_epoch=1,
        batch=2,
        picture_px=64,
        long_side_px=128,
        precision=Precision.FP32,
        weights=RANDOM,
    )
    folder = learn.fit(settings)
    assert len(curves.curves(folder / "metrics.csv")["centre_loss"]) == 1
    learn.fit(replace(settings, epochs=2), resume=True)
    assert [step for step, _ in curves.curves(folder / "metrics.csv")["centre_loss"]] == [1, 2]
    svg = (folder / "curves.svg").read_text(encoding="utf-8")
    assert svg.count("<polyline") == svg.count('class="key"') > 2


def test_a_finished_training_is_left_and_another_is_not_mixed_in(tmp_path):
    train, validation = drawn_sets(tmp_path)
    settings = TrainingSettings(
        kind=Kind.DETECTOR,
        train=(train,),
        validation=(validation,),
        output=tmp_path / "run",
        epochs=1,
        steps_per_epoch=1,
        batch=2,
        picture_px=64,
        long_side_px=128,
        weights=RANDOM,
    )
    written = (learn.finished(settings) / "training.json").stat().st_mtime_ns
    assert (learn.finished(settings) / "training.json").stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match="training of other settings"):
        learn.finished(replace(settings, seed=2))
