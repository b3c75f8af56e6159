"""Run a judge over a labelled set: to calibrate its fusion, or to state its rates."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL, Component, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef, Outcome
from catenary.evaluation import calibration
from catenary.evaluation.intervals import Share
from catenary.evaluation.matching import Raised, is_hit
from catenary.evaluation.rates import Rates, Scene, rates, threshold_at
from catenary.models.bundle import Calibration
from catenary.pipeline import fuse
from catenary.pipeline.judge import Judge
from catenary.pipeline.scan import ScannedFrame, scan

Progress = Callable[[int, int], None]

BUDGETS = (0.1, 0.5, 1.0)  # false findings a photograph, design.md section 9
LOCATED_IOU = 0.5  # overlap from which a component counts as located
LEAST_FLOOR = 0.07  # detector score; calibration looks at nothing below it
SPURIOUS = 0.6  # boxes of each component on no part, a photograph, that its floor may let pass
LEAST_THRESHOLD = 0.05  # below these odds a finding is far more likely wrong than right


@dataclass(frozen=True, slots=True)
class Measured:
    """What a bundle does on a labelled set.

    Attributes:
        rates: At the bundle's own thresholds.
        at_budget: Rates when each component may raise that many false findings a photograph,
            thresholds chosen on this very set: an optimistic bound, to be quoted as such.
        located: Component id to the share of its labelled parts that were located with
            IoU >= 0.5.
        spurious_per_image: Component id to located boxes on no label at all, a photograph.
        unjudged: Findings that ended in cannot_judge.
        outcomes: Photographs by outcome.
    """

    rates: Rates
    at_budget: dict[float, Rates]
    located: dict[str, Share]
    spurious_per_image: dict[str, float]
    unjudged: int
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    scanned: ScannedFrame
    labels: tuple[Label, ...]


def measure(judge: Judge, labels_file: Path, progress: Progress) -> Measured:
    """Scan a labelled set and compare.

    Raises:
        ConfigError: If the label file is not valid or an image is missing.
    """
    open_judge = replace(judge, thresholds=dict.fromkeys(judge.taxonomy.components, 0.0))
    compared = list(_scanned(open_judge, coco.read(labels_file), progress))
    scenes = [(_raised(one.scanned), one.labels) for one in compared]
    own = [
        ([item for item in raised if item.score >= judge.thresholds.get(item.component, 0.5)], kept)
        for raised, kept in scenes
    ]
    kinds = sorted({label.component for _, labels in scenes for label in labels})
    outcomes = [one.scanned.result.outcome for one in compared]
    unjudged = sum(
        _verdict(judge, finding) is Verdict.CANNOT_JUDGE
        for one in compared
        for finding in one.scanned.findings
    )
    return Measured(
        rates(own, 0.0),
        {budget: _at_budget(scenes, kinds, budget) for budget in BUDGETS},
        {kind: _located(compared, kind) for kind in kinds},
        {kind: _spurious(compared, kind) for kind in kinds},
        unjudged,
        {str(outcome): outcomes.count(outcome) for outcome in Outcome},
    )


def calibrate(
    judge: Judge, labels_file: Path, false_per_image: float, progress: Progress
) -> Calibration:
    """Fit fusion weights and thresholds of every judged component on a labelled set.

    Args:
        judge: Its own fusion, thresholds and floors are not used.
        labels_file: COCO labels of masts that training did not see.
        false_per_image: Alarm budget of each component, for the thresholds.
        progress: Called with frames done and frames in all.
    """
    open_judge = replace(judge, cascade=replace(judge.cascade, min_score=LEAST_FLOOR))
    compared = list(_scanned(open_judge, coco.read(labels_file), progress))
    floors = {kind: _floor(compared, kind) for kind in judge.detector.classes}
    rows = [
        (index, finding, is_defect)
        for index, one in enumerate(compared)
        for finding, is_defect in _known(one)
        if finding.component.score >= floors.get(finding.component.kind, 0.0)
    ]
    kinds = [kind for kind in judge.taxonomy.components if judge.can_judge(kind)]
    fusion = {
        kind: calibration.fit(
            [_sample(one, truth) for _, one, truth in rows if one.component.kind == kind]
        )
        for kind in kinds
    }
    raised: list[list[Raised]] = [[] for _ in compared]
    for index, one, _ in rows:
        kind = one.component.kind
        score = fuse.probability(fusion[kind], fuse.voices(one.evidence))
        if score is not None:
            raised[index].append(Raised(kind, one.condition, one.component.box, score))
    scenes = [(items, one.labels) for items, one in zip(raised, compared, strict=True)]
    cuts = {kind: threshold_at(scenes, kind, false_per_image) for kind in kinds}
    thresholds = {kind: max(cut, LEAST_THRESHOLD) for kind, cut in cuts.items()}
    return Calibration(fusion, thresholds, floors)


def _floor(compared: Sequence[_Compared], kind: str) -> float:
    """Return the detector score from which boxes of a component are kept."""
    scores: list[float] = []
    is_part: list[bool] = []
    for one in compared:
        labels = [label for label in one.labels if label.component == kind]
        free = [label for label in labels if not label.is_ignored]
        for component in sorted(_components(one.scanned, kind), key=lambda box: -box.score):
            near = [label for label in free if is_hit(component.box, label.box)]
            on_ignored = any(
                label.is_ignored and is_hit(component.box, label.box) for label in labels
            )
            if near or not on_ignored:
                scores.append(component.score)
                is_part.append(bool(near))
            if near:
                best = max(near, key=lambda label: label.box.iou(component.box))
                free = [label for label in free if label is not best]
    floor = calibration.lowest_floor(scores, is_part, SPURIOUS * len(compared))
    return max(floor, LEAST_FLOOR)


def _scanned(judge: Judge, labelled: LabelledSet, progress: Progress) -> Iterator[_Compared]:
    def read(ref: ImageRef) -> bytes:
        path = labelled.root / ref.file_name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read labelled image {path}: {error.strerror}") from error

    total = len(labelled.images)
    results = scan((image.ref for image in labelled.images), read, judge)
    for number, (scanned, image) in enumerate(zip(results, labelled.images, strict=True), 1):
        yield _Compared(replace(scanned, frame=None), image.labels)
        progress(number, total)


def _raised(scanned: ScannedFrame) -> list[Raised]:
    return [
        Raised(one.component.kind, one.condition, one.component.box, one.probability)
        for one in scanned.findings
        if one.verdict is Verdict.DEFECT and one.probability is not None
    ]


def _verdict(judge: Judge, finding: Finding) -> Verdict:
    """Return the verdict at the judge's own thresholds."""
    kind = finding.component.kind
    threshold = judge.thresholds.get(kind, 0.5)
    return fuse.fuse(finding.evidence, judge.fusion.get(kind, {}), threshold).verdict


