import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from catenary import cli, config
from catenary.datasets import coco
from catenary.datasets import split as splits
from catenary.datasets.labels import Label, LabelledImage, LabelledSet, Rejected, Rejection
from catenary.domain.errors import CatenaryError, ConfigError
from catenary.domain.finding import Evidence, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.evaluation import figures, predictions
from catenary.evaluation.compared import joined
from catenary.evaluation.guarantee import Target
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind
from catenary.jobs.learning import calibrate, measure, promise, unseen
from catenary.models import bundle
from catenary.pipeline.judge import Judge
from tests.jobs.bundles import random_bundle
from tests.pipeline.fakes import BlobDetector, FixedClassifier

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
PIN = Box(60, 60, 80, 80)


def quietly(done: int, total: int) -> None:
    assert done <= total


def labelled_pins(folder: Path, masts: tuple[str, ...], condition: str = "missing") -> Path:
    """Write one photograph a mast with a bright square and a bar; the square is the pin."""
    (folder / "images").mkdir(parents=True)
    images = []
    for number, name in enumerate(masts):
        pixels = np.random.default_rng(number).integers(0, 10, (160, 200), np.uint8)
        pixels[60:80, 60:80] = 220
        pixels[100:110, 20:180] = 180
        file = f"images/{number}.png"
        cv2.imwrite(str(folder / file), pixels)
        mast = Mast("线", Direction.UP, "站A", name)
        ref = ImageRef("run", str(number), file, file, "01", "joint", mast)
        images.append(LabelledImage(ref, 200, 160, (Label("split_pin", PIN, condition),)))
    path = folder / "labels.json"
    coco.write(LabelledSet(folder, tuple(images)), path)
    return path


def unseen_pins(folder: Path, masts: tuple[str, ...]) -> unseen.Unseen:
    return unseen.read(unseen.Choice(labelled_pins(folder, masts)))


def judge(missing: float, rules: dict | None = None, threshold: float = 0.5) -> Judge:
    return Judge(
        BlobDetector(),
        FixedClassifier(missing),
        rules or {},
        {},
        {"split_pin": threshold},
        TAXONOMY,
        Versions("m@1", "r@1", "1"),
    )


def test_a_part_under_the_threshold_is_kept_with_its_probability(tmp_path):
    labels = coco.read(labelled_pins(tmp_path, ("D1",)))
    said = measure.predict(judge(0.7, threshold=0.8), labels, DataKind.SIMULATED, quietly)
    pin, bar = said.images[0].parts
    assert (pin.component, pin.verdict, pin.condition) == ("split_pin", "normal", "missing")
    assert pin.probability == pytest.approx(2.1 / 3.1)  # odds 7 : 3, times the box's score of 0.9
    assert pin.box == PIN
    assert (bar.component, bar.verdict, bar.probability) == ("clevis", "not_judged", None)


def test_figures_from_saved_predictions_are_those_of_the_scan(tmp_path):
    labels = coco.read(labelled_pins(tmp_path, ("D1", "D2")))
    said = measure.predict(judge(0.9), labels, DataKind.SIMULATED, quietly)
    again = predictions.loads(predictions.dumps(said), "file")
    first, second = (figures.evaluation(joined(labels, one), one) for one in (said, again))
    assert first == second
    assert first.measured.rates.detection == Share(2, 2)


def blurred(_crop) -> Evidence:
    return Evidence(
        "pin/1", "missing", Verdict.CANNOT_JUDGE, None, reason="the crop is not sharp enough"
    )


def test_a_pin_that_no_rule_could_judge_is_counted_as_not_judged(tmp_path):
    labels = coco.read(labelled_pins(tmp_path, ("D1",)))
    said = measure.predict(
        judge(0.2, {"split_pin": (blurred,)}), labels, DataKind.SIMULATED, quietly
    )
    measured = figures.evaluation(joined(labels, said), said).measured
    assert (measured.unjudged, measured.rates.detection) == (1, Share(0, 1))


def test_a_missing_photograph_is_named(tmp_path):
    path = labelled_pins(tmp_path, ("D1",))
    (tmp_path / "images" / "0.png").unlink()
    with pytest.raises(ConfigError, match=r"0\.png"):
        measure.predict(judge(0.9), coco.read(path), DataKind.SIMULATED, quietly)


def test_photographs_labelled_in_part_are_no_measure(tmp_path):
    path = labelled_pins(tmp_path, ("D1",))
    (image,) = coco.read(path).images
    partly = LabelledSet(tmp_path, (replace(image, is_complete=False),))
    coco.write(partly, path)
    with pytest.raises(ConfigError, match="1 photographs are labelled in part only"):
        calibrate.calibrate(judge(0.9), coco.read(path), 0.02, quietly)
    said = measure.predict(judge(0.9), partly, DataKind.SIMULATED, quietly)
    with pytest.raises(ConfigError, match="labelled in part only"):
        joined(partly, said)


def test_a_rejection_is_no_truth_and_what_is_raised_on_it_is_false(tmp_path):
    path = labelled_pins(tmp_path, ("D1",))
    (image,) = coco.read(path).images
    refused = (Rejection("split_pin", PIN, Rejected.NO_PART),)
    empty = LabelledSet(tmp_path, (replace(image, labels=(), rejections=refused),))
    said = measure.predict(judge(0.9), empty, DataKind.SIMULATED, quietly)
    rates = figures.evaluation(joined(empty, said), said).measured.rates
    assert (rates.detection, rates.false_alarms) == (Share(0, 0), Share(1, 1))


