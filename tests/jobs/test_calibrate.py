import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from catenary import cli
from catenary.datasets import coco
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Evidence, Verdict
from catenary.evaluation import familiarity
from catenary.evaluation.guarantee import Target
from catenary.jobs.learning import calibrate, promise
from catenary.models import bundle
from catenary.models.fusion import LEAST_THRESHOLD, Form
from tests.jobs.bundles import random_bundle
from tests.jobs.test_measure import judge, labelled_pins, quietly

MASTS = ("D1", "D2", "D3", "D4", "D5", "D6")


def bright_is_missing(crop) -> Evidence:
    """Judge by the light of the crop: nothing that a label says."""
    score = 0.9 if crop.pixels.mean() > 60 else 0.1
    verdict = Verdict.DEFECT if score > 0.5 else Verdict.NORMAL
    return Evidence("pin/1", "missing", verdict, score)


def both_conditions(folder, masts=MASTS):
    """Return masts of which every other has a missing pin."""
    labels = coco.read(labelled_pins(folder, masts))
    images = [
        replace(image, labels=tuple(replace(one, condition="normal") for one in image.labels))
        if number % 2
        else image
        for number, image in enumerate(labels.images)
    ]
    return replace(labels, images=tuple(images))


def test_a_member_that_finds_more_is_believed_and_the_contest_is_kept(tmp_path):
    labels = both_conditions(tmp_path)
    defective = {
        image.ref.image_id for image in labels.images if image.labels[0].condition != "normal"
    }
    assert len(defective) == 3
    fitted = calibrate.calibrate(
        judge(0.9, {"split_pin": (bright_is_missing,)}), labels, 0.0, quietly
    )
    pins = fitted.fusion["split_pin"]
    assert pins.contest.masts == len(MASTS)
    assert pins.contest.defects == 3
    found = {form: sum(one.found) for form, one in pins.contest.standings.items()}
    assert found[pins.form] == max(found.values())
    assert fitted.thresholds["split_pin"] >= LEAST_THRESHOLD


def test_without_any_defect_the_documented_weights_and_the_joint_form_stay(tmp_path):
    labels = coco.read(labelled_pins(tmp_path, ("D1", "D2"), "normal"))
    pins = calibrate.calibrate(judge(0.9), labels, 0.0, quietly).fusion["split_pin"]
    assert (pins.form, pins.conditions) == (Form.JOINT, {})
    assert pins.usual["classifier"].classifier == 1.0


def test_a_network_that_tells_nothing_is_heard_of_fewer_pictures_where_defects_show_that(tmp_path):
    masts = tuple(f"D{number}" for number in range(familiarity.LEAST_PICTURES + 2))
    told, sound = both_conditions(tmp_path / "told", masts), tmp_path / "sound"
    untold = coco.read(labelled_pins(sound, masts, "normal"))
    near, usual = (
        calibrate.calibrate(judge(0.9), one, 0.02, quietly).fusion["split_pin"].familiar
        for one in (told, untold)
    )
    assert near.seen == usual.seen
    assert near.limit < usual.limit


@pytest.mark.parametrize(("condition", "expected"), [("normal", 0.5), ("missing", LEAST_THRESHOLD)])
def test_without_any_defect_nothing_is_raised_below_even_odds(condition, expected, tmp_path):
    labels = coco.read(labelled_pins(tmp_path, ("D1", "D2"), condition))
    fitted = calibrate.calibrate(judge(0.02), labels, 5.0, quietly)
    assert fitted.thresholds["split_pin"] == expected


def test_the_command_prints_what_was_compared_and_keeps_it_in_the_card(tmp_path):
    folder = random_bundle(tmp_path / "model")
    labels = labelled_pins(tmp_path / "set", ("D1", "D2"))
    arguments = ["bundle", "calibrate", str(folder), str(labels), "--device", "cpu"]
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert "split_pin: raised from probability" in done.output
    assert "of 2 defects on 2 masts (each fitted without its mast)" in done.output
    pins = done.output.partition("split_pin:")[2].partition("insulator:")[0]
    assert pins.count("<- used") == 1
    card = bundle.verify(folder)
    held = card.fusion["split_pin"].contest
    assert (held.defects, held.masts, held.best) == (2, 2, card.fusion["split_pin"].form)
    kept = json.loads((folder / bundle.CARD).read_text(encoding="utf-8"))["fusion"]["split_pin"]
    assert set(kept["contest"]["standings"]) == set(Form)


def test_labels_without_any_defect_take_no_weights_away(tmp_path):
    folder = random_bundle(tmp_path / "model")
    told = labelled_pins(tmp_path / "told", ("D1", "D2"))
    sound = labelled_pins(tmp_path / "sound", ("D3", "D4"), "normal")

    def calibrated(labels):
        arguments = ["bundle", "calibrate", str(folder), str(labels), "--device", "cpu"]
        return CliRunner().invoke(cli.app, arguments)

    first = calibrated(sound)
    assert "split_pin: raised from" in first.output
    assert "no defect of it in these labels" in first.output
    assert "of 0 defects" not in first.output
    assert calibrated(told).exit_code == 0
    kept = bundle.verify(folder)
    again = calibrated(sound)
    assert isinstance(again.exception, ConfigError)
    assert f"{sound} holds no defect" in str(again.exception)
    assert bundle.verify(folder) == kept


def test_nothing_is_promised_of_defects_that_no_source_suspects():
    scores = [promise._raisable(score) for score in (LEAST_THRESHOLD, 0.9, 0.049)]
    made = promise.guarantee.promise(scores, Target(0.5, 0.5))
    assert made.threshold == LEAST_THRESHOLD
    none = promise.guarantee.promise([scores[2]] * 3, Target(0.5, 0.5))
    assert none.reason.startswith("not attainable: 3 of n = 3 are raised at no threshold")


@pytest.mark.parametrize("masts", [("D1",), MASTS[:2]])
def test_calibrating_twice_gives_the_same(tmp_path, masts):
    labels = coco.read(labelled_pins(tmp_path, masts))
    first, second = (calibrate.calibrate(judge(0.9), labels, 0.02, quietly) for _ in range(2))
    assert first == second
