"""Every figure of one model on one labelled set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catenary.datasets.labels import Label
from catenary.domain.finding import Verdict
from catenary.domain.image import Outcome
from catenary.evaluation import defects, precision
from catenary.evaluation.breakdown import Slice, located_share, slices
from catenary.evaluation.compared import Compared, groups
from catenary.evaluation.confusion import Confusion, confusion
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import NOT_JUDGED, Part, Predictions
from catenary.evaluation.rates import Rates, rates, threshold_at, threshold_of_all
from catenary.evaluation.reliability import Reliability, judged_parts, reliability

BUDGETS = (0.1, 0.5, 1.0)  # false findings a photograph, design.md section 9
ALL = "all"  # name of the reliability over all components


@dataclass(frozen=True, slots=True)
class Measured:
    """What a bundle does on a labelled set.

    Attributes:
        rates: At the bundle's own thresholds, as stored at calibration.
        at_budget: Rates when each component may raise that many false findings a photograph,
            thresholds chosen on this very set: an optimistic bound, to be quoted as such.
        at_total: The same when all components together may raise that many, one threshold for all.
        located: Component id to the share of its labelled parts that were located with
            IoU >= 0.5.
        spurious_per_image: Component id to located boxes on no label at all, a photograph.
        unjudged: Findings that ended in cannot_judge.
        outcomes: Photographs by outcome.
    """

    rates: Rates
    at_budget: Mapping[float, Rates]
    at_total: Mapping[float, Rates]
    located: Mapping[str, Share]
    spurious_per_image: Mapping[str, float]
    unjudged: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Precision:
    """How well the parts of one component are located, as COCO counts.

    Attributes:
        ap50: Average precision at IoU 0.5; None without labelled parts.
        ap: Mean over IoU 0.5, 0.55, ... 0.95.
        parts: Labelled parts, ignored ones left out.
        curve: (recall, precision) at IoU 0.5 as the score falls.
    """

    ap50: float | None
    ap: float | None
    parts: int
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Raising:
    """How well the defects of one condition, or of one component, are raised.

    Attributes:
        ap: Average precision of findings that name it, view by view; None without views of it.
        views: Labelled views that show it.
        curve: (recall, precision) as the threshold falls.
        froc: (false findings of the component a photograph, share of physical defects found).
    """

    ap: float | None
    views: int
    curve: tuple[tuple[float, float], ...]
    froc: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a promised threshold does on this set.

    Attributes:
        threshold: Stored in the bundle's card at calibration.
        detection: Physical defects of the condition that it finds.
        false_per_image: False findings of the component a photograph.
    """

    threshold: float
    detection: Share
    false_per_image: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one model on one labelled set.

    Attributes:
        model: Bundle name and hash prefix.
        rules: Version of the rule limits.
        taxonomy: Version of the taxonomy.
        data_kind: Simulated, semi-real or real; never mixed.
        masts: Masts the photographs are of; a photograph that names none stands for itself.
        unplaced: Photographs that name none.
        thresholds: By component, the probability from which the bundle raises it.
        measured: Rates and shares.
        by_component: Rates of each judged component alone, at the bundle's thresholds.
        map50: Mean of `Precision.ap50` over components; None without any.
        map: Mean of `Precision.ap`.
        components: Location by component id.
        conditions: Raising by ``"component.condition"``, and by component id for any condition.
        reliability: By component id, and for all.
        confusion: By component id.
        slices: By section, camera, view, size, visibility.
        promised: By ``"component.condition"``.
    """

    model: str
    rules: str
    taxonomy: str
    data_kind: str
    masts: int
    unplaced: int
    thresholds: Mapping[str, float]
    measured: Measured
    by_component: Mapping[str, Rates]
    map50: float | None
    map: float | None
    components: Mapping[str, Precision]
    conditions: Mapping[str, Raising]
    reliability: Mapping[str, Reliability]
    confusion: Mapping[str, Confusion]
    slices: tuple[Slice, ...]
    promised: Mapping[str, Kept]


def evaluation(
    compared: Sequence[Compared], predictions: Predictions, budgets: Sequence[float] = BUDGETS
) -> Evaluation:
    """Compute every figure.

    Args:
        compared: The labels beside ``predictions``; see `compared.joined`.
        predictions: Of one model.
        budgets: False findings a photograph that each component may raise.
    """
    kinds = sorted({label.component for one in compared for label in one.labels})
    judged = sorted(
        {
            part.component
            for one in compared
            for part in one.predicted.parts
            if part.verdict != NOT_JUDGED
        }
    )
    components = {kind: _precision(compared, kind) for kind in kinds}
    said = {kind: judged_parts(compared, kind) for kind in judged}
    everything = [row for rows in said.values() for row in rows]
    sweeps = {kind: defects.sweep(compared, kind) for kind in kinds}
    return Evaluation(
        predictions.model,
        predictions.rules,
        predictions.taxonomy,
        str(predictions.data_kind),
        len(groups(compared)),
        sum(one.image.ref.mast is None for one in compared),
        predictions.thresholds,
        measured(compared, predictions.thresholds, budgets),
        {kind: _rates_of_kind(compared, kind, predictions.thresholds) for kind in judged},
        _mean([one.ap50 for one in components.values()]),
        _mean([one.ap for one in components.values()]),
        components,
        _raising(compared, sweeps),
        {kind: reliability(rows) for kind, rows in (said | {ALL: everything}).items()},
        {kind: confusion(compared, kind) for kind in judged},
        tuple(slices(compared, predictions.thresholds)),
        _kept(sweeps, predictions.promised),
    )


def measured(
    compared: Sequence[Compared],
    thresholds: Mapping[str, float],
    budgets: Sequence[float] = BUDGETS,
) -> Measured:
    """State rates at the bundle's thresholds and at alarm budgets, and what was located."""
    kinds = sorted({label.component for one in compared for label in one.labels})
    outcomes = [one.predicted.outcome for one in compared]
    scenes = [(one.raised(), one.labels) for one in compared]
    return Measured(
        rates([(one.raised(thresholds), one.labels) for one in compared], 0.0),
        {budget: _at_budget(compared, kinds, budget) for budget in budgets},
        {budget: rates(scenes, threshold_of_all(scenes, budget)) for budget in budgets},
        {kind: located_share(compared, _is_of(kind)) for kind in kinds},
        {kind: _spurious(compared, kind) for kind in kinds},
        sum(_is_unjudged(part) for one in compared for part in one.predicted.parts),
        {str(outcome): outcomes.count(outcome) for outcome in Outcome},
    )


