"""The judges that the scarce bench compares: each learnt from the same few defects.

What is learnt is learnt in folds of whole masts: each of its models judges the masts that it did
not see, and on test photographs their mean counts. So the fusion is fitted on unseen masts without
any further defect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from safetensors.torch import load_file

from catenary import config
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.finding import NORMAL, UNUSUAL, Evidence, Measurement, Verdict
from catenary.domain.taxonomy import ComponentKind, Taxonomy
from catenary.evaluation import calibration, familiarity, forms, precedence
from catenary.evaluation.compared import group_of
from catenary.evaluation.matching import Raised
from catenary.evaluation.rates import Scene
from catenary.imaging.appearance import appearance
from catenary.jobs.benches import bench_folder
from catenary.jobs.benches.scarce_parts import Looked, Part, Progress, Score, pixels_of, scenes_of
from catenary.jobs.learning import learn
from catenary.jobs.scanning import assemble
from catenary.models.anomaly import UNUSUAL_FROM, PatchScorer
from catenary.models.build import (
    ClassifierArchitecture,
    DetectorArchitecture,
    anomaly_network,
    classifier_network,
    detector_network,
)
from catenary.models.classifier import CropClassifier, pairs
from catenary.models.detections import ConditionScores
from catenary.models.detector import ComponentDetector, PeakLimits
from catenary.models.fusion import Form, Fusion, Voices
from catenary.models.inputs import Precision
from catenary.pipeline import fuse
from catenary.pipeline.cascade import CascadeSettings, locate
from catenary.training import run
from catenary.training.classifier_data import is_usable
from catenary.training.settings import TrainingSettings
from catenary.training.shared import Shared

LEARNT = "learnt.txt"  # from what: settings, and labels wherever their photographs lie
_LEAST_SCORE = 0.01  # of the detector: what it hardly believes still ranks
_SAYS_NOTHING = 1.0  # score of a box: all judges are given the same ones
Opinions = tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Photographs to learn from, dealt by mast.

    Attributes:
        images: Normal ones and those with the few defects.
        fold_of: Fold by `group_of`.
        count: Folds.
    """

    images: tuple[LabelledImage, ...]
    fold_of: Mapping[str, int]
    count: int

    def without(self, fold: int) -> tuple[LabelledImage, ...]:
        """Return the photographs of all other folds."""
        return tuple(one for one in self.images if self.fold_of[group_of(one)] != fold)


@dataclass(frozen=True, slots=True)
class Target:
    """What is looked for.

    Attributes:
        component: Component id.
        condition: Condition id that stands for all that are asked for.
    """

    component: str
    condition: str

    @property
    def as_class(self) -> str:
        """Name of the defective component as a class of a detector."""
        return f"{self.component}_{self.condition}"


@dataclass(frozen=True, slots=True)
class Strange:
    """What the anomaly scorer says of one part.

    Attributes:
        score: Share of normal parts that are less strange, in [0, 1].
        distance: From the nearest normal parts, at least 0.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    score: float
    distance: float

    @property
    def evidence(self) -> Evidence:
        """In the form that the fusion is given."""
        verdict = Verdict.DEFECT if self.score >= UNUSUAL_FROM else Verdict.NORMAL
        measured = (Measurement("distance", self.distance, "1"),)
        return Evidence(fuse.ANOMALY, UNUSUAL, verdict, self.score, measured)


def strangeness(
    settings: TrainingSettings,
    own: Folds,
    target: Target,
    folder: Path,
    asked: Sequence[Looked],
    shared: Shared,
) -> list[list[Strange]]:
    """Fit an anomaly scorer in folds; return what it says of each part that is asked for.

    Returns:
        For each of ``asked``. Parts of a mast of ``own`` are judged by the model that did not see
        it, others by the mean of all.
    """
    scorers = [
        _scorer(
            _trained(settings, own.without(fold), target, folder / f"anomaly-{fold}", shared),
            settings,
        )
        for fold in range(own.count)
    ]

    def says(fold: int, looked: Looked, chosen: Sequence[int]) -> list[tuple[float, ...]]:
        crops = [looked.parts[index].crop for index in chosen]
        seen = scorers[fold](crops, [target.component] * len(crops))
        return [(one.score, one.distance) for one in seen]

    return [[Strange(*row) for row in _folded(own, looked, says)] for looked in asked]


def with_strangeness(looked: Looked, strange: Sequence[Strange]) -> Looked:
    """Return the parts with what the anomaly scorer says of each beside the rules."""
    parts = [
        replace(part, said=(*part.said, one.evidence))
        for part, one in zip(looked.parts, strange, strict=True)
    ]
    return replace(looked, parts=tuple(parts))


def anomaly_scores(strange: Sequence[Strange]) -> list[Score]:
    """Return scores in [0, 1) that rise with the distance from normal parts without an end."""
    return [one.distance / (1 + one.distance) for one in strange]


def classifier_scores(
    settings: TrainingSettings,
    own: Folds,
    target: Target,
    folder: Path,
    asked: Sequence[Looked],
    shared: Shared,
) -> list[list[Score]]:
    """Train a classifier in folds; return the probability of a defect of each part asked for.

    By which models, see `strangeness`.
    """
    models = [
        _classifier(_trained(settings, own.without(fold), target, folder / f"fold-{fold}", shared))
        for fold in range(own.count)
    ]

    def says(fold: int, looked: Looked, chosen: Sequence[int]) -> list[tuple[float, ...]]:
        crops = [looked.parts[index].crop.pixels for index in chosen]
        seen = models[fold](crops, [target.component] * len(crops))
        return [(1 - one.probabilities[0],) for one in seen]

    return [[row[0] for row in _folded(own, looked, says)] for looked in asked]


def _folded(
    own: Folds,
    looked: Looked,
    says: Callable[[int, Looked, Sequence[int]], list[tuple[float, ...]]],
) -> list[tuple[float, ...]]:
    """Return what the models that did not see a part's mast say of it: one, or the mean of all."""
    folds = [own.fold_of.get(group_of(looked.images[part.image])) for part in looked.parts]
    rows: list[list[tuple[float, ...]]] = [[] for _ in folds]
    for fold in range(own.count):
        chosen = [index for index, one in enumerate(folds) if one is None or one == fold]
        for index, row in zip(chosen, says(fold, looked, chosen), strict=True):
            rows[index].append(row)
    return [tuple(map(float, np.mean(one, axis=0))) for one in rows]


