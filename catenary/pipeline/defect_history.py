"""What became of the defects of two photographs whose parts were compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catenary.domain.change import Change, DefectChange, Incomparable, Part, PartChange, Shot
from catenary.domain.finding import Verdict
from catenary.pipeline.run_noise import Noise, odds_step

COMPACT = ("clamp", "clevis", "messenger_seat", "number_plate")
WATCHED = (*COMPACT, "steady_arm", "cantilever")


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """When a change is reported; all numbers are our starting values.

    Attributes:
        chance: Probability in [0, 1] with which one test of an unchanged part says "changed"; a
            part found again is tested for place, size and angle.
        sure: Detector score in [0, 1] from which a part counts that is not found again.
        edge: Margin of a photograph in which nothing is called gone or new, as a share of its
            longer side.
        far: How far a part may have moved and be taken for the same one, as a share of the
            photograph's longer side, or its own longer side where that is more.
        long: Longer over shorter side from which a part's box tells an angle.
        upright_deg: Rotation between photographs up to which boxes tell sizes and angles.
        alike: Correlation in [-1, 1] from which the picture at the place of a part that is not
            located shows the same part.
        watched: Component ids that may be raised as findings.
        compact: Of these, such as fill their box: their pictures are held against each other, too.
        likely: Detector score in [0, 1] that a compact part needs in the earlier photograph.
        turned_deg: Turn in the pictures from which a compact part has turned.
        altered: Correlation in [-1, 1] below which a compact part looks like another thing.
        odds: Change of the log-odds of a defect, in standard deviations of those of unchanged
            parts, from which a defect counts as new or gone.
        beyond: Growth of a rule's measurement, in limits, from which a defect has grown.
    """

    chance: float = 0.001
    sure: float = 0.5
    edge: float = 0.02
    far: float = 0.05
    long: float = 3.0
    upright_deg: float = 2.0
    alike: float = 0.85
    watched: tuple[str, ...] = WATCHED
    compact: tuple[str, ...] = COMPACT
    likely: float = 0.3
    turned_deg: float = 5.0
    altered: float = 0.75
    odds: float = 2.6
    beyond: float = 1.0


def defects(
    earlier: Shot,
    later: Shot,
    pairs: NDArray[np.intp],
    changes: Sequence[PartChange],
    noise: Noise,
    settings: HistorySettings,
) -> Iterator[DefectChange]:
    """Yield what became of every defect of either photograph.

    Args:
        earlier: Photograph of the earlier run.
        later: Photograph of the later run.
        pairs: (K, 2) indices of the same part, earlier and later.
        changes: What became of every part of either.
        noise: Of the run.
        settings: When a change is reported.
    """
    forward = {int(one): int(two) for one, two in pairs}
    back = {two: one for one, two in forward.items()}
    places = {(one.kind, one.earlier): one for one in changes if one.earlier is not None}
    news = {(one.kind, one.later): one for one in changes if one.later is not None}
    for index, part in enumerate(later.parts):
        if part.verdict is Verdict.DEFECT:
            former = earlier.parts[back[index]] if index in back else None
            yield _later_defect(
                part, former, news[part.component.kind, part.component.box], noise, settings
            )
    for index, part in enumerate(earlier.parts):
        now = later.parts[forward[index]] if index in forward else None
        if part.verdict is Verdict.DEFECT and not (now and now.verdict is Verdict.DEFECT):
            yield _former_defect(
                part, now, places[part.component.kind, part.component.box], noise, settings
            )


def _later_defect(
    part: Part,
    former: Part | None,
    told: PartChange,
    noise: Noise,
    settings: HistorySettings,
) -> DefectChange:
    def said(change: Change, reason: Incomparable | None = None) -> DefectChange:
        kind, box = part.component.kind, part.component.box
        return DefectChange(change, kind, part.condition, former, part, box, reason)

    if former is None:
        if told.change is Change.NEW:
            return said(Change.NEW)
        return said(Change.NOT_COMPARABLE, told.reason or Incomparable.NOT_LOCATED)
    match former.verdict:
        case Verdict.DEFECT if former.condition == part.condition:
            return said(Change.GROWN if _has_grown(former, part, settings) else Change.UNCHANGED)
        case Verdict.DEFECT:
            return said(Change.NOT_COMPARABLE, Incomparable.OTHER_CONDITION)
        case Verdict.NORMAL if _is_beyond(former, part, noise, settings):
            return said(Change.NEW)
        case Verdict.NORMAL:
            return said(Change.NOT_COMPARABLE, Incomparable.WITHIN_NOISE)
        case _:
            return said(Change.NOT_COMPARABLE, Incomparable.NOT_JUDGED)


def _former_defect(
    part: Part,
    now: Part | None,
    told: PartChange,
    noise: Noise,
    settings: HistorySettings,
) -> DefectChange:
    def said(change: Change, reason: Incomparable | None = None) -> DefectChange:
        return DefectChange(
            change, part.component.kind, part.condition, part, now, told.place, reason
        )

    if now is None:
        if told.change is Change.GONE:
            return said(Change.GONE)
        return said(Change.NOT_COMPARABLE, told.reason or Incomparable.NOT_LOCATED)
    if now.verdict is not Verdict.NORMAL:
        return said(Change.NOT_COMPARABLE, Incomparable.NOT_JUDGED)
    if _is_beyond(part, now, noise, settings):
        return said(Change.GONE)
    return said(Change.NOT_COMPARABLE, Incomparable.WITHIN_NOISE)


def _has_grown(former: Part, part: Part, settings: HistorySettings) -> bool:
    """Tell whether a rule measures clearly more than before; rules that differ are not compared."""
    old, new = former.beyond or {}, part.beyond or {}
    return any(new[name] - old[name] >= settings.beyond for name in old.keys() & new.keys())


def _is_beyond(one: Part, two: Part, noise: Noise, settings: HistorySettings) -> bool:
    step = odds_step(one, two)
    usual = noise.odds.get(one.component.kind, noise.usual[3])
    return step is not None and abs(step) > settings.odds * usual
