"""Model bundles: a folder with the weights of the networks and a card that describes them.

``card.json`` holds everything a scan must know to use the weights and everything a reader
must know to trust them; the weights are safetensors. Nothing on the way in is unpickled.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from catenary.domain.errors import BundleError, ConfigError
from catenary.models import inputs, seal, weights
from catenary.models.anomaly import PatchScorer
from catenary.models.build import (
    AnomalyArchitecture,
    ClassifierArchitecture,
    DetectorArchitecture,
    RefinerArchitecture,
    anomaly_network,
    classifier_network,
    detector_network,
    refiner_network,
)
from catenary.models.classifier import CropClassifier, pairs
from catenary.models.detector import ComponentDetector
from catenary.models.fusion import LEAST_THRESHOLD, Fusion
from catenary.models.inputs import Precision
from catenary.models.refiner import BoxRefiner

log = logging.getLogger(__name__)

SCHEMA = 2  # raised when a card of the old form can no longer be used
_OLD_FUSION = 1  # schema of cards that are read without their calibration
CARD = "card.json"
DETECTOR = "detector.safetensors"
CLASSIFIER = "classifier.safetensors"
REFINER = "refiner.safetensors"
ANOMALY = "anomaly.safetensors"
_CALIBRATED = ("fusion", "thresholds", "promises")
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)  # no threshold that nothing reaches
_TOP = 1.001  # a threshold may stand a trifle above a score of 1


@dataclass(frozen=True, slots=True)
class InputContract:
    """What the weights were trained to be fed.

    Attributes:
        channels: ``"grey"``: one channel.
        mean: Grey level that is mapped to 0.
        std: Grey levels that are mapped to 1.
        long_side_px: Longer side of the reduced picture the detector is run on first.
        crop_px: Side of the square a component crop is fitted into for the classifier.
    """

    __pydantic_config__ = _STRICT
    long_side_px: int = 1280
    crop_px: int = 192
    channels: str = "grey"
    mean: float = inputs.MEAN
    std: float = inputs.STD


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number of the card.

    Attributes:
        value: The number.
        count: How many truths, findings or images it rests on.
        low: Lower end of its 95 % interval, or None when none was computed.
        high: Upper end.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # a figure may be not a number
    value: float
    count: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What calibration adds to a bundle.

    Attributes:
        fusion: Component id to how its sources are joined.
        thresholds: Component id to the probability from which it is raised.
        floors: Component id to the detector score from which a box is kept.
    """

    fusion: Mapping[str, Fusion]
    thresholds: Mapping[str, float]
    floors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold of one ``"component.condition"`` that promises a bound on misses.

    Attributes:
        threshold: Highest probability from which parts may be raised; None when nothing can be
            promised.
        defects: Physical defects it rests on.
        missed: Of those, how many the threshold misses.
        false_per_image: False findings of the component a photograph at the threshold, on the
            same photographs; None without a threshold.
        reason: Why nothing can be promised; empty when it can.
    """

    __pydantic_config__ = _STRICT
    threshold: float | None
    defects: int
    missed: int
    false_per_image: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Promises:
    """Operating points with a finite-sample guarantee; see `catenary.evaluation.guarantee`.

    Attributes:
        miss: Largest share of physical defects of each condition that may be missed.
        confidence: With which probability over calibration sets each promise holds.
        assumes: What must be true for that, in words.
        fingerprint: SHA-256 of the label file, and of the part of a split where one was taken.
        images: Photographs.
        masts: Masts they are of.
        points: By ``"component.condition"``.
    """

    __pydantic_config__ = _STRICT
    miss: float
    confidence: float
    assumes: str
    fingerprint: str
    images: int
    masts: int
    points: Mapping[str, OperatingPoint]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What the weights learnt from.

    Attributes:
        fingerprint: SHA-256 over the label files.
        description: Whence, how many images, how split; in words.
    """

    __pydantic_config__ = _STRICT
    fingerprint: str
    description: str


@dataclass(frozen=True, slots=True)
class RefinerSettings:
    """What is needed to build and feed a box refiner.

    Attributes:
        architecture: See `catenary.models.build`.
        classes: Component ids, in label order.
        crop_px: Side of the square that the surroundings of a box are fitted into.
    """

    __pydantic_config__ = _STRICT
    architecture: RefinerArchitecture
    classes: tuple[str, ...]
    crop_px: int


@dataclass(frozen=True, slots=True)
class AnomalySettings:
    """What is needed to build and feed an anomaly scorer.

    Attributes:
        architecture: See `catenary.models.build`.
        memories: Component id to the normal patches that are remembered of it.
        crop_px: Side of the square that a crop is fitted into.
    """

    __pydantic_config__ = _STRICT
    architecture: AnomalyArchitecture
    memories: Mapping[str, int]
    crop_px: int