def saved(folder: Path, missing: float, masts: tuple[str, ...] = ("D1", "D2")) -> tuple[str, str]:
    """Return a label file and the predictions of a model for it."""
    path = labelled_pins(folder / f"set-{missing}", masts)
    said = measure.predict(judge(missing), coco.read(path), DataKind.SIMULATED, quietly)
    file = folder / f"{missing}.json"
    file.write_bytes(predictions.dumps(said))
    return str(path), str(file)


def catenary(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_two_models_are_compared_without_a_scan(tmp_path):
    (labels, better), (_, worse) = saved(tmp_path, 0.9), saved(tmp_path, 0.1)
    report = tmp_path / "out.html"
    read = ("evaluate", labels, "--predictions", better, "--compare", worse)
    text = catenary(*read, "--html", str(report), "--by-section", "--alarms-per-1000", "20")
    assert "m@1 on simulated photographs of 2 masts" in text
    assert "Defects found at the bundle's thresholds: 2/2 = 100.0 %" in text
    assert "0.02 per photograph: 2/2" in text
    assert "Worst section: 线/站A, 2/2" in text
    assert "defects found, own thresholds: 1.000 - 0.000 = +1.000 [+1.000, +1.000]" in text
    assert "<b>simulated</b>" in report.read_text(encoding="utf-8")
    record = json.loads(catenary(*read, "--json"))
    assert record["rates"]["detection"]["low"] == pytest.approx(0.342, abs=0.001)
    assert record["conditions"]["split_pin.missing"]["ap"] == 1.0
    assert record["worst_section"] == "线/站A"


def test_one_part_of_a_split_is_evaluated_alone(tmp_path):
    labels = labelled_pins(tmp_path / "set", tuple(f"D{number}" for number in range(6)))
    file, said = tmp_path / "split.json", tmp_path / "said.json"
    every = coco.read(labels)
    splits.write(splits.made(every.images, splits.MAST, {"train": 0.5, "test": 0.5}), file)
    tested = splits.part(every, splits.read(file), "test")
    assert 0 < len(tested.images) < 6
    made = measure.predict(judge(0.9), tested, DataKind.SIMULATED, quietly)
    said.write_bytes(predictions.dumps(made))
    read = ("evaluate", str(labels), "--predictions", str(said), "--split", str(file))
    assert f"photographs of {len(tested.images)} masts" in catenary(*read)
    with pytest.raises(ConfigError, match="no part 'final'"):
        catenary(*read, "--part", "final")


def test_figures_on_simulated_and_real_photographs_do_not_mix(tmp_path):
    labels, file = saved(tmp_path, 0.9)
    arguments = ["evaluate", labels, "--predictions", file, "--data-kind", "real"]
    with pytest.raises(CatenaryError, match="is of simulated photographs, the others are real"):
        CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def test_a_promise_needs_masts_that_nothing_was_fitted_on(tmp_path):
    fitted = unseen_pins(tmp_path / "a", ("D1", "D2"))
    unseen.check_apart(fitted, unseen_pins(tmp_path / "b", ("D3",)))
    with pytest.raises(ConfigError, match=r"share 1 masts \(线/up/站A/D2\)"):
        unseen.check_apart(fitted, unseen_pins(tmp_path / "c", ("D2", "D4")))


def test_the_card_says_what_cannot_be_promised_and_keeps_its_thresholds(tmp_path):
    folder = random_bundle(tmp_path / "model")
    before = bundle.verify(folder)
    labels = unseen_pins(tmp_path / "set", ("D1",))
    made = promise.promise(folder, labels, Target(0.05, 0.95), "cpu", quietly)
    after = bundle.verify(folder)
    assert after.promises == made
    assert (after.thresholds, after.files) == (before.thresholds, before.files)
    point = after.promises.points["split_pin.missing"]
    assert (point.threshold, point.defects) == (None, 1)
    assert point.reason.startswith("not attainable with n = 1: ")
    assert any("exchangeable" in line for line in promise.lines(made))


def test_a_promise_that_can_be_kept_is_written_and_looked_at_again(tmp_path):
    folder = random_bundle(tmp_path / "model")
    labels = labelled_pins(tmp_path / "set", ("D1", "D2"))
    made = promise.promise(
        folder, unseen.read(unseen.Choice(labels)), Target(0.5, 0.5), "cpu", quietly
    )
    point = made.points["split_pin.missing"]
    assert point.threshold is not None
    text = catenary("evaluate", str(labels), "--model", str(folder), "--device", "cpu")
    assert f"Promised threshold {point.threshold:.3f} of split_pin.missing: finds 2/2" in text
    # The same photographs: what the card says of false alarms is what the evaluation finds.
    assert f"here, {point.false_per_image:.3f} false alarms per photograph" in text


def test_a_photograph_that_is_not_judged_is_named_and_no_figure_counts_it(tmp_path, caplog):
    path = labelled_pins(tmp_path, ("D1", "D2"))
    cut = tmp_path / "images" / "1.png"
    cut.write_bytes(cut.read_bytes()[:500])
    said = measure.predict(judge(0.9), coco.read(path), DataKind.SIMULATED, quietly)
    assert [len(one.parts) for one in said.images] == [2, 0]
    (told,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert told.startswith(f"{cut} was not judged, no figure counts it: the file is cut short")
