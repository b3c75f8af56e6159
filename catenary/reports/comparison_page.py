"""A comparison of two runs as one HTML file that needs nothing beside it."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catenary.domain.change import Change
from catenary.domain.geometry import Box
from catenary.reports import lexicon, words
from catenary.reports.comparison import ComparedPair, Comparison, Suggestion, amount
from catenary.reports.templating import write_page
from catenary.reports.wording import kilometre, printable

MOST_PAIRS = 300  # photographs with pictures: the page stays below about 100 MB
_MOST_CLOSE = 8  # changes of a photograph that are shown closely
_OVERVIEW_PX, _CLOSE_PX = 900, 300
_LEAST_CLOSE = 200  # px of the photograph around a small part
_QUALITY = 75


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Two photographs in the pixels of the later one.

    Attributes:
        earlier: (height, width) uint8, laid over the later; black where it shows nothing.
        later: (height, width) uint8.
    """

    earlier: NDArray[np.uint8]
    later: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rect:
    """A box to draw, px of the later photograph."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Close:
    """The two photographs around one change, each as a data URI; ``view`` is the SVG viewBox."""

    earlier: str
    later: str
    view: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change.

    Attributes:
        number: On the pictures.
        css: Class that colours it.
        what: Component, in both languages.
        change: In both languages.
        amount: How much, or empty.
        before: Where the earlier photograph shows the part, in px of the later.
        after: Where the later one shows it.
        close: Pictures around it, or None.
    """

    number: int
    css: str
    what: str
    change: str
    amount: str
    before: Rect | None
    after: Rect | None
    close: Close | None


