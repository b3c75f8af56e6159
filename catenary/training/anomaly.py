"""Fit the anomaly scorer: remember normal parts, measure how strange others of them are.

No gradient steps: the backbone stays as ImageNet left it. See
`catenary.models.anomaly_network` for the method.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.models.anomaly import PatchScorer, inner_patches
from catenary.models.anomaly_network import LEVELS, AnomalyNetwork, Memory
from catenary.models.detections import Strangeness
from catenary.training import metrics
from catenary.training.anomaly_data import NormalParts, Part, crops_of, normal_parts, parts
from catenary.training.coreset import coreset
from catenary.training.frames import Frames
from catenary.training.settings import TrainingSettings

log = logging.getLogger(__name__)

LEAST_PARTS = 10  # held-out normal parts of a component, and as many remembered
FALSE_SHARE = 0.05  # of normal parts, at which recall is measured
_MOST_PATCHES = 12_000  # of all memories together: 3.7 MB
_CANDIDATES = 60_000  # patches of a component that the coreset is picked from
_BATCH = 32  # crops


def usable(
    frames: Frames, classes: Sequence[str], settings: TrainingSettings
) -> dict[str, NormalParts]:
    """Return the normal parts of each component that has enough of them.

    Args:
        frames: To learn from.
        classes: Component ids that they show.
        settings: Which are asked for, and how many parts are kept.

    Raises:
        ConfigError: If a component that is asked for has too few, or all have.
    """
    generator = np.random.default_rng(settings.seed)
    found = normal_parts(frames, settings.held_out, settings.memory_crops, generator)
    counts = {
        kind: (len(found[kind].known), len(found[kind].held_out)) if kind in found else (0, 0)
        for kind in classes
    }
    enough = [kind for kind, both in counts.items() if min(both) >= LEAST_PARTS]
    short = [kind for kind in classes if kind not in enough]
    if (settings.components and short) or not enough:
        told = ", ".join(f"{kind} has {counts[kind][0]} and {counts[kind][1]}" for kind in short)
        raise ConfigError(
            f"an anomaly scorer needs {LEAST_PARTS} normal parts of a component to remember, and"
            f" {LEAST_PARTS} of other masts: {told}"
        )
    if short:
        log.info("too few normal parts left_out=%s", ",".join(short))
    return {kind: found[kind] for kind in enough}


def fit(
    network: AnomalyNetwork,
    frames: Frames,
    chosen: Mapping[str, NormalParts],
    settings: TrainingSettings,
) -> None:
    """Fill a network with a memory of each component, at most of the size asked for.

    Args:
        network: Changed in place; its backbone is used as it is.
        frames: That the parts lie in.
        chosen: Parts by component, see `usable`.
        settings: Of the training.
    """
    network.half().float()  # as it will be stored, so that the scale is that of the stored one
    generator = np.random.default_rng([settings.seed, 1])
    device = torch.device(settings.device)
    count = min(settings.memory_patches, _MOST_PATCHES // len(chosen))
    looking = PatchScorer(network, settings.picture_px, device)
    for kind, own in chosen.items():
        crops = _crops(own.known, frames, settings, generator)
        seen = _patches(looking, crops, len(own.known), generator)
        network.memories[kind] = _memory(seen, count, generator)
    scorer = PatchScorer(network, settings.picture_px, device)
    for kind, own in chosen.items():
        crops = _crops(own.held_out, frames, settings, generator)
        far = [one.distance for one in _looked(scorer, crops, kind)]
        memory = network.memory(kind)
        memory.quantiles, memory.tail = scale(np.array(far))
        log.info(
            "remembered component=%s parts=%d patches=%d held_out=%d",
            *(kind, len(own.known), len(memory.patches), len(far)),
        )


def scale(far: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Return the quantiles and the tail of distances (N,); see `Memory`."""
    steps = np.quantile(far, np.arange(LEVELS + 1) / 100)
    excess = far[far > steps[-1]] - steps[-1]
    least = 1e-3 * max(float(steps[-1]), 1e-3)  # parts all alike must not divide by 0
    tail = max(float(excess.mean()) if len(excess) else 0.0, least)
    return torch.tensor(steps, dtype=torch.float32), torch.tensor(tail, dtype=torch.float32)