def _at_budget(scenes: Sequence[Scene], kinds: Sequence[str], budget: float) -> Rates:
    cuts = {kind: threshold_at(scenes, kind, budget) for kind in kinds}
    kept = [
        ([one for one in raised if one.score >= cuts.get(one.component, 0.0)], labels)
        for raised, labels in scenes
    ]
    return rates(kept, 0.0)


def _components(scanned: ScannedFrame, kind: str) -> list[Component]:
    components = itertools.chain((one.component for one in scanned.findings), scanned.located)
    return [one for one in components if one.kind == kind]


def _boxes(scanned: ScannedFrame, kind: str) -> list[Box]:
    return [one.box for one in _components(scanned, kind)]


def _located(compared: Sequence[_Compared], kind: str) -> Share:
    found = [
        any(box.iou(label.box) >= LOCATED_IOU for box in _boxes(one.scanned, kind))
        for one in compared
        for label in one.labels
        if label.component == kind and not label.is_ignored
    ]
    return Share(sum(found), len(found))


def _spurious(compared: Sequence[_Compared], kind: str) -> float:
    count = sum(
        not any(is_hit(box, label.box) for label in one.labels if label.component == kind)
        for one in compared
        for box in _boxes(one.scanned, kind)
    )
    return count / max(len(compared), 1)


def _known(one: _Compared) -> Iterator[tuple[Finding, bool]]:
    """Yield each finding whose truth is known, and whether the part is defective."""
    for finding in one.scanned.findings:
        box = finding.component.box
        near = [
            label
            for label in one.labels
            if label.component == finding.component.kind and is_hit(box, label.box)
        ]
        best = max(near, key=lambda label: label.box.iou(box), default=None)
        if best is None or (best.is_evident and not best.is_ignored):
            yield finding, best is not None and best.condition != NORMAL


def _sample(finding: Finding, is_defect: bool) -> calibration.Sample:
    heard = fuse.voices(finding.evidence)
    classifier, rule = (
        None if score is None else fuse.logit(score) for score in (heard.classifier, heard.rule)
    )
    return calibration.Sample(classifier, rule, is_defect)


def lines(measured: Measured) -> Iterator[str]:
    """Yield the figures of an evaluation as a reader of a terminal wants them."""
    own = measured.rates
    outcomes = ", ".join(f"{count} {name}" for name, count in measured.outcomes.items())
    yield f"Photographs: {own.images} ({outcomes}); not judged: {measured.unjudged} components"
    yield "Located with IoU >= 0.5 (not on any label, per photograph):"
    for kind, share in measured.located.items():
        yield f"  {kind}: {share} ({measured.spurious_per_image[kind]:.2f})"
    yield f"Defects found at the bundle's thresholds: {own.detection}"
    yield from (f"  {name}: {share}" for name, share in own.by_condition.items())
    yield (
        f"False alarms: {own.false_per_image:.3f} per photograph "
        f"({1000 * own.false_per_image:.0f} per 1,000); "
        f"of all alarms {own.false_alarms}; photographs raised {own.raised_images}"
    )
    yield "With thresholds chosen on this set (optimistic), false alarms of each component:"
    for budget, at in measured.at_budget.items():
        shares = "; ".join(f"{name} {share}" for name, share in at.by_condition.items())
        yield f"  {budget} per photograph: {at.detection} - {shares}"
