"""Run a judge over a labelled set and keep what it said."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from catenary.datasets.labels import Label, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Finding, Verdict
from catenary.domain.image import ImageRef, Outcome
from catenary.evaluation.predictions import (
    DEFAULT_THRESHOLD,
    NOT_JUDGED,
    DataKind,
    Part,
    PredictedImage,
    Predictions,
)
from catenary.models.fusion import Fusion
from catenary.pipeline import fuse
from catenary.pipeline.judge import Judge
from catenary.pipeline.scan import ScannedFrame, scan

Progress = Callable[[int, int], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A photograph, without its pixels, and what is true of it."""

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
        _predicted(judge, one.scanned) for one in scanned(open_judge, labelled, progress)
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
    fusion = judge.fusion.get(kind, Fusion())
    fused = fuse.fuse(finding.evidence, finding.component.score, fusion, threshold)
    is_known = finding.verdict is Verdict.DEFECT and finding.probability is not None
    return Part(
        kind,
        finding.component.box,
        finding.component.score,
        str(fused.verdict),
        finding.condition if is_known else "",
        finding.probability if is_known else None,
    )


def scanned(judge: Judge, labelled: LabelledSet, progress: Progress) -> Iterator[Compared]:
    """Scan a labelled set; a photograph that cannot be judged is told of in the log.

    Raises:
        ConfigError: If an image is missing.
    """

    def read(ref: ImageRef) -> bytes:
        path = labelled.root / ref.file_name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read labelled image {path}: {error.strerror}") from error

    total = len(labelled.images)
    results = scan((image.ref for image in labelled.images), read, judge)
    for number, (result, image) in enumerate(zip(results, labelled.images, strict=True), 1):
        if result.result.outcome is not Outcome.DONE:
            path = labelled.root / image.ref.file_name
            log.warning("%s was not judged, no figure counts it: %s", path, result.result.note)
        yield Compared(replace(result, frame=None), image.labels)
        progress(number, total)
