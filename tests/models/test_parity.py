import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from catenary import cli
from catenary.domain.errors import BundleError
from catenary.models import bundle, graphs, inputs, parity
from catenary.models.bundle import CLASSIFIER, DETECTOR
from catenary.models.detections import Detections
from catenary.models.detector import PeakLimits, read
from catenary.models.parity import Way
from tests.jobs.bundles import random_bundle

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return random_bundle(tmp_path_factory.mktemp("bundle") / "random")


@pytest.fixture(scope="module")
def own(folder):
    return bundle.load(folder, CPU, "fp32")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(parity, "_SIZES", ((160, 128), (160, 128), (150, 120)))


def test_a_graph_and_its_reading_are_the_detector(own):
    picture = parity.pictures()[2]
    batch = inputs.stacked([picture], *inputs.padded_size(*picture.shape))
    with torch.inference_mode():
        logits, sides = graphs.graphs(own)[DETECTOR](batch)
    (found,) = read(logits, sides, graphs.picked, [picture.shape], PeakLimits())
    (expected,) = own.detector([picture])
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_pictures_are_the_same_every_time():
    for one, two in zip(parity.pictures(), parity.pictures(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_whole_bundle_passes_its_gate(folder, own):
    states = {name: load_file(folder / name) for name in own.card.networks}
    parity.gate(folder, states)
    reloaded, batched, narrow = parity.compare(folder)
    assert reloaded.found == parity.Difference(0, 0, 0, 0, 0)
    assert 0 <= batched.found.output < 1e-3
    assert narrow.found.output > batched.found.output  # bfloat16 was really asked for


def test_weights_that_were_written_wrong_are_refused(folder, own):
    states = {name: load_file(folder / name) for name in own.card.networks}
    states[CLASSIFIER]["head.bias"] = states[CLASSIFIER]["head.bias"] + 1
    with pytest.raises(BundleError, match=r"classifier\.safetensors: 1 tensors .*head\.bias"):
        parity.gate(folder, states)


def test_weights_that_are_not_numbers_are_refused(folder, tmp_path, own):
    states = {name: load_file(folder / name) for name in own.card.networks}
    states[DETECTOR]["box.bias"][0] = math.nan
    place = tmp_path / "new"
    with pytest.raises(BundleError, match="not numbers"):
        bundle.save(place, own.card, states, lambda partial: parity.gate(partial, states))
    assert not place.exists()


def changed(own, name, change):
    """Return the graphs of a bundle with the answers of one of them changed."""
    asked = dict(parity._native(own))
    native = asked[name]
    asked[name] = lambda *given: change(native(*given))
    return asked


def test_boxes_moved_by_a_pixel_are_told_as_a_pixel(own):
    first = parity._answers(own, parity._native(own))
    moved = tuple(Detections(one.boxes + 1, one.scores, one.labels) for one in first.found)
    compared = parity._compared(Way.ONNX, first, replace(first, found=moved), own.card)
    assert compared.found.shift_px == pytest.approx(1, abs=1e-3)
    assert compared.found.lost == 0
    assert compared.broken == ("shift_px",)
    with pytest.raises(BundleError, match=r"onnxruntime: shift_px 1 \(allowed 0\.05\)"):
        parity.refuse([compared], Path("random"))


def test_a_detector_that_goes_blind_loses_all_boxes(own):
    blind = changed(own, DETECTOR, lambda told: (told[0] - np.float32(50), told[1]))
    compared = parity.compare_exported(own, blind)
    assert compared.found.lost == 1
    assert {"output", "lost"} <= set(compared.broken)


def test_a_raised_logit_is_told_as_its_probability(own):
    # Random heads say nearly 0 for both of two conditions: log 3 more makes 1/2 to 3/4.
    more = np.array([0, math.log(3)], np.float32)
    zeros = changed(own, CLASSIFIER, lambda told: (told[0] * 0 + more,))
    flat = changed(own, CLASSIFIER, lambda told: (told[0] * 0,))
    first, other = (parity._answers(own, one) for one in (flat, zeros))
    found = parity._compared(Way.ONNX, first, other, own.card).found
    assert found.condition == pytest.approx(0.25)
    assert found.output == pytest.approx(math.log(3))


def test_answers_that_are_not_numbers_break_the_tolerance(own):
    nothing = changed(own, CLASSIFIER, lambda told: (told[0] * np.float32("nan"),))
    assert {"output", "condition"} <= set(parity.compare_exported(own, nothing).broken)


def test_a_box_of_another_class_is_no_partner():
    box = np.array([[0, 0, 10, 10]], np.float32)
    score = np.ones(1, np.float32)
    one, two = (Detections(box, score, np.array([label])) for label in (0, 1))
    assert parity._partners(one, one).tolist() == [0]
    assert parity._partners(one, two).tolist() == [-1]
    assert parity._partners(one, Detections.none()).tolist() == [-1]
    assert parity._partners(Detections.none(), one).tolist() == []


@pytest.mark.slow
def test_the_command_prints_a_table_and_fails_on_a_broken_tolerance(folder, monkeypatch):
    arguments = ["bundle", "verify", str(folder), "--parity"]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    assert "in batches" in done.output
    strict = dict(parity.TOLERANCES) | {Way.BF16: parity.Difference(0, 0, 0, 0, 0)}
    monkeypatch.setattr(parity, "TOLERANCES", strict)
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 1
    assert "BROKEN: output" in done.output