@dataclass(frozen=True, slots=True)
class Card:
    """Everything known of a bundle.

    Attributes:
        name: Name of the bundle, e.g. ``"catenary-sim-1"``.
        catenary_version: Version of this program that trained it.
        git_revision: Code it was trained with; empty when unknown.
        created: ISO date.
        classes: Component ids of the detector, in label order.
        conditions: Conditions of each component the classifier knows, ``"normal"`` first.
        data: What it learnt from.
        inputs: What it must be fed.
        fusion: By component, how its sources are joined.
        thresholds: By component, the probability from which it is raised.
        floors: By component, the detector score from which a box is believed to be one.
        promises: Operating points with a guarantee; None when none were calibrated.
        seeds: Random seeds of the trainings by name.
        metrics: Measured figures by name.
        licence: Of the weights.
        known_weaknesses: What it cannot do, in words.
        files: By file name; filled in by `save`.
        refiner: Of the box refiner; None in a bundle that has none.
        anomaly: Of the anomaly scorer; None in a bundle that has none.
    """

    __pydantic_config__ = _STRICT
    name: str
    catenary_version: str
    git_revision: str
    created: str
    detector_architecture: DetectorArchitecture
    classifier_architecture: ClassifierArchitecture
    classes: tuple[str, ...]
    conditions: Mapping[str, tuple[str, ...]]
    data: TrainingData
    inputs: InputContract = field(default_factory=InputContract)
    fusion: Mapping[str, Fusion] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)
    promises: Promises | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, Figure] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    known_weaknesses: tuple[str, ...] = ()
    files: Mapping[str, weights.WeightsFile] = field(default_factory=dict)
    schema: int = SCHEMA
    refiner: RefinerSettings | None = None
    anomaly: AnomalySettings | None = None

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the weights files that the bundle must hold."""
        more = ((REFINER, self.refiner), (ANOMALY, self.anomaly))
        return (DETECTOR, CLASSIFIER, *(name for name, own in more if own))

    @property
    def version(self) -> str:
        """Name and the first 8 hex digits of the card's SHA-256: ``"catenary-sim-1@ab12cd34"``.

        The card holds the hashes of the weights, so this names all of the bundle.
        """
        return f"{self.name}@{hashlib.sha256(_text(self).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified card and its networks, ready to use."""

    card: Card
    detector: ComponentDetector
    classifier: CropClassifier
    refiner: BoxRefiner | None = None
    anomaly: PatchScorer | None = None


