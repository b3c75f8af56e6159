"""What each judge does with few defects, in words, as plain values for JSON, and as a plot."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catenary.evaluation.intervals import Share
from catenary.evaluation.scarcity import AtBudget
from catenary.jobs.benches.scarce import Done, Tried
from catenary.jobs.benches.scarce_recipe import Arm, Boxes
from catenary.jobs.evaluating.text import plain, short_share
from catenary.reports import atomic
from catenary.reports.charts import Chart, Series
from catenary.reports.figure import write_figure

TABLE, PLOT, VALUES = "scarce.md", "scarce.svg", "scarce.json"
_PARTS = (Arm.CLASSIFIER, Arm.ANOMALY, Arm.RULES)  # of a hybrid, or that a reader takes for one
_BOXES = {
    Boxes.LABELS: "true boxes, missed a little as a detector's are",
    Boxes.DETECTOR: "located by the bundle's detector",
}


@dataclass(frozen=True, slots=True)
class Seeds:
    """The same judge with the same number of defects, once for each seed.

    Attributes:
        points: One a seed, on the same photographs.
    """

    points: tuple[AtBudget, ...]

    @property
    def mean(self) -> float:
        """Mean recall in [0, 1]."""
        hits = sum(one.detection.hits for one in self.points)
        return hits / max(sum(one.detection.total for one in self.points), 1)

    def __str__(self) -> str:
        """Return e.g. ``92 [81-97] (88-96)``: mean, Wilson interval of its count, seeds."""
        total = self.points[0].detection.total
        hits = round(sum(one.detection.hits for one in self.points) / len(self.points))
        low, high = (round(100 * bound) for bound in Share(hits, total).interval)
        words = f"{100 * self.mean:.1f} [{low}-{high}]"
        if len(self.points) == 1:
            return words
        each = [_recall(one) for one in self.points]
        return f"{words} ({100 * min(each):.0f}-{100 * max(each):.0f})"


def _recall(one: AtBudget) -> float:
    return one.detection.hits / max(one.detection.total, 1)


def of(
    done: Done, arm: Arm, test: str, count: int, budget: float, carried: bool = False
) -> Seeds | None:
    """Return one entry of the table; None where the judge cannot be had."""
    points = tuple(
        point
        for cell in done.cells
        if cell.count == count
        for one in cell.measured
        if (one.arm, one.test) == (arm, test)
        for point in (one.carried if carried else one.own)
        if point.budget == budget
    )
    return Seeds(points) if points else None


def counts(done: Done) -> list[int]:
    """Return the counts that are measured so far."""
    known = {cell.count for cell in done.cells}
    return [one for one in done.settings.counts if one in known]


def lines(done: Done) -> Iterator[str]:
    """Yield the tables as Markdown."""
    settings = done.settings
    seeds = sorted({cell.seed for cell in done.cells})
    yield (
        f"{settings.component} {'/'.join(settings.conditions)}: N of {done.available} photographs"
        f" with one defect, and {done.normals} without, to learn from; seeds"
        f" {', '.join(map(str, seeds))}. Recall in %: mean of the seeds, in brackets the Wilson"
        " 95 % interval of its count on the test defects (how few these are), in parentheses"
        " lowest and highest seed (which N were taken). Seeds share the test photographs and are"
        " not pooled."
    )
    for tried in done.tried:
        yield ""
        yield from _test(done, tried)


def _test(done: Done, tried: Tried) -> Iterator[str]:
    test, name = tried.test, tried.test.name
    reached = Share(tried.reached, tried.defects)
    yield (
        f"**{name}** ({test.data_kind}): {tried.images} photographs, {tried.defects} defects;"
        f" {tried.located} parts judged ({_BOXES[test.boxes]}), defects among them"
        f" {short_share(reached)}."
    )
    yield ""
    own = counts(done)
    yield from _row(("false alarms a photograph", "judge", *(_heading(done, one) for one in own)))
    yield from _row(["---"] * (len(own) + 2))
    for budget in done.settings.budgets:
        for arm in Arm:
            entries = [of(done, arm, name, count, budget) for count in own]
            if any(entries):
                yield from _row((f"{budget:g}", str(arm), *(str(one or "-") for one in entries)))
    yield ""
    yield (
        "With thresholds carried over from normal parts of unseen training masts instead of chosen"
        " on these photographs: recall in %, and false alarms a photograph that came of it."
    )
    yield ""
    yield from _row(("meant", "judge", *(_heading(done, one) for one in own)))
    yield from _row(["---"] * (len(own) + 2))
    for budget in done.settings.budgets:
        for arm in Arm:
            carried = [of(done, arm, name, count, budget, carried=True) for count in own]
            if any(carried):
                words = [_carried(one, tried.images) for one in carried]
                yield from _row((f"{budget:g}", str(arm), *words))
    yield ""
    yield from _below(done, name)


def _heading(done: Done, count: int) -> str:
    """Return e.g. ``N = 10``, with the number of seeds where not all are measured yet."""
    seeds = sum(cell.count == count for cell in done.cells)
    words = f"N = {count}"
    return (
        words
        if seeds == len(done.settings.seeds)
        else f"{words} ({seeds} of {len(done.settings.seeds)} seeds)"
    )


def _row(cells: Sequence[str]) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"


def _carried(one: Seeds | None, images: int) -> str:
    if one is None:
        return "-"
    false = sum(point.false for point in one.points) / len(one.points)
    return f"{100 * one.mean:.1f} at {false / max(images, 1):.2f}"


def _below(done: Done, test: str) -> Iterator[str]:
    """Yield where a hybrid is below something that it could be compared with."""
    found = []
    for budget in done.settings.budgets:
        for count in counts(done):
            for hybrid in (Arm.HYBRID, Arm.INJECTED):
                joint = of(done, hybrid, test, count, budget)
                for arm in _PARTS if joint else ():
                    alone = of(done, arm, test, count, budget)
                    if joint and alone and joint.mean < alone.mean - 1e-9:
                        found.append(f"N = {count}, {budget:g}: {_less(hybrid, joint, arm, alone)}")
    yield f"A hybrid below a part: {'; '.join(found) or 'nowhere'}."


def _less(hybrid: Arm, joint: Seeds, arm: Arm, alone: Seeds) -> str:
    """Return e.g. ``hybrid 60 of 62, classifier alone 61``; the mean of several seeds."""
    total = joint.points[0].detection.total
    return f"{hybrid} {joint.mean * total:.3g} of {total}, {arm} {alone.mean * total:.3g}"


def record(done: Done) -> dict[str, object]:
    """Return everything as plain values for JSON; shares carry their Wilson 95 % interval."""
    return {
        "component": done.settings.component,
        "conditions": list(done.settings.conditions),
        "normals": done.normals,
        "available": done.available,
        "tests": [
            {
                "name": one.test.name,
                "data_kind": str(one.test.data_kind),
                "boxes": str(one.test.boxes),
                "images": one.images,
                "parts": one.located,
                "reached": plain(Share(one.reached, one.defects)),
            }
            for one in done.tried
        ],
        "cells": [plain(one) for one in done.cells],
    }


def write(done: Done) -> None:
    """Write table, values and plot beside the trainings.

    Raises:
        StoreError: If they cannot be written.
    """
    texts = {
        TABLE: "\n".join(lines(done)),
        VALUES: json.dumps(record(done), ensure_ascii=False, indent=1),
    }
    for name, text in texts.items():
        with atomic.replaced(done.settings.output / name) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
    title = f"Recall with few defects: {done.settings.component}"
    write_figure(title, list(plots(done)), done.settings.output / PLOT)


def plots(done: Done) -> Iterator[Chart]:
    """Yield a chart for each test set, at the smallest budget."""
    budget, own = min(done.settings.budgets), counts(done)
    for tried in done.tried:
        name = tried.test.name
        series = []
        for number, arm in enumerate(Arm):
            entries = [(count, of(done, arm, name, count, budget)) for count in own]
            points = [(float(count), one.mean) for count, one in entries if one]
            if points:
                series.append(Series(str(arm), points, number))
        yield Chart(
            f"{name} ({tried.test.data_kind})",
            "defects to learn from",
            f"recall at {budget:g} false alarms a photograph",
            float(max(*own, 1)),
            tuple(series),
            is_stepped=False,
        )
