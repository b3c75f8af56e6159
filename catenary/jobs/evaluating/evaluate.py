"""Evaluate a model on a labelled set: scan it, or read what an earlier scan said, and compare."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from catenary.datasets import split as splits
from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.evaluation import bootstrap, compared, predictions
from catenary.evaluation.figures import BUDGETS, evaluation
from catenary.evaluation.predictions import DataKind, Predictions
from catenary.jobs.data import labelled as labelled_sets
from catenary.jobs.evaluating import page as evaluation_page
from catenary.jobs.evaluating.text import Evaluated
from catenary.jobs.learning import measure
from catenary.jobs.scanning import assemble
from catenary.models import bundle
from catenary.reports import atomic
from catenary.reports.evaluation import write_evaluation

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for.

    Attributes:
        labels: COCO labels.
        data_kind: What kind of photographs it is.
        predictions: Of an earlier scan, or None to scan now.
        save: Where to keep the predictions, or None.
        compare: Predictions of another model on the same labels, or None.
        html: Report to write, or None.
        per_1000: A further alarm budget, false findings of each component per 1,000
            photographs, or None.
        split: File that deals the photographs to parts, or None to evaluate all of them.
        part: Part of the split that is evaluated.
    """

    labels: Path
    data_kind: DataKind = DataKind.UNSTATED
    predictions: Path | None = None
    save: Path | None = None
    compare: Path | None = None
    html: Path | None = None
    per_1000: float | None = None
    split: Path | None = None
    part: str = "test"

    @property
    def budgets(self) -> tuple[float, ...]:
        """False findings a photograph that each component may raise."""
        own = () if self.per_1000 is None else (self.per_1000 / 1000,)
        return tuple(sorted({*BUDGETS, *own}))


def evaluate(request: Request, recipe: assemble.Recipe, progress: Progress) -> Evaluated:
    """Do what was asked and return the figures.

    Args:
        request: What to evaluate and what to write.
        recipe: Model and settings; not looked at when there are predictions.
        progress: Called with frames done and frames in all while scanning.

    Raises:
        ConfigError: If a file is not valid, an image is missing, or kinds of data would mix.
        StoreError: If a file cannot be written.
    """
    labelled = labelled_sets.read(request.labels)
    if request.split:
        labelled = splits.part(labelled, splits.read(request.split), request.part)
        if not labelled.images:
            raise ConfigError(f"part {request.part} of {request.labels} has no photograph")
    said = _said(request, labelled, recipe, progress)
    if request.save:
        with atomic.replaced(request.save) as partial:
            partial.write_bytes(predictions.dumps(said))
    pairs = compared.joined(labelled, said)
    own = evaluation(pairs, said, request.budgets)
    comparison = None
    if request.compare:
        other = _of_kind(_read(request.compare), said.data_kind, request.compare)
        comparison = bootstrap.compare(
            bootstrap.Side(said.model, said.thresholds, pairs),
            bootstrap.Side(other.model, other.thresholds, compared.joined(labelled, other)),
            request.budgets,
        )
    done = Evaluated(own, comparison)
    if request.html:
        write_evaluation(evaluation_page.page(done, request.labels), request.html)
    return done


def _said(
    request: Request, labelled: LabelledSet, recipe: assemble.Recipe, progress: Progress
) -> Predictions:
    if request.predictions:
        return _of_kind(_read(request.predictions), request.data_kind, request.predictions)
    said = measure.predict(assemble.judge(recipe), labelled, request.data_kind, progress)
    return replace(said, promised=_promised(recipe))


def _read(path: Path) -> Predictions:
    try:
        return predictions.loads(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read predictions {path}: {error.strerror}") from error


def _of_kind(said: Predictions, kind: DataKind, path: Path) -> Predictions:
    """Return predictions with their kind of data known, if it is known at all."""
    kinds = {said.data_kind, kind} - {DataKind.UNSTATED}
    if len(kinds) > 1:
        raise ConfigError(
            f"{path} is of {said.data_kind} photographs, the others are {kind}; figures on"
            " different kinds of data are never mixed"
        )
    return replace(said, data_kind=next(iter(kinds), DataKind.UNSTATED))


def _promised(recipe: assemble.Recipe) -> dict[str, float]:
    """Return the thresholds that the bundle's calibration promises a bound on misses for."""
    promises = bundle.verify(recipe.bundle_folder()).promises
    points = promises.points if promises else {}
    return {name: one.threshold for name, one in points.items() if one.threshold is not None}
