import json

import pytest
import torch

from catenary.domain.errors import BundleError, ConfigError
from catenary.models import bundle
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
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_card_of_another_schema_is_refused(folder):
    edited(folder, schema=99)
    with pytest.raises(BundleError, match="schema 99"):
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
