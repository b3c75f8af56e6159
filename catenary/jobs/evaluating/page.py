"""Lay out an evaluation as the page that the report writes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from catenary.evaluation import bootstrap
from catenary.evaluation.breakdown import Slice, worst_section
from catenary.evaluation.confusion import Confusion
from catenary.evaluation.figures import Evaluation
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind
from catenary.evaluation.rates import Rates
from catenary.evaluation.reliability import Bin
from catenary.jobs.evaluating.defects import MOST_LINES, defects
from catenary.jobs.evaluating.text import (
    Evaluated,
    difference_words,
    mast_words,
    number,
    short_share,
)
from catenary.reports.charts import Chart, Dot, Series
from catenary.reports.evaluation import Chapter, EvaluationPage, Grid, Named


def page(done: Evaluated, labels: Path) -> EvaluationPage:
    """Return the whole report of an evaluation.

    Args:
        done: All figures.
        labels: File they rest on, named in the head.
    """
    own = done.own
    return EvaluationPage(
        f"{own.model} on {labels.parent.name or labels.name}",
        own.data_kind,
        (
            Named("model", own.model),
            Named("rules", own.rules),
            Named("taxonomy", own.taxonomy),
            Named("labels", str(labels)),
        ),
        tuple(_tiles(own)),
        tuple(_notes(own)),
        tuple(_chapters(done)),
    )


def _tiles(own: Evaluation) -> Iterator[Named]:
    found = own.measured.rates
    yield Named("physical defects found 检出", f"{found.detection.hits} / {found.detection.total}")
    yield Named("Wilson 95 % interval", _interval(found.detection))
    yield Named("false alarms per 1,000 images 误报", f"{1000 * found.false_per_image:.0f}")
    yield Named("of all alarms false", _percent(found.false_alarms))
    yield Named("photographs raised 提报率", _percent(found.raised_images))
    yield Named("component mAP50", number(own.map50))
    yield Named("photographs 图像", f"{found.images:,}")
    if not own.unplaced:
        yield Named("masts 支柱", f"{own.masts:,}")


def _notes(own: Evaluation) -> Iterator[str]:
    outcomes = own.measured.outcomes
    judged = outcomes.get("done", 0)
    yield (
        "The figures above are at the thresholds stored in the bundle at calibration. Those at an"
        " alarm budget use thresholds chosen on this very set: they describe, and are optimistic."
    )
    if own.data_kind == DataKind.UNSTATED:
        yield "The kind of data is not stated (--data-kind): do not quote these figures."
    if judged < own.measured.rates.images:
        yield (
            f"{own.measured.rates.images - judged} photographs were unusable or could not be read;"
            " what they show counts as missed."
        )


def _chapters(done: Evaluated) -> Iterator[Chapter]:
    own = done.own
    yield defects(own)
    yield _false_alarms(own)
    if own.promised:
        yield _promised(own)
    if done.comparison:
        yield _comparison(done.comparison, mast_words(own))
    yield _slices(own)
    yield _located(own)
    yield _calibration(own)
    yield Chapter(
        "What parts were taken for 混淆",
        "Rows are what is true, columns what was said at the bundle's thresholds, view by view."
        " no_part: boxes on no label.",
        tuple(_confused(kind, one) for kind, one in own.confusion.items()),
    )


def _false_alarms(own: Evaluation) -> Chapter:
    every = {**own.by_component, "all": own.measured.rates}
    return Chapter(
        "False alarms, stated three ways 误报",
        "At the thresholds stored in the bundle; below, all components together at one threshold"
        " that keeps a budget, chosen on this very set.",
        (
            Grid(
                "",
                ("component", "false of all alarms", "false per 1,000 images", "images raised"),
                tuple(_false_row(kind, one) for kind, one in every.items()),
            ),
            Grid(
                "All components together, at a budget",
                ("false / image", "found", "false of all alarms", "per 1,000", "images raised"),
                tuple(
                    (f"{budget:g}", short_share(one.detection), *_false_row("", one)[1:])
                    for budget, one in own.measured.at_total.items()
                ),
            ),
        ),
    )


def _false_row(kind: str, one: Rates) -> tuple[str, ...]:
    return (
        kind,
        short_share(one.false_alarms),
        f"{1000 * one.false_per_image:.0f}",
        short_share(one.raised_images),
    )


def _promised(own: Evaluation) -> Chapter:
    rows = tuple(
        (
            name,
            f"{one.threshold:.3f}",
            short_share(one.detection),
            f"{1000 * one.false_per_image:.0f}",
        )
        for name, one in own.promised.items()
    )
    return Chapter(
        "Promised thresholds",
        "Chosen at calibration to bound what is missed; here is what they do on this set.",
        (Grid("", ("condition", "threshold", "found here", "false per 1,000 images"), rows),),
    )


def _comparison(one: bootstrap.Comparison, masts: str) -> Chapter:
    note = (
        f"{one.first} minus {one.second}; 95 % percentile intervals from {one.resamples} draws of"
        f" {masts}, the same draws for both."
    )
    if one.groups < bootstrap.FEW_GROUPS:
        note += " With so few such intervals are too narrow."
    rows = tuple((row.name, difference_words(row)) for row in one.differences)
    return Chapter("Against another model", note, (Grid("", ("figure", "difference"), rows),))


def _slices(own: Evaluation) -> Chapter:
    worst = worst_section(own.slices)
    axes = dict.fromkeys(one.axis for one in own.slices)
    return Chapter(
        "By section, camera, view, size and visibility",
        "At the stored thresholds. A defect that two cameras see counts once for each."
        + (f" Worst section: {worst.value}." if worst else ""),
        tuple(_axis(axis, [one for one in own.slices if one.axis == axis]) for axis in axes),
    )


def _axis(axis: str, rows: Sequence[Slice]) -> Grid:
    if rows[0].images is None:
        head: tuple[str, ...] = (axis, "defects found", "parts located")
        return Grid(
            "",
            head,
            tuple((r.value, short_share(r.detection), short_share(r.located)) for r in rows),
        )
    head = (
        axis,
        "images",
        "defects found",
        "parts located",
        "false of all alarms",
        "false per 1,000",
        "images raised",
    )
    return Grid(
        "",
        head,
        tuple(
            (
                one.value,
                str(one.images),
                short_share(one.detection),
                short_share(one.located),
                short_share(one.false_alarms),
                f"{1000 * (one.false_per_image or 0):.0f}",
                short_share(one.raised_images),
            )
            for one in rows
        ),
    )


def _located(own: Evaluation) -> Chapter:
    rows = [
        (
            kind,
            short_share(own.measured.located[kind]),
            number(one.ap50),
            number(one.ap),
            f"{own.measured.spurious_per_image[kind]:.2f}",
        )
        for kind, one in own.components.items()
    ]
    rows.append(("mean", "", number(own.map50), number(own.map), ""))
    head = ("component", "located, IoU >= 0.5", "AP50", "AP 50-95", "boxes on no part / image")
    drawn = [(kind, one.curve) for kind, one in own.components.items() if one.curve]
    charts = tuple(
        Chart(
            "Location at IoU 0.5",
            "recall",
            "precision",
            1.0,
            tuple(Series(kind, curve) for kind, curve in drawn[start : start + MOST_LINES]),
        )
        for start in range(0, len(drawn), MOST_LINES)
    )
    return Chapter(
        "Parts located",
        "Average precision as COCO counts it (101 points). Kinds that the model does not know"
        " count with 0.",
        (Grid("", head, tuple(rows)),),
        charts,
    )


def _calibration(own: Evaluation) -> Chapter:
    rows = tuple(
        (
            kind,
            str(sum(one_bin.defective.total for one_bin in one.bins)),
            number(one.ece),
            number(one.brier),
        )
        for kind, one in own.reliability.items()
    )
    charts = tuple(
        Chart(
            f"Reliability: {kind}",
            "probability that was given",
            "share that is defective",
            dots=tuple(_dot(one_bin) for one_bin in one.bins if one_bin.mean is not None),
            has_diagonal=True,
        )
        for kind, one in own.reliability.items()
    )
    return Chapter(
        "Are the probabilities honest? 概率校准",
        "Judged parts in ten bins; beside each point the parts it rests on, with the Wilson 95 %"
        " interval. ECE is the mean gap; in bins of few parts it is large by chance alone.",
        (Grid("", ("component", "parts", "ECE", "Brier"), rows),),
        charts,
    )


def _dot(one: Bin) -> Dot:
    low, high = one.defective.interval
    share = one.defective.hits / one.defective.total
    return Dot(one.mean or 0.0, share, low, high, str(one.defective.total))


def _confused(kind: str, one: Confusion) -> Grid:
    rows = (
        (truth, *map(str, counts)) for truth, counts in zip(one.truths, one.counts, strict=True)
    )
    return Grid(kind, ("truth", *one.answers), tuple(rows))


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.0f}-{100 * high:.0f} %"


def _percent(share: Share) -> str:
    return f"{100 * share.hits / share.total:.0f} %" if share.total else "-"
