import csv
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catenary import cli
from catenary.domain.errors import CatenaryError, ConfigError, StoreError
from catenary.jobs.scanning import promised
from catenary.models import bundle
from catenary.models.bundle import OperatingPoint, Promises
from catenary.models.fusion import Fusion, FusionWeights
from tests.jobs.bundles import random_bundle
from tests.jobs.test_scan import picture

NONE = OperatingPoint(None, 3, 0, None, "not attainable with n = 3")


def promises(**points: OperatingPoint) -> Promises:
    named = {name.replace("__", "."): one for name, one in points.items()}
    return Promises(0.05, 0.95, "masts like these", "ab12", 120, 40, named)


@pytest.fixture
def card(tmp_path):
    made = bundle.verify(random_bundle(tmp_path / "model"))
    return replace(
        made,
        conditions={"split_pin": ("normal", "missing", "loose"), "dropper": ("normal", "broken")},
        thresholds={"split_pin": 0.3, "dropper": 0.4},
    )


def test_the_lowest_promise_of_a_component_counts_and_none_is_raised_later(card):
    points = promises(
        split_pin__missing=OperatingPoint(0.2, 80, 1, 0.1),
        split_pin__loose=OperatingPoint(0.1, 90, 1, 0.3),
        dropper__broken=OperatingPoint(0.9, 70, 0, 0.0),
    )
    given = replace(card, promises=points)
    assert promised.thresholds(given, Path("b")) == {"split_pin": 0.1, "dropper": 0.4}


def test_conditions_without_a_promise_keep_their_threshold_and_are_named(card):
    points = promises(split_pin__missing=OperatingPoint(0.2, 80, 1, 0.1), dropper__broken=NONE)
    given = replace(card, promises=points)
    assert promised.thresholds(given, Path("b")) == {"split_pin": 0.2, "dropper": 0.4}
    lines = list(promised.lines(given, Path("b")))
    assert "at most 5 % of the defects" in lines[0]
    assert "  split_pin.missing: raised from probability 0.200 (rests on 80 defects)" in lines
    assert "  not promised: split_pin.loose, dropper.broken" in lines


def test_a_card_that_promises_nothing_is_refused(card):
    with pytest.raises(ConfigError, match=r"b promises nothing; leave out --promise"):
        promised.thresholds(card, Path("b"))
    with pytest.raises(ConfigError, match=r"can promise nothing \(dropper\.broken: not attainable"):
        promised.thresholds(replace(card, promises=promises(dropper__broken=NONE)), Path("b"))


def scan(run: Path, model: Path, *more: str):
    options = ["--workspace", str(run.parent / "ws"), "--model", str(model), "--device", "cpu"]
    return CliRunner().invoke(cli.app, ["scan", str(run), *options, *more], catch_exceptions=False)


@pytest.mark.slow
def test_a_scan_raises_at_the_promised_threshold_and_says_so(tmp_path):
    run, model = tmp_path / "run", random_bundle(tmp_path / "model")
    run.mkdir()
    (run / "0.jpg").write_bytes(picture(0))
    undecided = dict.fromkeys(("both", "classifier", "rule"), FusionWeights(0.0, 0.01, 0.01))
    fitted = bundle.Calibration({"split_pin": Fusion(usual=undecided)}, {"split_pin": 0.99}, {})
    bundle.with_calibration(model, fitted)
    with pytest.raises(ConfigError, match="promises nothing"):
        scan(run, model, "--promise")
    bundle.with_promises(model, promises(split_pin__missing=OperatingPoint(0.05, 80, 1, 0.1)))
    with pytest.raises(ConfigError, match="leave out --promise, or --min-score"):
        scan(run, model, "--promise", "--min-score", "0.1")
    assert not (tmp_path / "ws").exists()
    done = scan(run, model, "--promise")
    assert "at most 5 % of the defects of each of these conditions missed" in done.output
    assert "split_pin.missing: raised from probability 0.050" in done.output
    for form in ("html", "csv", "xlsx"):
        file = tmp_path / f"r.{form}"
        arguments = ["report", "run", "--workspace", str(tmp_path / "ws"), "--format", form]
        assert CliRunner().invoke(cli.app, [*arguments, "-o", str(file)]).exit_code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "rests on 80 defects" in page
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        raised = sum(1 for _ in csv.reader(file)) - 1
    assert raised > 0

    # Scanned without a promise, nothing is promised; and it is not promised later either.
    other = tmp_path / "other"
    options = ["--workspace", str(other), "--model", str(model), "--device", "cpu"]
    plain = CliRunner().invoke(cli.app, ["scan", str(run), *options], catch_exceptions=False)
    assert "0 defects raised" in plain.output
    assert "Promised" not in plain.output
    with pytest.raises(StoreError, match="were scanned without this promise") as caught:
        CliRunner().invoke(
            cli.app, ["scan", str(run), *options, "--promise"], catch_exceptions=False
        )
    assert isinstance(caught.value, CatenaryError)
