"""Which item of the queue goes on with which part, when a run was scanned or joined anew.

A decision was made on a picture: a part of a photograph. Names of parts come and go with boxes that
move by a pixel and views that are joined otherwise, so an item follows its picture, not its name.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catenary.domain.geometry import Box

LEAST_OVERLAP = 0.3  # intersection over union of two boxes of one part; our starting value


class Inherited(StrEnum):
    """How a decision went on to another part."""

    FOLLOWED = "followed"  # the part has another name now
    COPIED = "copied"  # a part was taken apart: what was seen with it has the same decision
    MERGED = "merged"  # two items turned out to be one part
    PARTED = "parted"  # an item that was merged stands by itself again


@dataclass(frozen=True, slots=True)
class Place:
    """A part in one photograph.

    Attributes:
        frame_id: Row of the photograph.
        box: Full-frame pixels.
        finding_id: Row of what was found there, or None.
    """

    frame_id: int
    box: Box
    finding_id: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part as the scan has it now.

    Attributes:
        name: Unique in the run.
        component: Component id.
        views: At least one.
    """

    name: str
    component: str
    views: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """An item with the picture that it is about.

    Attributes:
        item_id: Row of the item.
        name: Of the part, when it was looked at.
        component: Component id.
        place: The picture.
    """

    item_id: int
    name: str
    component: str
    place: Place


class Parts:
    """The parts of a run, to find one by what was seen of it."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Keep them by name, by finding and by photograph."""
        self._kinds: dict[str, str] = {}
        self._findings: dict[int, str] = {}
        self._places: dict[tuple[int, str], list[tuple[Box, str]]] = defaultdict(list)
        for part in parts:
            self._kinds[part.name] = part.component
            for view in part.views:
                if view.finding_id is not None:
                    self._findings[view.finding_id] = part.name
                self._places[view.frame_id, part.component].append((view.box, part.name))

    def at(self, component: str, place: Place) -> list[tuple[float, str]]:
        """Return the parts of a picture with how surely, in (0, 1]: its finding, or overlaps."""
        if place.finding_id in self._findings:
            return [(1.0, self._findings[place.finding_id])]
        near = self._places.get((place.frame_id, component), ())
        overlaps = ((place.box.iou(box), name) for box, name in near)
        return [one for one in overlaps if one[0] >= LEAST_OVERLAP]

    def has(self, name: str, component: str) -> bool:
        """Tell whether there is a part of that name and kind."""
        return self._kinds.get(name) == component


def targets(
    parts: Parts, items: Sequence[Looked], former: Mapping[int, Collection[Place]]
) -> dict[int, str]:
    """Return the part that each item goes on with; items whose part is gone are left out.

    By its picture, else by its name, else by other views that it had. Two items of one photograph
    are two parts and stay so; items of different photographs may turn out to be one.

    Args:
        parts: As the scan has them now.
        items: As they were looked at.
        former: Row of an item to the views of its part before that was taken apart.

    >>> box = Box(0, 0, 10, 40)
    >>> now = Parts([Part("b", "dropper", (Place(1, box.shifted(1, 0)), Place(2, box)))])
    >>> targets(now, [Looked(7, "a", "dropper", Place(1, box))], {})
    {7: 'b'}
    """
    found: dict[int, str] = {}
    taken: set[tuple[str, int]] = set()

    def take(one: Looked, name: str) -> None:
        if one.item_id not in found and (name, one.place.frame_id) not in taken:
            found[one.item_id] = name
            taken.add((name, one.place.frame_id))

    seen = [(*match, one) for one in items for match in parts.at(one.component, one.place)]
    for _, name, one in sorted(seen, key=lambda match: -match[0]):
        take(one, name)
    for one in items:
        if parts.has(one.name, one.component):
            take(one, one.name)
        for view in former.get(one.item_id, ()):
            for _, name in sorted(parts.at(one.component, view), reverse=True):
                take(one, name)
    return found


def heirs(
    parts: Parts,
    free: Collection[str],
    items: Iterable[Looked],
    former: Mapping[int, Collection[Place]],
) -> dict[str, int]:
    """Return which parts without an item were seen when an item was decided, by their name.

    Args:
        parts: As the scan has them now.
        free: Names of those without an item.
        items: That were decided; the first one counts.
        former: As for `targets`.
    """
    found: dict[str, int] = {}
    for one in items:
        for view in former.get(one.item_id, ()):
            for _, name in parts.at(one.component, view):
                if name in free:
                    found.setdefault(name, one.item_id)
    return found
