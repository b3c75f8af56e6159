import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from catenary.domain.errors import BundleError, ConfigError
from catenary.models import bundle, seal, weights
from tests.jobs.bundles import random_bundle

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    return random_bundle(tmp_path / "模型")


def test_what_is_saved_is_loaded(folder):
    loaded = bundle.load(folder, CPU)
    assert loaded.card.classes == loaded.detector.classes == ("split_pin", "clevis")
    assert loaded.classifier.conditions == {"split_pin": ("normal", "missing")}


def test_no_file_of_a_bundle_is_a_pickle(folder):
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}


def test_a_changed_byte_is_found(folder):
    path = folder / bundle.CLASSIFIER
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"classifier\.safetensors was changed"):
        bundle.load(folder, CPU)


def test_a_half_copied_file_is_found(folder):
    path = folder / bundle.DETECTOR
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BundleError, match=r"has 5000 bytes, its card says"):
        bundle.verify(folder)


def test_a_missing_file_is_named(folder):
    (folder / bundle.DETECTOR).unlink()
    with pytest.raises(BundleError, match=r"detector\.safetensors"):
        bundle.verify(folder)


def edited(folder, **values):
    path = folder / bundle.CARD
    content = json.loads(path.read_text()) | values
    del content["seal"]
    path.write_bytes(seal.sealed(json.dumps(content, indent=1) + "\n"))


def test_a_card_of_another_schema_is_refused(folder):
    edited(folder, schema=99)
    with pytest.raises(BundleError, match="schema 99"):
        bundle.verify(folder)


def test_a_card_of_the_old_fusion_is_read_without_its_calibration(folder, caplog):
    old = {"split_pin": {"rule": {"intercept": 0, "classifier": 0, "rule": 1, "location": 2}}}
    edited(folder, schema=1, fusion=old, thresholds={"split_pin": 0.04}, floors={"clevis": 0.2})
    card = bundle.verify(folder)
    assert (card.fusion, card.thresholds, card.floors) == ({}, {}, {"clevis": 0.2})
    assert "calibrate the bundle again" in caplog.text
    bundle.with_calibration(folder, bundle.Calibration({}, {"split_pin": 0.7}, {}))
    caplog.clear()
    assert bundle.verify(folder).thresholds == {"split_pin": 0.7}
    assert not caplog.text


def test_a_threshold_that_what_nobody_suspects_could_reach_is_refused(folder):
    edited(folder, thresholds={"split_pin": 0.04})
    with pytest.raises(BundleError, match=r"thresholds must be in \[0\.05, 1\]"):
        bundle.verify(folder)


def test_classes_that_are_not_those_of_the_weights_are_refused(folder):
    edited(folder, classes=["split_pin", "clevis", "bolt"])
    with pytest.raises(BundleError, match="does not fit the card's architecture and classes"):
        bundle.load(folder, CPU)


def test_an_unknown_key_of_the_card_is_refused(folder):
    edited(folder, colour="red")
    with pytest.raises(BundleError, match="colour"):
        bundle.verify(folder)


def test_inputs_that_this_program_does_not_feed_are_refused(folder):
    edited(folder, inputs={"long_side_px": 1280, "crop_px": 192, "mean": 0.0})
    with pytest.raises(BundleError, match="wants inputs"):
        bundle.verify(folder)


def test_calibration_changes_the_version_but_no_weights(folder):
    before = bundle.verify(folder)
    fitted = bundle.Calibration({}, {"split_pin": 0.7}, {"clevis": 0.2})
    after = bundle.with_calibration(folder, fitted)
    assert after.thresholds == {"split_pin": 0.7}
    assert after.floors == {"clevis": 0.2}
    assert after.version != before.version
    assert after.files == before.files


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="no model bundle"):
        random_bundle(tmp_path / "work")
    assert (tmp_path / "work" / "notes.txt").read_text() == "mine"


def test_an_unknown_precision_is_refused(folder):
    with pytest.raises(ConfigError, match="int8"):
        bundle.load(folder, CPU, "int8")


PROMISES = bundle.Promises(
    0.05,
    0.95,
    "masts like these",
    "ab12",
    120,
    40,
    {"split_pin.missing": bundle.OperatingPoint(0.21, 80, 1, 0.3)},
)


def test_promises_are_read_back_from_the_card(folder):
    before = bundle.verify(folder)
    after = bundle.with_promises(folder, PROMISES)
    assert bundle.verify(folder).promises == PROMISES
    assert after.version != before.version


