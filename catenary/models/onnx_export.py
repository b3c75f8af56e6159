"""Write a bundle as ONNX graphs for other programs, checked against the bundle before they appear.

The older exporter of torch is used on purpose: it traces in a second, and height and width stay
free. The newer one (``dynamo=True``, torch 2.15) had not finished with free height and width after
seven minutes, since each strided layer adds to the formula of the size. It needs onnxscript too.
"""

import importlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.domain.errors import BundleError, ConfigError
from catenary.models import bundle as bundles
from catenary.models import classifier, graphs, inputs, parity, weights
from catenary.models.bundle import CARD, Bundle, Card
from catenary.models.parity import Compared

MANIFEST = "manifest.json"
OPSET = 18  # of 2022: every runtime in use knows it, and our layers need nothing newer
_EXAMPLE = 2  # pictures traced; of one, some layers would take the number for fixed


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote.

    Attributes:
        files: Names in the folder, the manifest last.
        left_out: Weights files of the bundle that have no graph.
        parity: Against the bundle in float32.
    """

    files: tuple[str, ...]
    left_out: tuple[str, ...]
    parity: Compared


@dataclass(frozen=True, slots=True)
class _Form:
    """Names of a graph's inputs and outputs, and which axes are free."""

    example: tuple[Tensor, ...]
    inputs: Mapping[str, Mapping[int, str]]
    outputs: Mapping[str, Mapping[int, str]]


def export(folder: Path, output: Path) -> Exported:
    """Write graphs, card and manifest into a new folder: wholly or not at all.

    Args:
        folder: Bundle.
        output: Folder to make; must not exist.

    Raises:
        ConfigError: If onnx or onnxruntime is not installed, or ``output`` exists.
        BundleError: If the bundle is damaged, or a graph does not answer as it does.
    """
    onnx, onnxruntime = _room("onnx"), _room("onnxruntime")
    if output.exists():
        raise ConfigError(f"{output} exists; choose a folder that does not")
    own = bundles.load(folder, torch.device("cpu"), inputs.Precision.FP32)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        made = _written(own, partial, onnx)
        sessions = {name: _session(partial / file, onnxruntime) for name, file in made.items()}
        compared = parity.compare_exported(own, sessions)
        parity.refuse([compared], folder)
        shutil.copyfile(folder / CARD, partial / CARD)
        left_out = tuple(name for name in own.card.networks if name not in made)
        files = (*made.values(), CARD)
        manifest = _manifest(own.card, partial, files, left_out, compared)
        (partial / MANIFEST).write_text(manifest, encoding="utf-8")
        partial.chmod(0o755)  # mkdtemp makes folders only the owner can read
        partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported((*files, MANIFEST), left_out, compared)


def _room(name: str) -> Any:  # noqa: ANN401 - a module without types
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{name} is not installed; run `pip install 'catenary[onnx]'` to export bundles"
        ) from error


def _written(own: Bundle, folder: Path, onnx: Any) -> dict[str, str]:  # noqa: ANN401 - see _room
    """Write a graph for each network; return file names by the name of the weights file."""
    made = {}
    for name, graph in graphs.graphs(own).items():
        file = Path(name).with_suffix(".onnx").name
        form = _form(name, own)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this exporter is the older one
            torch.onnx.export(
                graph,
                form.example,
                folder / file,
                dynamo=False,
                input_names=list(form.inputs),
                output_names=list(form.outputs),
                dynamic_axes={**form.inputs, **form.outputs},
                opset_version=OPSET,
            )
        model = onnx.load(folder / file)
        onnx.helper.set_model_props(model, _names(name, own.card))
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, folder / file)
        made[name] = file
    return made


def _form(name: str, own: Bundle) -> _Form:
    batch = {0: "batch"}
    match name:
        case bundles.DETECTOR:
            cells = {0: "batch", 2: "rows", 3: "columns"}
            return _Form(
                (_blank(64, 96),),
                {"pictures": {0: "batch", 2: "height", 3: "width"}},
                {"logits": cells, "sides": cells},
            )
        case bundles.CLASSIFIER:
            side = own.classifier.crop_px
            return _Form((_blank(side, side),), {"crops": batch}, {"logits": batch})
        case _:
            side = own.refiner.crop_px if own.refiner else 0
            labels = torch.zeros(_EXAMPLE, dtype=torch.int64)
            return _Form(
                (_blank(side, side), labels),
                {"crops": batch, "labels": batch},
                {"boxes": batch, "quality": batch},
            )


def _blank(height: int, width: int) -> Tensor:
    return torch.zeros(_EXAMPLE, 1, height, width, dtype=torch.uint8)


def _names(name: str, card: Card) -> dict[str, str]:
    """Return what a graph says of itself: whose it is, and what its numbers stand for."""
    told: dict[str, object] = {"bundle": card.version, "licence": card.licence}
    grey = "uint8 grey levels, unchanged; the graph subtracts the mean"
    match name:
        case bundles.DETECTOR:
            told |= {"classes": card.classes, "stride_px": 4, "size": "multiples of 32 px"}
        case bundles.CLASSIFIER:
            told |= {"outputs": [".".join(one) for one in classifier.pairs(card.conditions)]}
        case _:
            told |= {"classes": card.refiner.classes if card.refiner else ()}
    told |= {"input": grey}
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in told.items()
    }


def _session(path: Path, onnxruntime: Any) -> parity.Graph:  # noqa: ANN401 - see _room
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own errors have no common base
        raise BundleError(f"onnxruntime refuses {path.name}: {error}") from error
    names = [one.name for one in session.get_inputs()]

    def ask(*asked: NDArray[np.generic]) -> Sequence[NDArray[np.float32]]:
        told: Sequence[NDArray[np.float32]] = session.run(
            None, dict(zip(names, asked, strict=True))
        )
        return told

    return ask


def _manifest(
    card: Card,
    folder: Path,
    files: Sequence[str],
    left_out: Sequence[str],
    compared: Compared,
) -> str:
    content = {
        "schema": 1,
        "format": "onnx",
        "opset": OPSET,
        "bundle": card.version,
        "torch": torch.__version__,
        "files": {name: asdict(weights.record((folder / name).read_bytes())) for name in files},
        "left_out": list(left_out),
        "parity": {
            "largest": asdict(compared.found),
            "allowed": asdict(parity.TOLERANCES[compared.way]),
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