def save(
    folder: Path,
    card: Card,
    states: Mapping[str, Mapping[str, Tensor]],
    gate: Callable[[Path], None] | None = None,
) -> Card:
    """Write a bundle: wholly or not at all.

    Args:
        folder: Must not exist yet, or be a bundle, which is replaced.
        card: ``files`` is ignored.
        states: State of each network by the name of its weights file, see `Card.networks`.
        gate: Looks at the bundle before it appears in its place, and raises to refuse it.

    Returns:
        The card as written.

    Raises:
        BundleError: If ``folder`` holds something else, or the bundle would not be valid.
        ValueError: If the states are not those of the card's networks.
    """
    if set(states) != set(card.networks):
        raise ValueError(f"card needs states of {card.networks}, got {tuple(states)}")
    if folder.exists() and not (folder / CARD).is_file():
        raise BundleError(f"{folder} exists and is no model bundle; choose another folder")
    contents = {name: weights.packed(state) for name, state in states.items()}
    files = {name: weights.record(content) for name, content in contents.items()}
    written = replace(card, files=files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        (partial / CARD).write_bytes(seal.sealed(_text(written)))
        verify(partial)
        if gate is not None:
            gate(partial)
        partial.chmod(0o755)  # mkdtemp makes folders only the owner can read
        _exchange(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _read_card(folder)


def with_calibration(folder: Path, calibration: Calibration) -> Card:
    """Write what was fitted into the card; the networks' weights stay as they are.

    Args:
        folder: An existing bundle.
        calibration: Replaces the card's; promises made for another calibration go.

    Raises:
        BundleError: If the bundle is damaged.
    """
    written = replace(
        verify(folder),
        fusion=calibration.fusion,
        thresholds=calibration.thresholds,
        floors=calibration.floors,
        promises=None,
    )
    return _rewritten(folder, written)


def with_promises(folder: Path, promises: Promises) -> Card:
    """Write operating points into the card of a calibrated bundle.

    Raises:
        BundleError: If the bundle is damaged.
    """
    return _rewritten(folder, replace(verify(folder), promises=promises))


def with_seal(folder: Path) -> Card:
    """Seal the card of a bundle made before cards had seals.

    Raises:
        BundleError: If the card has a seal already, broken or not, or the bundle is damaged.
    """
    path = folder / CARD
    content = seal.read(path)
    if seal.is_sealed(content):
        raise BundleError(f"{path} has a seal already; one that is broken is not put right here")
    card = _parsed(content, path)
    _check(folder, card)
    return _rewritten(folder, card)


def _rewritten(folder: Path, written: Card) -> Card:
    handle, partial = tempfile.mkstemp(prefix=f".{CARD}-", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(seal.sealed(_text(written)))
    Path(partial).chmod(0o644)
    Path(partial).replace(folder / CARD)
    return _read_card(folder)


def verify(folder: Path) -> Card:
    """Check a bundle without building its networks.

    Raises:
        BundleError: One line naming the file and what is wrong with it.
    """
    card = _read_card(folder)
    _check(folder, card)
    return card


def _check(folder: Path, card: Card) -> None:
    _check_contract(folder, card)
    for name in card.networks:
        weights.checked(folder / name, card.files[name])


def load(
    folder: Path,
    device: torch.device,
    precision: str = Precision.BF16,
) -> Bundle:
    """Verify a bundle and build its networks.

    Args:
        folder: The bundle.
        device: Must exist.
        precision: A `Precision` value: number format of the convolutions.

    Raises:
        BundleError: If it is damaged or made for another program.
        ConfigError: If there is no such precision.
    """
    if precision not in set(Precision):
        raise ConfigError(f"precision must be {' or '.join(Precision)}, got {precision!r}")
    card = verify(folder)  # all files, before any of them is interpreted
    detector = detector_network(card.detector_architecture, len(card.classes))
    _fill(detector, folder, DETECTOR, card)
    classifier = classifier_network(card.classifier_architecture, len(pairs(card.conditions)))
    _fill(classifier, folder, CLASSIFIER, card)
    side = card.inputs.crop_px
    return Bundle(
        card,
        ComponentDetector(detector, card.classes, device, Precision(precision)),
        CropClassifier(classifier, card.conditions, side, device, Precision(precision)),
        _refiner(folder, card, device, Precision(precision)),
        _anomaly(folder, card, device),
    )


def _refiner(
    folder: Path, card: Card, device: torch.device, precision: Precision
) -> BoxRefiner | None:
    if (own := card.refiner) is None:
        return None
    network = refiner_network(own.architecture, len(own.classes))
    _fill(network, folder, REFINER, card)
    return BoxRefiner(network, own.classes, own.crop_px, device, precision)


def _anomaly(folder: Path, card: Card, device: torch.device) -> PatchScorer | None:
    if (own := card.anomaly) is None:
        return None
    network = anomaly_network(own.architecture, own.memories)
    _fill(network, folder, ANOMALY, card)
    return PatchScorer(network, own.crop_px, device)


def _text(card: Card) -> str:
    # Keys are not sorted: the order of the conditions is the order of the network's outputs.
    content = asdict(card)
    for name in ("promises", "refiner", "anomaly"):  # cards from before them keep their version
        if content[name] is None:
            del content[name]
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _exchange(partial: Path, folder: Path) -> None:
    """Put ``partial`` in the place of ``folder``."""
    if not folder.exists():
        partial.rename(folder)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(retired / folder.name)
    partial.rename(folder)
    shutil.rmtree(retired)


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    return _parsed(seal.opened(seal.read(path), path), path)


def _parsed(text: bytes, path: Path) -> Card:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON ({error}); copy the bundle again") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema == _OLD_FUSION:
        log.warning(
            "%s was calibrated for another fusion, which is not used: calibrate the bundle again",
            path,
        )
        content = {name: value for name, value in content.items() if name not in _CALIBRATED}
        schema = content["schema"] = SCHEMA
    if schema != SCHEMA:
        raise BundleError(
            f"{path} has schema {schema!r}, this catenary reads {SCHEMA}; use the catenary"
            " it was made with or another bundle"
        )
    try:
        return TypeAdapter(Card).validate_python(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise BundleError(f"{path} is not a valid card: {wrong}; copy the bundle again") from error


def _check_contract(folder: Path, card: Card) -> None:
    expected = InputContract(card.inputs.long_side_px, card.inputs.crop_px)
    if card.inputs != expected:
        raise BundleError(
            f"{folder / CARD} wants inputs {card.inputs}, this catenary feeds {expected}; use the"
            " catenary it was made with or another bundle"
        )
    if missing := sorted(set(card.networks) - set(card.files)):
        raise BundleError(f"{folder / CARD} does not list {', '.join(missing)}; export it again")
    limits = [(kind, value, LEAST_THRESHOLD) for kind, value in card.thresholds.items()]
    limits += [(kind, value, 0.0) for kind, value in card.floors.items()]
    if odd := [kind for kind, value, least in limits if not least <= value <= _TOP]:
        raise BundleError(
            f"{folder / CARD}: thresholds must be in [{LEAST_THRESHOLD:g}, 1] and floors in [0, 1],"
            f" those of {', '.join(odd)} are not; calibrate the bundle again"
        )
    if odd := [kind for kind, names in card.conditions.items() if names[:1] != ("normal",)]:
        raise BundleError(
            f"{folder / CARD}: 'normal' must be the first condition of {', '.join(odd)};"
            " export the bundle again"
        )


def _fill(network: nn.Module, folder: Path, name: str, card: Card) -> None:
    """Load checked weights into a network; what is hashed is what is loaded."""
    path = folder / name
    weights.fill(network, weights.checked(path, card.files[name]), path)