@dataclass(frozen=True, slots=True)
class ShownPair:
    """One photograph with its changes; ``earlier`` and ``later`` are data URIs or empty."""

    title: str
    facts: str
    files: str
    width: int
    height: int
    earlier: str
    later: str
    changes: tuple[ShownChange, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A number with what it counts."""

    name: str
    count: int
    css: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template names; ``pairs`` is gone through once."""

    run: str
    earlier_run: str
    generated_at: str
    photographs: int
    laid: int
    parts: tuple[Count, ...]
    defects: tuple[Count, ...]
    uncompared: tuple[Count, ...]
    found_again: tuple[str, ...]
    suggestions: tuple[str, ...]
    pairs: Iterator[ShownPair]
    left: int


def write(found: Comparison, views: Callable[[ComparedPair], Views | None], path: Path) -> None:
    """Write the page; pictures are read and written pair after pair.

    Args:
        found: What to tell.
        views: Gives the photographs of a pair, or None where they are gone.
        path: File to write.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    told = sorted(filter(_is_told, found.pairs), key=_urgency)
    page = Page(
        printable(found.run),
        printable(found.earlier_run),
        found.generated_at.isoformat(" ", "minutes"),
        len(found.pairs),
        len(found.laid()),
        tuple(_counts(found.part_counts())),
        tuple(_counts(found.defect_counts())),
        tuple(_uncompared(found)),
        tuple(_found_again(found)),
        tuple(_suggestion(one) for one in found.suggestions),
        (_pair(found, one, views(one)) for one in told[:MOST_PAIRS]),
        max(len(told) - MOST_PAIRS, 0),
    )
    write_page("comparison.html.j2", path, page=page)


def _is_told(pair: ComparedPair) -> bool:
    return bool(pair.changed) or any(
        one.change in (Change.NEW, Change.GONE, Change.GROWN) for one in pair.defects
    )


def _urgency(pair: ComparedPair) -> tuple[int, int]:
    news = sum(one.change in (Change.NEW, Change.GROWN) for one in pair.defects)
    gone = sum(one.change in (Change.GONE, Change.NEW) for one in pair.parts)
    return -news, -gone


def _counts(counts: dict[Change, int]) -> Iterator[Count]:
    for change in Change:
        if counts.get(change):
            yield Count(lexicon.CHANGES[change].both(), counts[change], str(change))


def _uncompared(found: Comparison) -> Iterator[Count]:
    reasons = [pair.reason for pair in found.pairs if pair.reason is not None]
    for reason in dict.fromkeys(reasons):
        yield Count(lexicon.INCOMPARABLE[reason].both(), reasons.count(reason))


def _found_again(found: Comparison) -> Iterator[str]:
    for kind, one in sorted(found.found_again.items()):
        names = words.names(found.taxonomy, kind, "")
        yield f"{names.component_zh} {names.component_en}: {one.hits} / {one.total}"


def _suggestion(one: Suggestion) -> str:
    names = printable(", ".join(one.photographs))
    return f"{one.mast}: {len(one.photographs)} / {one.of} → {one.better} ({names})"


def _pair(found: Comparison, pair: ComparedPair, views: Views | None) -> ShownPair:
    laid, ref = pair.laid, pair.ref
    facts = ""
    if laid is not None:
        facts = (
            f"{laid.parts} 个部件 parts, 配准误差 registration error {laid.error_px:.1f} px, "
            f"{laid.transform.scale:.3f} ×, {laid.transform.rotation_deg:+.2f}°"
        )
    files = [printable(one.file_name) for one in (pair.earlier, pair.later) if one]
    width, height = pair.size
    return ShownPair(
        printable(f"{ref.mast} {kilometre(ref)} · {ref.camera} {ref.view}"),
        facts,
        " → ".join(files),
        width,
        height,
        _uri(views.earlier, _OVERVIEW_PX) if views else "",
        _uri(views.later, _OVERVIEW_PX) if views else "",
        tuple(_changes(found, pair, views)),
        tuple(_others(found, pair)),
    )


def _changes(found: Comparison, pair: ComparedPair, views: Views | None) -> Iterator[ShownChange]:
    """Yield changes of defects first, then those of parts."""
    number = 0
    for defect in pair.defects:
        if defect.change is Change.NOT_COMPARABLE or defect.place is None:
            continue
        number += 1
        names = words.names(found.taxonomy, defect.kind, defect.condition)
        what = f"缺陷 defect: {names.component_zh}{names.condition_zh} "
        what += f"{names.component_en} {names.condition_en}"
        before = (
            pair.laid.transform.placed(defect.earlier.component.box)
            if (defect.earlier and pair.laid)
            else None
        )
        after = defect.later.component.box if defect.later else None
        yield _shown(number, defect.change, what, "", (before, after), views)
    for one in pair.changed:
        number += 1
        names = words.names(found.taxonomy, one.kind, "")
        before = one.place if one.earlier else None
        yield _shown(
            number,
            one.change,
            f"{names.component_zh} {names.component_en}",
            amount(one, pair),
            (before, one.later),
            views,
        )


def _shown(
    number: int,
    change: Change,
    what: str,
    how_much: str,
    boxes: tuple[Box | None, Box | None],
    views: Views | None,
) -> ShownChange:
    close = _close(boxes, views) if views and number <= _MOST_CLOSE else None
    return ShownChange(
        number,
        str(change),
        what,
        lexicon.CHANGES[change].both(),
        how_much,
        _rect(boxes[0]),
        _rect(boxes[1]),
        close,
    )


def _others(found: Comparison, pair: ComparedPair) -> Iterator[str]:
    """Yield what cannot be compared, and why."""
    told = [
        (words.names(found.taxonomy, one.kind, "").component_zh, one.reason)
        for one in pair.parts
        if one.reason
    ]
    for name, reason in dict.fromkeys(told):
        why = lexicon.INCOMPARABLE[reason].both()
        yield f"{name} × {told.count((name, reason))}: {why}"


def _rect(box: Box | None) -> Rect | None:
    if box is None:
        return None
    return Rect(*(round(value, 1) for value in (box.x0, box.y0, box.width, box.height)))


def _close(boxes: tuple[Box | None, Box | None], views: Views) -> Close | None:
    """Cut the same region out of both photographs."""
    shown = [box for box in boxes if box is not None]
    x0, y0 = min(box.x0 for box in shown), min(box.y0 for box in shown)
    x1, y1 = max(box.x1 for box in shown), max(box.y1 for box in shown)
    side = max(0.4 * max(x1 - x0, y1 - y0), (_LEAST_CLOSE - min(x1 - x0, y1 - y0)) / 2, 20)
    height, width = views.later.shape
    region = Box(x0, y0, x1, y1).grown(side).clipped(width, height)
    if region is None:
        return None
    rows = slice(int(region.y0), int(np.ceil(region.y1)))
    columns = slice(int(region.x0), int(np.ceil(region.x1)))
    view = f"{columns.start} {rows.start} {columns.stop - columns.start} {rows.stop - rows.start}"
    return Close(
        _uri(views.earlier[rows, columns], 2 * _CLOSE_PX),
        _uri(views.later[rows, columns], 2 * _CLOSE_PX),
        view,
        columns.stop - columns.start,
        rows.stop - rows.start,
    )


def _uri(pixels: NDArray[np.uint8], side: int) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
