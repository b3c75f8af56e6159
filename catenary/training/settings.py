"""What ``catenary train`` reads from a file: one frozen dataclass for all networks."""

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catenary.models.build import (
    AnomalyArchitecture,
    Architecture,
    ClassifierArchitecture,
    DetectorArchitecture,
    RefinerArchitecture,
)
from catenary.models.inputs import MULTIPLE, Precision

IMAGENET, RANDOM = "imagenet", "random"


class Kind(StrEnum):
    """Which network is trained."""

    DETECTOR = "detector"
    CLASSIFIER = "classifier"
    REFINER = "refiner"
    ANOMALY = "anomaly"


class Keep(StrEnum):
    """Whose averaged weights a training exports."""

    LAST = "last"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """One training; the numbers are our starting values, sized for two CPU cores.

    Attributes:
        kind: Which network.
        train: COCO label files to learn from.
        validation: COCO label files of other masts; only measured. A mast, photograph or image
            file that is trained on too is refused.
        output: Run folder, made by the training.
        split: File of ``catenary data split``: of ``train`` only the images of part ``train`` are
            taken; of ``validation``, which may name the same files, those of part ``validation``,
            or of ``calibration`` where the split has no such part (what is later calibrated on it
            is then a little too sure if a round is chosen by it).
        components: Component ids to learn; empty takes all that the labels hold.
        epochs: Rounds; after each the network is measured and can be resumed from.
        steps_per_epoch: Batches a round, of all devices together; a multiple of ``accumulate`` x
            ``devices``.
        batch: Pictures a batch and device, at least 2; 0 finds the largest that fits into memory,
            see `catenary.training.batch_size`.
        batch_most: Largest batch that is tried when ``batch`` is 0.
        memory_share: Share of the free main memory that a step may take when ``batch`` is 0 and
            the device is the CPU, in (0, 1].
        accumulate: Batches whose gradients are averaged before the optimizer takes a step.
            Schedule, ``warmup_steps`` and ``ema_decay`` count steps of the optimizer.
        clip: Greatest norm of the gradient of a step; 0 does not clip.
        picture_px: Side of a tile (multiple of 32) or of the square a crop is fitted into.
        proposer: Bundle whose detector proposes the boxes that the refiner learns to mend, the
            refiner only.
        long_side_px: Longer side of the reduced picture, the detector only.
        close_up_share: Share of the detector's tiles that show small parts at full resolution;
            the others show the reduced picture.
        carriers: Component ids that close-ups are centred on.
        mosaic: Share in [0, 1] of the detector's tiles, but those around rejected findings, that
            are put together of four others.
        paste: Share in [0, 1] of the same tiles onto which a part of another photograph is pasted,
            rare components most.
        plain_rounds: Share in [0, 1] of the rounds, the last ones, in which neither is done.
        negative_share: Share in [0, 1] of what is drawn around rejected findings, where the labels
            hold some: of the detector's tiles around such on no part, of the classifier's crops
            those of healthy parts.
        wires: Chance in [0, 1], at full ``augment``, that a wire is drawn across a picture.
        lamps: The same of glare of a lamp, and of a vignette.
        focal: Exponent in [0, 5] that turns the classifier's loss to what it is unsure of; 0 is
            the cross entropy.
        lr: Highest step size.
        backbone_lr_share: Step size of the pretrained part, as a share of ``lr``.
        frozen_blocks: First blocks of a pretrained detector backbone that stay as they are (with
            the stem, unless 0): edges are the same in every photograph, and a third of a step's
            time is saved.
        warmup_steps: Steps over which ``lr`` is reached; then it falls along a half cosine.
        weight_decay: Of AdamW.
        box_weight: Weight of the box loss beside the others; not of the classifier.
        ema_decay: Share of the old average kept a step; the average is what is exported.
        keep: Which averaged weights are exported: of the last round, or of the one with the best
            main figure, see `catenary.training.metrics.main_figure`.
        patience: Rounds without a better main figure after which training stops; 0 goes on.
        grid_every: Rounds from one picture of what the network finds to the next; the last round
            always gets one. 0 draws none.
        tensorboard: Write event files for TensorBoard beside ``metrics.csv``.
        augment: Strength of augmentation in [0, 1]; 0 switches it off.
        balance: Exponent on the count of a component in sampling tiles, of a (component,
            condition) pair in sampling crops: 1 as in the labels, 0 all alike.
        workers: Processes that prepare batches; 0 prepares in the training process.
        cache_mb: Memory for decoded frames; the rest is decoded again each time.
        threads: CPU threads of torch; 0 leaves torch's choice.
        device: ``"cpu"`` or ``"cuda"``.
        devices: GPUs, or processes on CPUs, that learn together; each takes batches of its own, a
            round's are shared among them. ``workers``, ``cache_mb`` and ``threads`` are of each.
        deterministic: Only operations that give the same bits each time; one that cannot is an
            error of torch.
        precision: Number format of the convolutions.
        start: Weights file (.safetensors) of an earlier training of the same architecture to go on
            from, e.g. of the shipped bundle; None starts with ``weights``.
        weights: ``"imagenet"``, ``"random"`` or a weights file of the backbone as torchvision or
            timm publish it. ``"imagenet"`` is installed for ``lite0`` only.
        detector_architecture: Name of the head and, after it, of the backbone, e.g.
            ``centre_resnet18``; see `catenary.models.backbones`.
        classifier_architecture: See `catenary.models.build`.
        refiner_architecture: See `catenary.models.build`.
        anomaly_architecture: See `catenary.models.build`.
        memory_patches: Normal patches kept of a component, the anomaly scorer only.
        memory_crops: Normal parts of a component that they are picked from, at most.
        held_out: Share of masts in (0, 1) whose normal parts are not remembered but tell how
            strange normal parts are, the anomaly scorer only.
        seed: Of everything random.
    """

    kind: Kind
    train: tuple[Path, ...]
    validation: tuple[Path, ...]
    output: Path
    split: Path | None = None
    proposer: Path | None = None
    components: tuple[str, ...] = ()
    epochs: int = 10
    steps_per_epoch: int = 80
    batch: int = 6
    batch_most: int = 64
    memory_share: float = 0.5
    accumulate: int = 1
    clip: float = 10.0
    picture_px: int = 448
    long_side_px: int = 1280
    close_up_share: float = 0.4
    carriers: tuple[str, ...] = ("split_pin", "clevis", "messenger_seat", "steady_arm", "clamp")
    mosaic: float = 0.0
    paste: float = 0.0
    plain_rounds: float = 0.2
    negative_share: float = 0.1
    wires: float = 0.1
    lamps: float = 0.1
    focal: float = 0.0
    lr: float = 2e-3
    backbone_lr_share: float = 0.5
    frozen_blocks: int = 2
    warmup_steps: int = 40
    weight_decay: float = 1e-4
    box_weight: float = 2.0
    ema_decay: float = 0.995
    keep: Keep = Keep.LAST
    patience: int = 0
    grid_every: int = 0
    tensorboard: bool = False
    augment: float = 1.0
    balance: float = 0.5
    workers: int = 0
    cache_mb: int = 6000
    threads: int = 0
    device: str = "cpu"
    devices: int = 1
    deterministic: bool = False
    precision: Precision = Precision.BF16
    start: Path | None = None
    weights: str = IMAGENET
    detector_architecture: DetectorArchitecture = DetectorArchitecture.CENTRE_LITE0
    classifier_architecture: ClassifierArchitecture = ClassifierArchitecture.POOLED_LITE0
    refiner_architecture: RefinerArchitecture = RefinerArchitecture.SIDES_LITE0
    anomaly_architecture: AnomalyArchitecture = AnomalyArchitecture.PATCHES_LITE0
    memory_patches: int = 1200
    memory_crops: int = 400
    held_out: float = 0.3
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work, all at once."""
        rules = (
            (bool(self.train), "train needs at least one label file"),
            (
                (self.kind is Kind.REFINER) == (self.proposer is not None),
                "proposer: a refiner needs a bundle that proposes boxes, others none",
            ),
            (min(self.epochs, self.steps_per_epoch) >= 1, "epochs and steps_per_epoch: at least 1"),
            (
                self.batch == 0 or self.batch >= 2,
                "batch must be at least 2 pictures, whose statistics are shared, or 0: what fits",
            ),
            (self.batch_most >= 2, "batch_most: at least 2"),
            (0 < self.memory_share <= 1, "memory_share must be in (0, 1]"),
            (min(self.accumulate, self.devices) >= 1, "accumulate and devices: at least 1"),
            (
                self.steps_per_epoch % max(1, self.accumulate * self.devices) == 0,
                "steps_per_epoch must be a multiple of accumulate x devices",
            ),
            (0 <= self.clip < math.inf, "clip must be at least 0"),
            (min(self.patience, self.grid_every) >= 0, "patience and grid_every: at least 0"),
            (
                bool(self.validation) or not self.needs_measuring,
                "keep: best, patience and grid_every need validation frames",
            ),
            (self.picture_px > 0 and self.picture_px % MULTIPLE == 0, "picture_px: multiple of 32"),
            (self.lr > 0 and 0 <= self.backbone_lr_share <= 1, "lr > 0, backbone_lr_share 0 to 1"),
            (0 <= self.close_up_share <= 1, "close_up_share must be in [0, 1]"),
            *self._sampling_rules(),
            (0 <= self.ema_decay < 1, "ema_decay must be in [0, 1)"),
            (0 <= self.augment <= 1 and 0 <= self.balance <= 1, "augment, balance: in [0, 1]"),
            (
                min(self.memory_patches, self.memory_crops) >= 1 and 0 < self.held_out < 1,
                "memory_patches, memory_crops: at least 1; held_out in (0, 1)",
            ),
            (
                min(self.workers, self.warmup_steps, self.cache_mb, self.frozen_blocks) >= 0,
                "workers, warmup_steps, cache_mb, frozen_blocks: at least 0",
            ),
        )
        if mistakes := [words for is_right, words in rules if not is_right]:
            raise ValueError("; ".join(mistakes))

    def _sampling_rules(self) -> tuple[tuple[bool, str], ...]:
        made = (self.mosaic, self.paste)
        others = (self.negative_share, self.plain_rounds, self.wires, self.lamps)
        is_detector = self.kind is Kind.DETECTOR
        return (
            (min(made) >= 0 and sum(made) <= 1, "mosaic, paste: at least 0, at most 1 together"),
            (
                all(0 <= one <= 1 for one in others),
                "negative_share, plain_rounds, wires, lamps: in [0, 1]",
            ),
            (is_detector or not any(made), "mosaic, paste: the detector only"),
            (0 <= self.focal <= 5, "focal must be in [0, 5]"),
            (self.kind is Kind.CLASSIFIER or not self.focal, "focal: the classifier only"),
        )

    @property
    def architecture(self) -> Architecture:
        """Of the network that is trained."""
        match self.kind:
            case Kind.DETECTOR:
                return self.detector_architecture
            case Kind.CLASSIFIER:
                return self.classifier_architecture
            case Kind.REFINER:
                return self.refiner_architecture
            case Kind.ANOMALY:
                return self.anomaly_architecture

    @property
    def steps(self) -> int:
        """Steps of the optimizer in all."""
        return self.epochs * (self.steps_per_epoch // (self.accumulate * self.devices))

    @property
    def needs_measuring(self) -> bool:
        """Whether something depends on validation frames."""
        return self.keep is Keep.BEST or self.patience > 0 or self.grid_every > 0
