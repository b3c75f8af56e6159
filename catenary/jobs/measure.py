"""Run a judge over a labelled set: to calibrate its fusion, or to state its rates."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from catenary.datasets import rejections
from catenary.datasets.labels import Label, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL, Component, Finding, Verdict
from catenary.domain.image import ImageRef
from catenary.evaluation import calibration
from catenary.evaluation.matching import Raised, is_hit
from catenary.evaluation.predictions import (
    DEFAULT_THRESHOLD,
    NOT_JUDGED,
    DataKind,
    Part,
    PredictedImage,
    Predictions,
)
from catenary.evaluation.rates import threshold_at
from catenary.models.bundle import Calibration
from catenary.pipeline import fuse
from catenary.pipeline.judge import Judge
from catenary.pipeline.scan import ScannedFrame, scan

Progress = Callable[[int, int], None]

LEAST_FLOOR = 0.07  # detector score; calibration looks at nothing below it
SPURIOUS = 0.6  # boxes of each component on no part, a photograph, that its floor may let pass
LEAST_THRESHOLD = 0.05  # below these odds a finding is far more likely wrong than right


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    scanned: ScannedFrame
    labels: tuple[Label, ...]


def predict(
    judge: Judge, labelled: LabelledSet, data_kind: DataKind, progress: Progress
) -> Predictions:
    """Scan a labelled set and keep everything that was said of it.

    Raises:
        ConfigError: If an image is missing.
    """
    open_judge = replace(judge, thresholds=dict.fromkeys(judge.taxonomy.components, 0.0))
    images = tuple(
        _predicted(judge, one.scanned) for one in _scanned(open_judge, labelled, progress)
    )
    versions = judge.versions
    return Predictions(
        versions.model, versions.rules, versions.taxonomy, data_kind, judge.thresholds, images
    )


def _predicted(judge: Judge, scanned: ScannedFrame) -> PredictedImage:
    judged = (_judged_part(judge, one) for one in scanned.findings)
    others = (Part(one.kind, one.box, one.score, NOT_JUDGED) for one in scanned.located)
    ref = scanned.ref
    return PredictedImage(ref.image_id, ref.file_name, scanned.result.outcome, (*judged, *others))


def _judged_part(judge: Judge, finding: Finding) -> Part:
    """Return a part as the judge sees it, from a finding made with thresholds of 0."""
    kind = finding.component.kind
    threshold = judge.thresholds.get(kind, DEFAULT_THRESHOLD)
    fused = fuse.fuse(
        finding.evidence, finding.component.score, judge.fusion.get(kind, {}), threshold
    )
    is_known = finding.verdict is Verdict.DEFECT and finding.probability is not None
    return Part(
        kind,
        finding.component.box,
        finding.component.score,
        str(fused.verdict),
        finding.condition if is_known else "",
        finding.probability if is_known else None,
    )


def calibrate(
    judge: Judge, labelled: LabelledSet, false_per_image: float, progress: Progress
) -> Calibration:
    """Fit fusion weights and thresholds of every judged component on a labelled set.

    Args:
        judge: Its own fusion, thresholds and floors are not used.
        labelled: Masts that training did not see.
        false_per_image: Alarm budget of each component, for the thresholds.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If the labels are not valid, some photographs are labelled in part only, or
            an image is missing.
    """
    open_judge = replace(judge, cascade=replace(judge.cascade, min_score=LEAST_FLOOR))
    rejections.refuse_incomplete([labelled])
    compared = list(_scanned(open_judge, labelled, progress))
    floors = {kind: _floor(compared, kind) for kind in judge.detector.classes}
    rows = [
        (index, finding, is_defect)
        for index, one in enumerate(compared)
        for finding, is_defect in _known(one)
        if judge.can_judge(finding.component.kind)
        and finding.component.score >= floors.get(finding.component.kind, 0.0)
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
        score = fuse.probability(fusion[kind], fuse.voices(one.evidence, one.component.score))
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


def _components(scanned: ScannedFrame, kind: str) -> list[Component]:
    components = itertools.chain((one.component for one in scanned.findings), scanned.located)
    return [one for one in components if one.kind == kind]


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
    heard = fuse.voices(finding.evidence, finding.component.score)
    classifier, rule = (
        None if score is None else fuse.logit(score) for score in (heard.classifier, heard.rule)
    )
    return calibration.Sample(classifier, rule, is_defect, fuse.logit(heard.location))
