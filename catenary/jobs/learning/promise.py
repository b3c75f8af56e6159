"""Give a calibrated bundle operating points that promise a bound on what is missed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from catenary.evaluation import compared, defects, guarantee
from catenary.evaluation.compared import Compared
from catenary.evaluation.guarantee import Target
from catenary.evaluation.predictions import DataKind
from catenary.jobs.learning import measure
from catenary.jobs.learning.unseen import Unseen
from catenary.jobs.scanning import assemble
from catenary.models import bundle
from catenary.models.bundle import OperatingPoint, Promises
from catenary.models.fusion import LEAST_THRESHOLD

ASSUMES = (
    "Defects of a condition are found in service as these were: same kinds of cameras, light,"
    " fittings and defects (exchangeable, each on its own; several of one mast are not quite)."
    " Neither training nor the fit of fusion and floors saw these masts. Same program, rule"
    " limits and scan settings. Each condition is promised for itself, not all at once. A defect"
    " that no label shows plainly, or that is ignored, is not spoken of."
)


def promise(
    folder: Path, labels: Unseen, target: Target, device: str, progress: measure.Progress
) -> Promises:
    """Scan labelled masts with a calibrated bundle and write what can be promised into its card.

    Args:
        folder: Calibrated bundle.
        labels: Masts that neither training nor calibration saw.
        target: What is to be promised of every condition.
        device: As for a scan.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If a photograph is missing.
        BundleError: If the bundle is damaged.
    """
    judge = assemble.judge(assemble.Recipe(folder, device))
    said = measure.predict(judge, labels.labelled, DataKind.UNSTATED, progress)
    pairs = compared.joined(labels.labelled, said)
    kinds = [kind for kind in judge.taxonomy.components if judge.can_judge(kind)]
    promises = Promises(
        target.miss,
        target.confidence,
        ASSUMES,
        labels.fingerprint,
        len(pairs),
        len(compared.groups(pairs)),
        dict(_points(pairs, kinds, target)),
    )
    bundle.with_promises(folder, promises)
    return promises


def _points(
    pairs: Sequence[Compared], kinds: Sequence[str], target: Target
) -> Iterator[tuple[str, OperatingPoint]]:
    images = max(len(pairs), 1)
    for kind in kinds:
        sweep = defects.sweep(pairs, kind)
        for condition in sweep.conditions:
            scores = sweep.scores(condition)
            made = guarantee.promise([_raisable(score) for score in scores], target)
            false = (
                None
                if made.threshold is None
                else float((sweep.false >= made.threshold).sum()) / images
            )
            yield (
                f"{kind}.{condition}",
                OperatingPoint(made.threshold, made.defects, made.missed, false, made.reason),
            )


def _raisable(score: float) -> float:
    """Return a defect's score; one that no source suspects is raised at no threshold."""
    return score if score >= LEAST_THRESHOLD else defects.NEVER


def lines(promises: Promises) -> Iterator[str]:
    """Yield what is promised, and what cannot be, for a terminal."""
    yield (
        f"At most {100 * promises.miss:g} % missed with {100 * promises.confidence:g} %"
        f" confidence, from {promises.images} photographs of {promises.masts} masts:"
    )
    for name, one in promises.points.items():
        if one.threshold is None:
            yield f"  {name}: {one.reason}"
        else:
            yield (
                f"  {name}: raise from probability {one.threshold:.3f} (missed {one.missed} of"
                f" {one.defects}; {one.false_per_image:.3f} false alarms per photograph)"
            )
    if not promises.points:
        yield "  nothing: these labels show no defect"
    yield f"Assumes: {promises.assumes}"