def test_a_new_calibration_voids_the_promises_of_the_old(folder):
    bundle.with_promises(folder, PROMISES)
    bundle.with_calibration(folder, bundle.Calibration({}, {"split_pin": 0.7}, {}))
    assert bundle.verify(folder).promises is None


def test_a_card_without_promises_has_the_text_it_always_had(folder):
    assert "promises" not in json.loads((folder / bundle.CARD).read_text())


def test_a_threshold_changed_by_hand_is_found(folder):
    path = folder / bundle.CARD
    path.write_text(path.read_text().replace('"split_pin": 0.3', '"split_pin": 0.9'))
    with pytest.raises(BundleError, match=r"card\.json was changed: its seal is of another text"):
        bundle.verify(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5])
def test_a_threshold_that_is_no_probability_is_refused(folder, value):
    edited(folder, thresholds={"split_pin": value}, floors={"split_pin": 0.5})
    with pytest.raises(BundleError, match="split_pin"):
        bundle.verify(folder)


def test_a_card_from_before_seals_is_sealed_with_its_version_kept(folder):
    path = folder / bundle.CARD
    before = bundle.verify(folder)
    content = json.loads(path.read_text())
    del content["seal"]
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    with pytest.raises(BundleError, match="has no seal"):
        bundle.verify(folder)
    assert bundle.with_seal(folder).version == before.version
    assert bundle.verify(folder) == before


def test_a_broken_seal_is_not_put_right_by_sealing(folder):
    path = folder / bundle.CARD
    path.write_text(path.read_text().replace('"0.3', '"0.4').replace("2026", "2027"))
    with pytest.raises(BundleError, match="has a seal already"):
        bundle.with_seal(folder)


def test_no_weights_are_parsed_when_another_file_is_damaged(folder, monkeypatch):
    path = folder / bundle.CLASSIFIER
    path.write_bytes(path.read_bytes()[:-1])
    parsed = []
    monkeypatch.setattr(weights, "load", parsed.append)
    with pytest.raises(BundleError, match=r"classifier\.safetensors has"):
        bundle.load(folder, CPU)
    assert not parsed


def test_a_card_that_is_far_too_large_is_not_read_whole(folder):
    with (folder / bundle.CARD).open("ab") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(BundleError, match="has more than 1000000 bytes"):
        bundle.verify(folder)


def test_weights_larger_than_any_network_are_not_read(folder):
    files = json.loads((folder / bundle.CARD).read_text())["files"]
    edited(folder, files=files | {bundle.DETECTOR: {"size": 10**12, "sha256": "0" * 64}})
    with pytest.raises(BundleError, match="no network of ours has 1000000000000 bytes"):
        bundle.verify(folder)


def test_a_bundle_that_a_gate_refuses_does_not_appear(folder, tmp_path):
    card = bundle.verify(folder)
    states = {name: load_file(folder / name) for name in card.networks}

    def refuse(_partial):
        raise BundleError("not the same")

    with pytest.raises(BundleError, match="not the same"):
        bundle.save(tmp_path / "new", card, states, refuse)
    assert {path.name for path in tmp_path.iterdir()} == {"模型"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = random_bundle(tmp_path_factory.mktemp("bundle") / "whole")
    return folder, {path.name: path.read_bytes() for path in folder.iterdir()}


def refused_with(folder, name, content, original):
    """Put damaged content into a bundle; it must be refused by its one kind of error."""
    path = folder / name
    path.write_bytes(content)
    try:
        with pytest.raises(BundleError) as caught:
            bundle.verify(folder)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
    finally:
        path.write_bytes(original)


NAMES = st.sampled_from([bundle.CARD, bundle.DETECTOR, bundle.CLASSIFIER])


@settings(max_examples=15, deadline=None)
@given(name=NAMES, place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_any_changed_byte_is_refused(whole, name, place, mask):
    folder, contents = whole
    changed = bytearray(contents[name])
    changed[int(place * len(changed))] ^= mask
    refused_with(folder, name, bytes(changed), contents[name])


@settings(max_examples=10, deadline=None)
@given(name=NAMES, place=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=3))
def test_a_file_cut_anywhere_is_refused(whole, name, place, more):
    folder, contents = whole
    cut = contents[name][: int(place * len(contents[name]))] + more
    if cut != contents[name]:
        refused_with(folder, name, cut, contents[name])


def test_every_byte_of_a_card_is_under_its_seal(whole):
    content = whole[1][bundle.CARD]
    for index in range(len(content)):
        changed = bytearray(content)
        changed[index] ^= 1
        with pytest.raises(BundleError):
            seal.opened(bytes(changed), Path("card.json"))
        with pytest.raises(BundleError):
            seal.opened(content[:index], Path("card.json"))