def rule_scores(looked: Looked) -> list[Score]:
    """Return the strongest rule score of each part; None where no rule can judge."""

    def strongest(part: Part) -> Score:
        by_rule = [one.score for one in part.said if one.source != fuse.ANOMALY]
        return max((score for score in by_rule if score is not None), default=None)

    return [strongest(part) for part in looked.parts]


def opinions(
    looked: Looked, target: Target, classifier: Sequence[Score] | None, known: Looked
) -> list[Opinions]:
    """Return everything that the fusion is to hear of each part.

    Args:
        looked: The parts.
        target: What is looked for.
        classifier: Of each part, or None before there is any defect to learn.
        known: Parts that the fusion is fitted on. Where a picture is unlike those of other masts,
            what is heard of the classifier is as in the product.
    """
    if classifier is None:
        return [part.said for part in looked.parts]
    seen, groups = _pictures(known)
    pictures = familiarity.learnt(seen, groups)
    apart = [0.0] * len(looked.parts)
    if pictures is not None:
        apart = familiarity.left_out(pictures, groups, *_pictures(looked))
    said = []
    for part, score, distance in zip(looked.parts, classifier, apart, strict=True):
        by_rules = [one for one in part.said if one.source != fuse.ANOMALY]
        network = _as_evidence(target, score)
        if pictures is not None:
            network = fuse.as_heard(network, by_rules, pictures, distance)
        said.append((*part.said, network))
    return said


def _pictures(looked: Looked) -> tuple[list[tuple[float, ...]], list[str]]:
    """Return what each part looks like, and its mast."""
    seen = [appearance(part.crop.pixels) for part in looked.parts]
    return seen, [group_of(looked.images[part.image]) for part in looked.parts]


def _as_evidence(target: Target, score: Score) -> Evidence:
    share = 0.0 if score is None else score
    return fuse.classifier_evidence(ConditionScores((NORMAL, target.condition), (1 - share, share)))


def fusion(looked: Looked, said: Sequence[Opinions], target: Target, real: int) -> Fusion:
    """Fit the fusion on parts of unseen masts, as `catenary bundle calibrate` does.

    Too few defects leave its prior. Sources are joined unless one of them found more on masts left
    out.

    Args:
        looked: The parts.
        said: Of each part.
        target: What is looked for.
        real: Photographs before those that defects were injected into.
    """
    kind = target.component
    known = [number for number, part in enumerate(looked.parts) if part.is_defect is not None]
    samples = [
        replace(
            _sample(looked, number, said[number], target),
            is_drawn=bool(looked.parts[number].is_defect) and looked.parts[number].image >= real,
        )
        for number in known
    ]
    fitted = calibration.fit(samples, [kind])[kind]
    left_out = [one[kind] for one in calibration.left_out(samples, [kind])]
    order = precedence.chosen(samples, left_out, len(looked.images))
    without = [order.given_to(one) for one in left_out]

    def scenes(form: Form) -> list[Scene]:
        scores: list[Score] = [None] * len(looked.parts)
        for number, sample, fold in zip(known, samples, without, strict=True):
            heard = {name: one.alone(form) for name, one in sample.said.items()}
            scores[number] = _strongest(fold.as_member(form), heard)
        return looked.scenes(scores)

    masts = len({one.group for one in samples})
    held = forms.contest({form: scenes(form) for form in Form}, masts)
    return replace(order.given_to(fitted), form=held.best, contest=held)


def _sample(looked: Looked, number: int, said: Opinions, target: Target) -> calibration.Sample:
    part = looked.parts[number]
    return calibration.Sample(
        target.component,
        group_of(looked.images[part.image]),
        fuse.voices(said, _SAYS_NOTHING),
        target.condition if part.is_defect else NORMAL,
    )