def measure(
    network: AnomalyNetwork, validation: Frames, settings: TrainingSettings
) -> dict[str, float]:
    """Return how well strange parts are told from normal ones, of components with defects.

    Returns:
        For each component and, as ``<component>_<condition>``, each condition that the frames
        show: ``auroc_...``, ``recall_...`` at 5 % of normal parts raised, ``defects_...`` and
        ``normal_...``: how many crops these rest on.
    """
    scorer = PatchScorer(network, settings.picture_px, torch.device(settings.device))
    figures: dict[str, float] = {}
    for kind in scorer.classes:
        own = [part for part in parts(validation) if part.label.component == kind]
        seen = _looked(scorer, crops_of(own, validation), kind)
        scores = np.array([one.distance for one in seen])
        conditions = np.array([part.label.condition for part in own])
        is_normal = conditions == NORMAL
        for condition in ("", *sorted(set(conditions) - {NORMAL})):
            is_own = ~is_normal if not condition else conditions == condition
            if not is_own.any() or not is_normal.any():
                continue
            rows = is_own | is_normal
            name = f"{kind}_{condition}" if condition else kind
            figures[f"auroc_{name}"] = metrics.auroc(scores[rows], is_own[rows])
            figures[f"recall_{name}"] = metrics.recall_at_false_share(
                scores[rows], is_own[rows], FALSE_SHARE
            )
            figures[f"defects_{name}"] = float(is_own.sum())
            figures[f"normal_{name}"] = float(is_normal.sum())
    return figures


def _crops(
    wanted: Sequence[Part],
    frames: Frames,
    settings: TrainingSettings,
    generator: np.random.Generator,
) -> Iterator[Crop]:
    """Yield crops as a scan would cut them, with boxes that miss a little."""
    for crop in crops_of(wanted, frames, generator if settings.augment else None):
        yield mirrored(crop) if settings.augment and generator.random() < 0.5 else crop


def mirrored(crop: Crop) -> Crop:
    """Return a crop as seen in a mirror: masts stand on both sides of the track."""
    width, inner = crop.pixels.shape[1], crop.inner
    box = Box(width - inner.x1, inner.y0, width - inner.x0, inner.y1)
    return Crop(crop.pixels[:, ::-1], crop.x0, crop.y0, box)


def _patches(
    scorer: PatchScorer, crops: Iterator[Crop], count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return patches (P, C) of the parts in ``count`` crops, as many as can be chosen from."""
    share = _CANDIDATES // count
    found = []
    for batch in _batches(crops):
        for crop, features in zip(batch, scorer.features(batch), strict=True):
            inside = torch.from_numpy(inner_patches(crop, scorer.crop_px))
            own = features[inside.to(features.device)].cpu().numpy()
            found.append(generator.permutation(own)[:share])
    return np.concatenate(found)


def _memory(seen: NDArray[np.float32], count: int, generator: np.random.Generator) -> Memory:
    deviations = seen.std(axis=0)
    # What hardly varies among a few normal parts must not outvote all the rest.
    spread = np.maximum(deviations, 0.1 * np.median(deviations) + 1e-12).astype(np.float32)
    standard = (seen / spread).astype(np.float32)
    chosen = standard[coreset(standard, count, generator)]
    memory = Memory(len(chosen), seen.shape[1])
    memory.patches = torch.from_numpy(chosen).half().float()
    memory.spread = torch.from_numpy(spread)
    return memory


def _looked(scorer: PatchScorer, crops: Iterable[Crop], kind: str) -> Iterator[Strangeness]:
    for batch in _batches(crops):
        yield from scorer(batch, [kind] * len(batch))


def packed_state(network: AnomalyNetwork) -> dict[str, Tensor]:
    """Return the state with backbone and patches as float16: half the size, the same scores.

    The scales stay float32; a scorer computes in float32 throughout.
    """
    return {
        name: value.half()
        if value.is_floating_point() and not name.endswith(("spread", "quantiles", "tail"))
        else value
        for name, value in network.state_dict().items()
    }


def _batches(crops: Iterable[Crop]) -> Iterator[list[Crop]]:
    rest = iter(crops)
    while batch := list(islice(rest, _BATCH)):
        yield batch
