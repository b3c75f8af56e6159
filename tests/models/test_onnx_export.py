import hashlib
import importlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from catenary import cli
from catenary.domain.errors import BundleError, ConfigError
from catenary.models import bundle, graphs, onnx_export, parity
from catenary.models.build import RefinerArchitecture, refiner_network
from catenary.models.bundle import CLASSIFIER, DETECTOR, REFINER
from catenary.models.parity import Way
from tests.jobs.bundles import CLASSES, random_bundle

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(parity, "_SIZES", ((160, 128), (160, 128), (150, 120)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a bundle with all three networks."""
    plain = random_bundle(tmp_path_factory.mktemp("plain") / "plain")
    card = bundle.verify(plain)
    states = {name: load_file(plain / name) for name in card.networks}
    states[REFINER] = refiner_network(RefinerArchitecture.SIDES_LITE0, 2).state_dict()
    own = bundle.RefinerSettings(RefinerArchitecture.SIDES_LITE0, CLASSES, 64)
    whole = tmp_path_factory.mktemp("whole") / "模型"
    card = replace(card, refiner=own)
    bundle.save(whole, card, states)
    return whole


def test_an_export_answers_at_other_sizes_and_batches(folder, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    place = tmp_path / "out"
    done = CliRunner().invoke(cli.app, ["bundle", "export", str(folder), "-o", str(place)])
    assert done.exit_code == 0, done.output
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    assert {path.name for path in place.iterdir()} == {"manifest.json", *manifest["files"]}
    for name, told in manifest["files"].items():
        assert hashlib.sha256((place / name).read_bytes()).hexdigest() == told["sha256"]
    assert manifest["opset"] == 18
    assert bundle.verify(folder).version == manifest["bundle"]
    assert (place / "card.json").read_bytes() == (folder / "card.json").read_bytes()

    random = np.random.default_rng(0)
    own = graphs.graphs(bundle.load(folder, CPU, "fp32"))
    labels = np.array([1, 0, 1], np.int64)
    asked = {
        DETECTOR: (random.integers(0, 255, (1, 1, 96, 224), np.uint8),),
        CLASSIFIER: (random.integers(0, 255, (5, 1, 192, 192), np.uint8),),
        REFINER: (random.integers(0, 255, (3, 1, 64, 64), np.uint8), labels),
    }
    for name, given in asked.items():
        file = place / name.replace("safetensors", "onnx")
        session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
        inputs = (one.name for one in session.get_inputs())
        told = session.run(None, dict(zip(inputs, given, strict=True)))
        with torch.inference_mode():
            expected = own[name](*map(torch.from_numpy, given))
        every = expected if isinstance(expected, tuple) else (expected,)
        for one, two in zip(told, every, strict=True):
            np.testing.assert_allclose(one, two.numpy(), atol=1e-3)
    names = session.get_modelmeta().custom_metadata_map
    assert json.loads(names["classes"]) == list(CLASSES)


@pytest.mark.slow
def test_an_export_that_answers_differently_does_not_appear(folder, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    never = dict(parity.TOLERANCES) | {Way.ONNX: parity.Difference(-1, 0, 1, 1, 1)}
    monkeypatch.setattr(parity, "TOLERANCES", never)
    with pytest.raises(BundleError, match="answers differently onnxruntime: output"):
        onnx_export.export(folder, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_command_that_installs_it_is_named(folder, tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"pip install 'catenary\[onnx\]'"):
        onnx_export.export(folder, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_not_touched(folder, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="exists; choose a folder that does not"):
        onnx_export.export(folder, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
