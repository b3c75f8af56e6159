"""Does a bundle give the same answers another way: loaded again, batched, bfloat16, exported?

Compared on pictures drawn here from a fixed seed, which look like nothing in particular: they
show that the numbers are the same, never that they are right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.ops import box_iou

from catenary.domain.errors import BundleError
from catenary.models import bundle as bundles
from catenary.models import graphs, inputs, refiner
from catenary.models.bundle import CLASSIFIER, DETECTOR, REFINER, Bundle
from catenary.models.detections import Detections
from catenary.models.detector import PeakLimits, read
from catenary.models.inputs import Precision

Graph = Callable[..., Sequence[NDArray[np.float32]]]  # uint8 pictures (and labels) to outputs
Graphs = Mapping[str, Graph]  # by the name of the weights file
Grey = NDArray[np.uint8]

_SEED = 3
_SIZES = ((256, 320), (256, 320), (416, 224), (440, 500))  # height, width; two of one size
_CPU = torch.device("cpu")
_SAME_PART = 0.5  # IoU of a box with its partner
NAMES = ("output", "lost", "shift_px", "score", "condition")  # of `Difference`


class Way(StrEnum):
    """How the same question is asked a second time."""

    RELOADED = "loaded again"
    BATCHED = "in batches"
    BF16 = "bfloat16"
    ONNX = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest differences between two sets of answers.

    Attributes:
        output: Of the networks' raw outputs: logits, and the refiner's boxes as shares.
        lost: Share in [0, 1] of the boxes clearly above the floor that have no partner.
        shift_px: Of a corner of a box, detector's or refiner's.
        score: Of a box, or its refined quality.
        condition: Of a condition's probability.
    """

    output: float
    lost: float
    shift_px: float
    score: float
    condition: float


