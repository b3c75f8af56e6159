"""The chapter of an evaluation's page on defects: shares found, FROC, precision and recall."""

from collections.abc import Iterator

from catenary.evaluation.figures import Evaluation
from catenary.evaluation.intervals import Share
from catenary.evaluation.rates import Rates
from catenary.jobs.evaluating.text import number, short_share
from catenary.reports.charts import Chart, Dot, Series
from catenary.reports.evaluation import Chapter, Grid

MOST_LINES = 8  # of one chart


def defects(own: Evaluation) -> Chapter:
    """Return what is found of each condition, and the curves of each component."""
    measured = own.measured
    budgets = list(measured.at_budget)
    rows = [
        (
            name,
            short_share(share),
            *(
                short_share(at.by_condition.get(name, Share(0, 0)))
                for at in measured.at_budget.values()
            ),
            *_raising_cells(own, name),
        )
        for name, share in measured.rates.by_condition.items()
    ]
    total = ("all", short_share(measured.rates.detection))
    rows.append(
        (*total, *(short_share(at.detection) for at in measured.at_budget.values()), "", "")
    )
    head = (
        "condition",
        "found, stored thresholds",
        *(f"at {budget:g} false / image" for budget in budgets),
        "AP",
        "views",
    )
    return Chapter(
        "Defects found, by condition 检出率",
        "Physical defects: the same part in several views counts once. A budget is of each"
        " component: so many false findings a photograph. AP ranks findings view by view and asks"
        " for the right condition. Intervals are Wilson, 95 %, and take defects as independent."
        " Dots: any defect at the stored threshold.",
        (Grid("", head, tuple(rows)),),
        (*_froc(own, max(1.0, *budgets)), *_defect_curves(own)),
    )


def _raising_cells(own: Evaluation, name: str) -> tuple[str, str]:
    one = own.conditions.get(name)
    return (number(one.ap), str(one.views)) if one else ("-", "0")


def _of_component(own: Evaluation, kind: str) -> list[str]:
    names = [name for name in own.conditions if name.startswith(f"{kind}.")]
    return [kind, *names][:MOST_LINES]


def _short(name: str) -> str:
    return name.partition(".")[2] or "any defect"


def _kinds(own: Evaluation) -> list[str]:
    return [name for name in own.conditions if "." not in name]


def _froc(own: Evaluation, most: float) -> Iterator[Chart]:
    for kind in _kinds(own):
        lines = tuple(
            Series(_short(name), own.conditions[name].froc) for name in _of_component(own, kind)
        )
        dots = _stored(own.by_component[kind]) if kind in own.by_component else ()
        yield Chart(
            f"FROC: {kind}", "false findings a photograph", "defects found", most, lines, dots
        )


def _stored(one: Rates) -> tuple[Dot, ...]:
    """Return the point of the stored threshold."""
    if not one.detection.total:
        return ()
    share = one.detection.hits / one.detection.total
    return (Dot(one.false_per_image, share, *one.detection.interval, "stored threshold"),)


def _defect_curves(own: Evaluation) -> Iterator[Chart]:
    for kind in _kinds(own):
        lines = tuple(
            Series(_short(name), own.conditions[name].curve) for name in _of_component(own, kind)
        )
        yield Chart(f"Precision and recall: {kind}", "recall, by view", "precision", 1.0, lines)
