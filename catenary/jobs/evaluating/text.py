"""An evaluation in words for a terminal, and as plain values for JSON."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass

from catenary.evaluation import bootstrap
from catenary.evaluation.bootstrap import Comparison, Difference
from catenary.evaluation.breakdown import Slice, worst_section
from catenary.evaluation.figures import Evaluation, Measured
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Figures of a model, and of the difference to another.

    Attributes:
        own: Figures of the model.
        comparison: Against the other one, or None.
    """

    own: Evaluation
    comparison: Comparison | None


def record(done: Evaluated) -> dict[str, object]:
    """Return everything as plain values for JSON; shares carry their Wilson 95 % interval."""
    own = {one.name: getattr(done.own, one.name) for one in fields(done.own)}
    measured = own.pop("measured")
    flat = {one.name: getattr(measured, one.name) for one in fields(measured)}
    worst = worst_section(done.own.slices)
    extra = {"worst_section": worst.value if worst else None, "comparison": done.comparison}
    return {name: plain(value) for name, value in (flat | own | extra).items()}


def plain(value: object) -> object:
    """Return dataclasses, shares and mappings as values that JSON holds."""
    if isinstance(value, Share):
        low, high = value.interval
        return asdict(value) | {"low": low, "high": high}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lines(done: Evaluated, by_section: bool = False) -> Iterator[str]:
    """Yield the figures as a reader of a terminal wants them."""
    own = done.own
    kind = (
        "photographs of a kind not stated"
        if own.data_kind == DataKind.UNSTATED
        else (f"{own.data_kind} photographs")
    )
    yield f"{own.model} on {kind} of {mast_words(own)}"
    yield from measured_lines(own.measured)
    yield from _precision_lines(own)
    for name, kept in own.promised.items():
        yield (
            f"Promised threshold {kept.threshold:.3f} of {name}: finds {kept.detection} here, "
            f"{kept.false_per_image:.3f} false alarms per photograph"
        )
    if by_section:
        yield from _section_lines(own.slices)
    if done.comparison:
        yield from _comparison_lines(done.comparison, mast_words(own))


def measured_lines(measured: Measured) -> Iterator[str]:
    """Yield rates and located shares."""
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
    yield "With one threshold for all components (optimistic too), false alarms of all together:"
    for budget, at in measured.at_total.items():
        yield (
            f"  {budget:g} per photograph ({1000 * budget:g} per 1,000): found {at.detection}; "
            f"of all alarms false {short_share(at.false_alarms)}; "
            f"photographs raised {short_share(at.raised_images)}"
        )


def _precision_lines(own: Evaluation) -> Iterator[str]:
    yield (
        "Average precision of located components, COCO, IoU 0.5 (0.5 to 0.95): "
        f"mean {number(own.map50)} ({number(own.map)})"
    )
    for kind, one in own.components.items():
        yield f"  {kind}: {number(one.ap50)} ({number(one.ap)}), {one.parts} parts"
    yield "Average precision of findings, view by view, condition named rightly:"
    for name, raising in own.conditions.items():
        yield f"  {name}: {number(raising.ap)}, {raising.views} views"
    yield "Calibration of the probabilities (expected error, parts):"
    for kind, one_kind in own.reliability.items():
        parts = sum(one.defective.total for one in one_kind.bins)
        yield f"  {kind}: {number(one_kind.ece)}, {parts} parts"


def _section_lines(slices: tuple[Slice, ...]) -> Iterator[str]:
    yield "By section, at the bundle's thresholds:"
    for one in slices:
        if one.axis == "section":
            yield (
                f"  {one.value}: defects {one.detection}; located {one.located}; "
                f"{one.false_per_image:.3f} false alarms per photograph of {one.images}"
            )
    worst = worst_section(slices)
    found = f"{worst.value}, {worst.detection}" if worst else "no section has a defect"
    yield f"Worst section: {found}"


def _comparison_lines(comparison: Comparison, masts: str) -> Iterator[str]:
    yield (
        f"{comparison.first} minus {comparison.second}, 95 % interval from "
        f"{comparison.resamples} draws of {masts}:"
    )
    yield from (f"  {one.name}: {difference_words(one)}" for one in comparison.differences)
    if comparison.groups < bootstrap.FEW_GROUPS:
        yield "  With so few such intervals are too narrow; take more masts."


def mast_words(own: Evaluation) -> str:
    """Return what the photographs are of, and what is drawn from when models are compared."""
    if not own.unplaced:
        return f"{own.masts} masts"
    return f"{own.masts} masts or single photographs ({own.unplaced} name no mast)"


def difference_words(one: Difference) -> str:
    """Return e.g. ``0.812 - 0.790 = +0.022 [-0.010, +0.054]``."""
    if one.low is None or one.high is None:
        return "nothing to compare"
    change = one.first - one.second
    return f"{one.first:.3f} - {one.second:.3f} = {change:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def number(value: float | None) -> str:
    """Return three decimals, or a dash where there is nothing to count."""
    return "-" if value is None else f"{value:.3f}"


def short_share(share: Share | None) -> str:
    """Return e.g. ``7/8 = 88 % [53-98]``: short, since tables have many of them."""
    if not share or not share.total:
        return "0/0"
    low, high = (round(100 * bound) for bound in share.interval)
    percent = round(100 * share.hits / share.total)
    return f"{share.hits}/{share.total} = {percent} % [{low}-{high}]"