def _at_budget(compared: Sequence[Compared], kinds: Sequence[str], budget: float) -> Rates:
    scenes = [(one.raised(), one.labels) for one in compared]
    cuts = {kind: threshold_at(scenes, kind, budget) for kind in kinds}
    kept = [
        ([one for one in raised if one.score >= cuts.get(one.component, 0.0)], labels)
        for raised, labels in scenes
    ]
    return rates(kept, 0.0)


def _is_unjudged(part: Part) -> bool:
    return part.verdict == Verdict.CANNOT_JUDGE


def _is_of(kind: str) -> Callable[[Label], bool]:
    return lambda label: label.component == kind


def _rates_of_kind(
    compared: Sequence[Compared], kind: str, thresholds: Mapping[str, float]
) -> Rates:
    scenes = [
        (
            [found for found in one.raised(thresholds) if found.component == kind],
            [label for label in one.labels if label.component == kind],
        )
        for one in compared
    ]
    return rates(scenes, 0.0)


def _spurious(compared: Sequence[Compared], kind: str) -> float:
    count = sum(one.nearest(part) is None for one in compared for part in one.parts(kind))
    return count / max(len(compared), 1)


def _precision(compared: Sequence[Compared], kind: str) -> Precision:
    rankings = [precision.located(compared, kind, iou) for iou in precision.COCO_IOUS]
    parts = int(rankings[0].truths.sum())
    if not parts:
        return Precision(None, None, 0, ())
    values = [one.average_precision() for one in rankings]
    return Precision(values[0], float(np.mean(values)), parts, _curve(rankings[0]))


def _curve(ranking: precision.Ranking) -> tuple[tuple[float, float], ...]:
    height, share = ranking.curve()
    return tuple(zip(share.tolist(), height.tolist(), strict=True))


def _raising(
    compared: Sequence[Compared], sweeps: Mapping[str, defects.Sweep]
) -> dict[str, Raising]:
    found = {}
    for kind, one in sweeps.items():
        for condition in (None, *one.conditions):
            ranking = precision.raised(compared, kind, condition)
            views = int(ranking.truths.sum())
            if views:
                name = kind if condition is None else f"{kind}.{condition}"
                value = ranking.average_precision()
                found[name] = Raising(value, views, _curve(ranking), one.froc(condition))
    return found


def _kept(sweeps: Mapping[str, defects.Sweep], promised: Mapping[str, float]) -> dict[str, Kept]:
    found = {}
    for name, threshold in promised.items():
        kind, _, condition = name.partition(".")
        if kind not in sweeps:
            continue
        one = sweeps[kind]
        scores = one.scores(condition)
        hits = sum(score >= threshold for score in scores)
        false = int((one.false >= threshold).sum()) / max(int(one.images.sum()), 1)
        found[name] = Kept(threshold, Share(hits, len(scores)), false)
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