def _strongest(weights: Fusion, heard: Mapping[str, Voices]) -> Score:
    found = weights.strongest(heard)
    return None if found is None else found[1]


def fused(weights: Fusion, said: Sequence[Opinions]) -> list[Score]:
    """Return the probability of each part's strongest condition; None where nobody can judge."""
    return [_strongest(weights, fuse.voices(own, _SAYS_NOTHING)) for own in said]


def detector_of(
    settings: TrainingSettings,
    images: Sequence[LabelledImage],
    target: Target,
    folder: Path,
    shared: Shared,
) -> ComponentDetector:
    """Train a detector that has the defective component as a class of its own."""
    labels = [_only(image, target, as_class=True) for image in images]
    usual = replace(settings, components=(target.component, target.as_class))
    done = _finished(usual, labels, folder, target, shared)
    record = run.read_record(done)
    network = detector_network(DetectorArchitecture(record.architecture), len(record.classes))
    network.load_state_dict(load_file(done / "detector.safetensors"))
    limits = PeakLimits(min_score=_LEAST_SCORE)
    device = assemble.device("auto")
    return ComponentDetector(network, record.classes, device, Precision.BF16, limits)


def detected(
    detector: ComponentDetector,
    labelled: LabelledSet,
    target: Target,
    long_side_px: int,
    shared: Shared,
    progress: Progress,
) -> list[Scene]:
    """Return what a detector raises of each photograph: every box of the defective class."""
    settings = CascadeSettings(
        coarse_side_px=max(long_side_px, 256), min_score=_LEAST_SCORE, carriers=()
    )
    raised = []
    for number, image in enumerate(labelled.images, 1):
        found = locate(_pixels_of(image, labelled.root, shared), detector, settings)
        raised.append(
            [
                Raised(target.component, target.condition, one.box, one.score)
                for one in found
                if one.kind == target.as_class
            ]
        )
        progress(number, len(labelled.images))
    return scenes_of(labelled.images, target.component, raised)


def _pixels_of(image: LabelledImage, root: Path, shared: Shared) -> NDArray[np.uint8]:
    path = root / image.ref.file_name
    return shared.photograph(path, lambda: pixels_of(image, root))


def _trained(
    settings: TrainingSettings,
    images: Sequence[LabelledImage],
    target: Target,
    folder: Path,
    shared: Shared,
) -> Path:
    labels = [_only(image, target, as_class=False) for image in images]
    usual = replace(settings, components=(target.component,))
    return _finished(usual, labels, folder, target, shared)


def _finished(
    settings: TrainingSettings,
    images: Sequence[LabelledImage],
    folder: Path,
    target: Target,
    shared: Shared,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    labels, done = folder / "labels.json", folder / "run"
    usual = replace(settings, validation=(), split=None)
    learnt = f"{run.settings_text(usual).decode()}{bench_folder.fingerprint(images)}\n"
    learnt += f"variants: {shared.variants}\n" if shared.variants else ""
    if bench_folder.holds(folder / LEARNT, learnt):
        return done
    coco.write(LabelledSet(Path("/"), tuple(images)), labels)
    learn.finished(replace(usual, train=(labels,), output=done), _taxonomy(target), shared)
    bench_folder.write(folder / LEARNT, learnt)
    return done


def _taxonomy(target: Target) -> Taxonomy:
    """Return the taxonomy, where the defective component is a kind too."""
    usual = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    own = ComponentKind(target.as_class, target.as_class, target.as_class, {})
    return replace(usual, components={**usual.components, own.id: own})


def _only(image: LabelledImage, target: Target, as_class: bool) -> LabelledImage:
    """Return a photograph with labels of the component alone, its defects all of one class."""

    def told(label: Label) -> Label:
        own = replace(label, keypoints=(), lines=(), mask=None)
        if label.condition == NORMAL:
            return own
        if not as_class:
            return replace(own, condition=target.condition)
        is_hidden = label.is_ignored or not is_usable(label)
        return replace(own, component=target.as_class, condition=NORMAL, is_ignored=is_hidden)

    labels = tuple(told(one) for one in image.labels if one.component == target.component)
    return replace(image, labels=labels, rejections=())


def _scorer(folder: Path, settings: TrainingSettings) -> PatchScorer:
    """Return a fitted anomaly scorer; weights are stored in half the size."""
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in load_file(folder / "anomaly.safetensors").items()
    }
    sizes = {
        name.split(".")[1]: len(value)
        for name, value in state.items()
        if name.startswith("memories.") and name.endswith(".patches")
    }
    network = anomaly_network(settings.anomaly_architecture, sizes)
    network.load_state_dict(state)
    return PatchScorer(network, settings.picture_px, assemble.device("auto"))


def _classifier(folder: Path) -> CropClassifier:
    record = run.read_record(folder)
    architecture = ClassifierArchitecture(record.architecture)
    network = classifier_network(architecture, len(pairs(record.conditions)))
    network.load_state_dict(load_file(folder / "classifier.safetensors"))
    device = assemble.device("auto")
    return CropClassifier(network, record.conditions, record.picture_px, device, Precision.BF16)