# Loading is copying: nothing may change. In float32 only the order of additions changes with the
# library and the batch: 1e-5 of a logit and 1e-4 px with the shipped bundle, so these limits leave
# room for other processors and are far below what moves a verdict. bfloat16 keeps 8 bits of each
# number, and some drawn crops look like nothing the classifier knows: shipped bundles showed up to
# 12 px and 0.25, and 0.12 of a score before calibration, when boxes count that no floor keeps. The
# limits, about twice that, find a network that breaks in bfloat16, not one that is a little worse;
# `catenary evaluate --precision` tells what it costs. Near-equal peaks may change places, so a few
# boxes may be lost.
TOLERANCES: Mapping[Way, Difference] = {
    Way.RELOADED: Difference(0.0, 0.0, 0.0, 0.0, 0.0),
    Way.BATCHED: Difference(1e-3, 0.0, 0.05, 1e-4, 1e-4),
    Way.BF16: Difference(4.0, 0.1, 25.0, 0.2, 0.5),
    Way.ONNX: Difference(1e-3, 0.0, 0.05, 1e-4, 1e-4),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One way of asking, and what came of it.

    Attributes:
        way: Which.
        found: Largest differences from the native float32 answers.
        boxes: Detector's boxes above the floor that were compared.
    """

    way: Way
    found: Difference
    boxes: int

    @property
    def broken(self) -> tuple[str, ...]:
        """Names of the differences that are larger than allowed; not a number is."""
        allowed = TOLERANCES[self.way]
        found = self.found
        return tuple(name for name in NAMES if not getattr(found, name) <= getattr(allowed, name))


@dataclass(frozen=True, slots=True)
class _Answers:
    raw: tuple[NDArray[np.float32], ...]
    found: tuple[Detections, ...]
    conditions: NDArray[np.float64]  # (N, outputs)
    refined: NDArray[np.float32]  # (N, 4) px of the picture
    quality: NDArray[np.float32]  # (N,)


def gate(folder: Path, states: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Refuse a bundle that is not what was trained, or answers differently another way.

    Args:
        folder: Bundle, whole.
        states: Of the trained networks by the name of their weights file.

    Raises:
        BundleError: Naming what differs by how much.
    """
    for name, state in states.items():
        kept = load_file(folder / name)
        if odd := [key for key, value in state.items() if not torch.equal(value.cpu(), kept[key])]:
            raise BundleError(
                f"{name}: {len(odd)} tensors are not what was trained, or not numbers, e.g."
                f" {odd[0]}; train it again"
            )
    refuse(compare(folder), folder)


def refuse(compared: Sequence[Compared], folder: Path) -> None:
    """Raise for the first way of asking that broke a tolerance.

    Raises:
        BundleError: Naming what differs by how much.
    """
    for one in compared:
        if one.broken:
            wrong = ", ".join(
                f"{name} {getattr(one.found, name):.3g} (allowed"
                f" {getattr(TOLERANCES[one.way], name):g})"
                for name in one.broken
            )
            raise BundleError(
                f"bundle {folder.name} answers differently {one.way}: {wrong}; see Parity in"
                " docs/method.md"
            )


def compare_exported(own: Bundle, exported: Graphs) -> Compared:
    """Compare the graphs of a bundle outside of torch with those of the float32 bundle itself."""
    first = _answers(own, _native(own))
    return _compared(Way.ONNX, first, _answers(own, exported, in_batches=True), own.card)


def compare(folder: Path) -> tuple[Compared, ...]:
    """Compare a bundle with itself, asked in the ways that need no export.

    Args:
        folder: Bundle.

    Raises:
        BundleError: If it is damaged.
    """
    own = bundles.load(folder, _CPU, Precision.FP32)
    again = bundles.load(folder, _CPU, Precision.FP32)
    narrow = bundles.load(folder, _CPU, Precision.BF16)  # other operators, not only other numbers
    asked = _native(own)
    first = _answers(own, asked)
    ways = {
        Way.RELOADED: _answers(own, _native(again)),
        Way.BATCHED: _answers(own, asked, in_batches=True),
        Way.BF16: _answers(own, _native(narrow, Precision.BF16)),
    }
    return tuple(_compared(way, first, other, own.card) for way, other in ways.items())


def lines(compared: Sequence[Compared]) -> Iterator[str]:
    """Yield a table of the largest differences, each beside what is allowed."""
    heads = ("outputs", "boxes lost", "corner px", "score", "condition")
    yield f"{'against float32 one by one':<28}" + "".join(f"{head:>20}" for head in heads)
    for one in compared:
        cells = (
            f"{getattr(one.found, name):.2g} (<= {getattr(TOLERANCES[one.way], name):g})"
            for name in NAMES
        )
        told = "  BROKEN: " + ", ".join(one.broken) if one.broken else ""
        yield f"{one.way:<28}" + "".join(f"{cell:>20}" for cell in cells) + told
    boxes = max((one.boxes for one in compared), default=0)
    yield f"{len(_SIZES)} drawn pictures, {boxes} boxes above the floors"


def pictures() -> tuple[Grey, ...]:
    """Return the drawn pictures: two wires with droppers between, strings of sheds, pinned plates.

    They are like photographs only so far that a detector finds something in them.
    """
    random = np.random.default_rng(_SEED)
    return tuple(_picture(random, height, width) for height, width in _SIZES)


def _picture(random: np.random.Generator, height: int, width: int) -> Grey:
    pixels = random.normal(18, 3, (height, width))
    upper, lower = int(0.12 * height), int(0.85 * height)
    for y in (upper, lower):
        _line(pixels, (0, y + 6, width, y - 6), 120, 4)
    for _ in range(2):
        _dropper(pixels, int(random.integers(20, width - 20)), (upper, lower))
    for _ in range(2):
        _string(pixels, int(random.integers(40, width - 40)), int(random.integers(70, height - 70)))
    for _ in range(3):
        _plate(pixels, int(random.integers(40, width - 40)), int(random.integers(40, height - 40)))
    return cv2.GaussianBlur(pixels, (3, 3), 0).clip(0, 255).astype(np.uint8)


def _line(pixels: NDArray[np.float64], ends: tuple[int, ...], level: float, thick: int) -> None:
    cv2.line(pixels, ends[:2], ends[2:], level, thick, cv2.LINE_AA)


def _dropper(pixels: NDArray[np.float64], x: int, ends: tuple[int, int]) -> None:
    _line(pixels, (x, ends[0], x + 3, ends[1]), 150, 2)
    for y in ends:
        cv2.rectangle(pixels, (x - 5, y - 7), (x + 5, y + 7), 190.0, -1)


def _string(pixels: NDArray[np.float64], x: int, y: int) -> None:
    _line(pixels, (x, y - 75, x, y + 75), 120, 5)
    for shed in range(-50, 51, 11):
        for half, level in ((20, 90.0), (17, 150.0), (11, 215.0)):
            axes = (half, half // 5)
            cv2.ellipse(pixels, (x, y + shed), axes, 0, 0, 360, level, -1, cv2.LINE_AA)


def _plate(pixels: NDArray[np.float64], x: int, y: int) -> None:
    _line(pixels, (x - 60, y - 25, x + 60, y + 25), 110, 14)
    cv2.rectangle(pixels, (x - 22, y - 16), (x + 22, y + 16), 140.0, -1)
    cv2.circle(pixels, (x, y), 9, 205.0, -1, cv2.LINE_AA)
    cv2.circle(pixels, (x, y), 9, 60.0, 1, cv2.LINE_AA)
    _line(pixels, (x - 14, y + 2, x + 14, y - 2), 245, 3)


def _places() -> NDArray[np.float32]:
    """Return the boxes that are looked at in every picture: some stand over its edge."""
    sides = [(20, 20, 90, 80), (95, 10, 115, 140), (-10, 90, 60, 145), (60, 50, 118, 130)]
    return np.array(sides, np.float32)


def _native(bundle: Bundle, precision: Precision = Precision.FP32) -> Graphs:
    return {name: _asked(graph, precision) for name, graph in graphs.graphs(bundle).items()}


def _asked(graph: nn.Module, precision: Precision) -> Graph:
    @torch.inference_mode()
    def ask(*inputs_: NDArray[np.generic]) -> tuple[NDArray[np.float32], ...]:
        with inputs.autocast(_CPU, precision):
            told = graph(*map(torch.from_numpy, inputs_))
        outputs = told if isinstance(told, tuple) else (told,)
        return tuple(one.float().numpy() for one in outputs)

    return ask


def _answers(bundle: Bundle, asked: Graphs, *, in_batches: bool = False) -> _Answers:
    shown = pictures()
    padded = [inputs.stacked([one], *inputs.padded_size(*one.shape)).numpy() for one in shown]
    dense = _together(asked[DETECTOR], [(one,) for one in padded], in_batches=in_batches)
    found = tuple(
        _read(logits, sides, picture.shape)
        for (logits, sides), picture in zip(dense, shown, strict=True)
    )
    crops = [
        (inputs.letterboxed(one, bundle.classifier.crop_px)[None, None],) for one in _crops(shown)
    ]
    logits = [one for (one,) in _together(asked[CLASSIFIER], crops, in_batches=in_batches)]
    raw = [output for outputs in dense for output in outputs[:1]] + logits
    refined, quality = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    if bundle.refiner is not None:
        shares, quality, refined = _refined(bundle.refiner, asked[REFINER], in_batches)
        raw.append(shares)
    conditions = np.concatenate([_shares(one[0], bundle) for one in logits])
    return _Answers(tuple(raw), found, conditions, refined, quality)


def _crops(shown: Sequence[Grey]) -> Iterator[Grey]:
    for picture in shown:
        for x0, y0, x1, y1 in _places().clip(min=0).astype(int):
            yield picture[y0:y1, x0:x1]


def _refined(
    own: refiner.BoxRefiner, ask: Graph, in_batches: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    outer = refiner.surroundings(_places())
    looks = [
        (
            refiner.squared(picture, one, own.crop_px)[None, None],
            np.array([number % len(own.classes)], np.int64),
        )
        for picture in pictures()
        for number, one in enumerate(outer)
    ]
    told = _together(ask, looks, in_batches=in_batches)
    shares = np.concatenate([one for one, _ in told])
    quality = np.concatenate([one for _, one in told])
    return shares, quality, refiner.placed(shares, np.tile(outer, (len(_SIZES), 1)))


def _together(
    ask: Graph, asked: Sequence[tuple[NDArray[np.generic], ...]], *, in_batches: bool
) -> list[tuple[NDArray[np.float32], ...]]:
    """Ask one by one, or all of one size at once; return the answers one by one."""
    if not in_batches:
        return [tuple(ask(*one)) for one in asked]
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, one in enumerate(asked):
        groups.setdefault(one[0].shape, []).append(index)
    told: dict[int, tuple[NDArray[np.float32], ...]] = {}
    for indices in groups.values():
        stacked = [
            np.concatenate(column) for column in zip(*(asked[i] for i in indices), strict=True)
        ]
        outputs = ask(*stacked)
        for row, index in enumerate(indices):
            told[index] = tuple(output[row : row + 1] for output in outputs)
    return [told[index] for index in range(len(asked))]


def _read(
    logits: NDArray[np.float32], sides: NDArray[np.float32], shape: tuple[int, ...]
) -> Detections:
    tensors = torch.from_numpy(logits), torch.from_numpy(sides)
    (found,) = read(*tensors, graphs.picked, [shape], PeakLimits())
    return found


def _shares(logits: NDArray[np.float32], bundle: Bundle) -> NDArray[np.float64]:
    """Return the softmax within each component, one after another."""
    rows = []
    start = 0
    for names in bundle.card.conditions.values():
        own = logits[start : start + len(names)].astype(np.float64)
        shares = np.exp(own - own.max())
        rows.append(shares / shares.sum())
        start += len(names)
    return np.concatenate(rows)


def _compared(way: Way, first: _Answers, other: _Answers, card: bundles.Card) -> Compared:
    allowed = TOLERANCES[way].score
    floors = np.array([card.floors.get(kind, PeakLimits().min_score) for kind in card.classes])
    lost, boxes, shifts, scores = 0, 0, [_gap(first.refined, other.refined)], [0.0]
    for one, two in zip(first.found, other.found, strict=True):
        for mine, theirs in ((one, two), (two, one)):
            clear = mine.where(mine.scores > floors[mine.labels] + allowed)
            partners = _partners(clear, theirs)
            has = partners >= 0
            lost += int((~has).sum())
            boxes += len(clear)
            pair = clear.where(has), theirs.where(partners[has])
            shifts.append(_gap(pair[0].boxes, pair[1].boxes))
            scores.append(_gap(pair[0].scores, pair[1].scores))
    difference = Difference(
        _largest([_gap(a, b) for a, b in zip(first.raw, other.raw, strict=True)]),
        lost / max(boxes, 1),
        _largest(shifts),
        _largest([*scores, _gap(first.quality, other.quality)]),
        _gap(first.conditions, other.conditions),
    )
    return Compared(way, difference, boxes // 2)


def _partners(mine: Detections, theirs: Detections) -> NDArray[np.int64]:
    """Return for each of my boxes the nearest of theirs of the class, -1 where none overlaps."""
    if not len(theirs):
        return np.full(len(mine), -1, np.int64)
    gaps = np.abs(mine.boxes[:, None] - theirs.boxes[None]).max(axis=2)  # (N, M)
    gaps[mine.labels[:, None] != theirs.labels[None]] = np.inf
    nearest = gaps.argmin(axis=1)
    overlap = box_iou(torch.from_numpy(mine.boxes), torch.from_numpy(theirs.boxes)).numpy()
    rows = np.arange(len(mine))
    is_part = np.isfinite(gaps[rows, nearest]) & (overlap[rows, nearest] >= _SAME_PART)
    return np.where(is_part, nearest, -1).astype(np.int64)


def _largest(gaps: Sequence[float]) -> float:
    return float(np.max(gaps))  # max() would lose what is not a number


def _gap(one: NDArray[np.floating], two: NDArray[np.floating]) -> float:
    """Return the largest absolute difference; not a number where one of them is not."""
    return float(np.abs(one - two).max(initial=0.0))
