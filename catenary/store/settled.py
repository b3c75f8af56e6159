"""What people settled of runs: decided items with every photograph that shows the part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.review import State
from catenary.store import findings, parts, photographs, review_items
from catenary.store.findings import StoredFinding
from catenary.store.photographs import Photograph
from catenary.store.review_items import Item
from catenary.store.schema import review_item

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class SettledView:
    """One photograph of a settled part.

    Attributes:
        photograph: Which.
        box: Full-frame pixels; that of the leading view is as it was corrected.
        verdict: Of the scan on this view.
        score: Of the detector in [0, 1]; None where no finding of the scan is kept.
        leads: Whether people decided on this view.
    """

    photograph: Photograph
    box: Box
    verdict: Verdict
    score: float | None
    leads: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A part that people have decided on.

    Attributes:
        item: As it stands.
        views: The leading one first.
    """

    item: Item
    views: tuple[SettledView, ...]


def of_run(connection: Connection, run_id: int, states: Sequence[State]) -> Iterator[Settled]:
    """Yield the items of a run in some states, in the order of their rows."""
    query = select(review_item.c.id).where(*_in(run_id, states)).order_by(review_item.c.id)
    ids = list(connection.execute(query).scalars())
    for start in range(0, len(ids), _CHUNK):
        items = review_items.by_ids(connection, ids[start : start + _CHUNK])
        found = findings.by_ids(
            connection, [one.finding_id for one in items if one.finding_id is not None]
        )
        photos = photographs.by_rows(connection, {one.frame_id for one in items})
        for item in items:
            own = None if item.finding_id is None else found.get(item.finding_id)
            lead = _leading(item, photos[item.frame_id], own)
            yield Settled(item, (lead, *_others(connection, item)))


def count(connection: Connection, run_id: int, states: Sequence[State]) -> int:
    """Return how many items of a run are in some states."""
    query = select(func.count()).select_from(review_item).where(*_in(run_id, states))
    return int(connection.execute(query).scalar_one())


def _in(run_id: int, states: Sequence[State]) -> list[ColumnElement[bool]]:
    is_in = review_item.c.state.in_([str(one) for one in states])
    return [review_item.c.run_id == run_id, is_in, review_items.ON_ITS_OWN]


def _leading(item: Item, photo: Photograph, own: StoredFinding | None) -> SettledView:
    score = None if own is None else own.finding.component.score
    return SettledView(photo, item.standing.box, item.verdict, score, leads=True)


def _others(connection: Connection, item: Item) -> Iterator[SettledView]:
    joined = parts.named(connection, item.run_id, item.name) if item.views > 1 else None
    if joined is None:
        return
    ids = [one.view.finding_id for one in joined.views if one.view.finding_id is not None]
    found = findings.by_ids(connection, ids)
    photos = photographs.by_image_ids(
        connection, item.run_id, [one.ref.image_id for one in joined.views]
    )
    for one in joined.views:
        photo = photos[one.ref.image_id]
        if photo.id != item.frame_id:
            own = None if one.view.finding_id is None else found.get(one.view.finding_id)
            score = None if own is None else own.finding.component.score
            yield SettledView(photo, one.view.box, one.view.verdict, score, leads=False)
