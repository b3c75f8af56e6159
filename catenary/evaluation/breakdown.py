"""The same figures for parts of a set: by section, camera, view, size and visibility."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catenary.datasets.held_out import section_of
from catenary.datasets.labels import Label
from catenary.evaluation.compared import Compared
from catenary.evaluation.intervals import Share
from catenary.evaluation.matching import Pairing, pair
from catenary.evaluation.rates import defects_found, rates_of

UNKNOWN = "unknown"
LOCATED_IOU = 0.5  # overlap from which a component counts as located
_SIZES_PX = (32, 96, 288)  # longer side; 32 and 96 as COCO's areas, 288 our starting value
_VISIBLE = (0.5, 0.9)  # visible share; our starting values


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of a part of the set, at the bundle's thresholds.

    Attributes:
        axis: What the set was cut by, e.g. ``"section"``.
        value: Which part of it this is.
        images: Photographs; None where the cut goes through photographs.
        detection: Physical defects found; a defect seen by two cameras counts once for each.
        located: Labelled parts located with IoU >= 0.5.
        false_per_image: False findings a photograph; None where ``images`` is.
        raised_images: Photographs with any finding (提报率); None where ``images`` is.
        false_alarms: False findings of all findings; None where ``images`` is.
    """

    axis: str
    value: str
    images: int | None
    detection: Share
    located: Share
    false_per_image: float | None = None
    raised_images: Share | None = None
    false_alarms: Share | None = None


_IMAGE_AXES: Mapping[str, Callable[[Compared], str]] = {
    "section": lambda one: section_of(one.image) or UNKNOWN,  # lines have stations of one name
    "camera": lambda one: one.image.ref.camera or UNKNOWN,
    "view": lambda one: one.image.ref.view or UNKNOWN,
}
_LABEL_AXES: Mapping[str, Callable[[Label], str]] = {
    "size": lambda label: _bin(max(label.box.width, label.box.height), _SIZES_PX, "px"),
    "visibility": lambda label: _bin(label.visibility, _VISIBLE, "visible"),
}


def slices(compared: Sequence[Compared], thresholds: Mapping[str, float]) -> Iterator[Slice]:
    """Yield the figures of every part of the set, axis by axis."""
    pairings = [pair(one.raised(thresholds), one.labels) for one in compared]
    rows = list(zip(compared, pairings, strict=True))
    for axis, of_image in _IMAGE_AXES.items():
        for value in sorted({of_image(one) for one in compared}):
            yield _by_image(axis, value, [row for row in rows if of_image(row[0]) == value])
    for axis, of_label in _LABEL_AXES.items():
        values = {of_label(label) for one in compared for label in one.labels}
        for value in sorted(values):
            yield _by_label(axis, value, rows, of_label)


def worst_section(found: Sequence[Slice]) -> Slice | None:
    """Return the section with the lowest share of defects found, more false ones first.

    None when no section has a defect.
    """
    sections = [one for one in found if one.axis == "section" and one.detection.total]
    return min(
        sections,
        key=lambda one: (one.detection.hits / one.detection.total, -(one.false_per_image or 0)),
        default=None,
    )


def located_share(compared: Sequence[Compared], is_asked: Callable[[Label], bool]) -> Share:
    """Count the labelled parts, ignored ones left out, that any box overlaps by IoU >= 0.5."""
    found = [
        any(part.box.iou(label.box) >= LOCATED_IOU for part in one.parts(label.component))
        for one in compared
        for label in one.labels
        if not label.is_ignored and is_asked(label)
    ]
    return Share(sum(found), len(found))


def _any(_label: Label) -> bool:
    return True


Row = tuple[Compared, Pairing]


def _by_image(axis: str, value: str, rows: Sequence[Row]) -> Slice:
    own = rates_of([pairing for _, pairing in rows], 0.0)
    return Slice(
        axis,
        value,
        own.images,
        own.detection,
        located_share([one for one, _ in rows], _any),
        own.false_per_image,
        own.raised_images,
        own.false_alarms,
    )


def _by_label(
    axis: str, value: str, rows: Sequence[Row], of_label: Callable[[Label], str]
) -> Slice:
    def is_asked(label: Label) -> bool:
        return of_label(label) == value

    kept = [
        Pairing(
            tuple(hit for hit in pairing.hits if is_asked(hit[1])),
            (),
            tuple(label for label in pairing.missed if is_asked(label)),
        )
        for _, pairing in rows
    ]
    found = [is_hit for _, is_hit in defects_found(kept).values()]
    share = Share(sum(found), len(found))
    return Slice(axis, value, None, share, located_share([one for one, _ in rows], is_asked))


def _bin(value: float, edges: Sequence[float], unit: str) -> str:
    """Return the name of the bin; names sort as the bins do.

    >>> _bin(20, (32, 96), "px"), _bin(96, (32, 96), "px")
    ('1: under 32 px', '3: 96 px and more')
    """
    number = sum(value >= edge for edge in edges)
    if number == 0:
        return f"1: under {edges[0]:g} {unit}"
    if number == len(edges):
        return f"{number + 1}: {edges[-1]:g} {unit} and more"
    return f"{number + 1}: {edges[number - 1]:g} to {edges[number]:g} {unit}"
