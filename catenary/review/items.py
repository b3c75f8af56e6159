"""Routes of one item: all that is known of it, its picture, decisions."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy import Connection

from catenary.domain.review import RefusedError, Right
from catenary.review import answers, blind, crops, vigil
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import CONTEXT, seen_in
from catenary.review.wishes import DecisionAsked, DecisionsAsked, Row, UndoAsked, UndosAsked
from catenary.store import review_items, reviews, vigilance
from catenary.store.review_items import Item

A_DAY = {"Cache-Control": "private, max-age=86400"}
Id = Annotated[Row, Path()]
Side = Annotated[int, Query(ge=0, le=8192)]
_Context = Annotated[float, Query(ge=0, le=3, allow_inf_nan=False)]


def router(site: Site) -> APIRouter:
    """Return the routes of items and decisions."""
    routes = APIRouter(prefix="/api", tags=["items"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    decider = Annotated[Caller, Depends(needs(site, Right.DECIDE))]

    @routes.get("/items/{item_id}")
    def item(who: viewer, item_id: Id) -> answers.ItemDetail:
        """Tell all of an item."""
        with site.db.read() as connection:
            found = review_items.one(connection, item_id)
            return site.teller.detail(connection, found, reader_of(who))

    @routes.get("/items/{item_id}/crop", response_class=Response)
    def crop(  # noqa: PLR0913 - every parameter of the route
        who: viewer,
        item_id: Id,
        context: _Context = CONTEXT,
        view: Annotated[int, Query(ge=0, le=1000)] = 0,
        drawn: bool = False,
        brighten: bool = True,
        max_side: Side = 0,
    ) -> Response:
        """Show the part in one of its photographs."""
        with site.db.read() as connection:
            found = review_items.one(connection, item_id)
            (shown,) = site.teller.as_seen(connection, [found], reader_of(who))
            seen = seen_in(connection, shown)
        if view >= len(seen):
            raise RefusedError("not_found", f"item {item_id} has {len(seen)} views")
        look = crops.Look(context, drawn, brighten, max_side)
        content = crops.picture(site, seen[view], look)
        return Response(content, media_type="image/jpeg", headers=A_DAY)

    @routes.post("/items/{item_id}/decisions", status_code=HTTPStatus.CREATED)
    def decide(who: decider, item_id: Id, asked: DecisionAsked) -> answers.OneItem:
        """Decide on an item."""
        items = _decided(site, who, [asked.ask(item_id)])
        return _one(site, who, items[0])

    @routes.post("/decisions", status_code=HTTPStatus.CREATED)
    def decide_many(who: decider, asked: DecisionsAsked) -> answers.Items:
        """Decide on many items, all or none."""
        items = _decided(site, who, [one.ask(one.item) for one in asked.decisions])
        return _several(site, who, items)

    @routes.post("/items/{item_id}/undo", status_code=HTTPStatus.CREATED)
    def undo(who: decider, item_id: Id, asked: UndoAsked) -> answers.OneItem:
        """Take back one's newest decision on an item."""
        items = _undone(site, who, [(item_id, asked.version)])
        return _one(site, who, items[0])

    @routes.post("/undo", status_code=HTTPStatus.CREATED)
    def undo_many(who: decider, asked: UndosAsked) -> answers.Items:
        """Take back one's newest decisions on many items, all or none."""
        items = _undone(site, who, [(one.item, one.version) for one in asked.items])
        return _several(site, who, items)

    return routes


def _decided(site: Site, who: Caller, asks: list[reviews.Ask]) -> list[Item]:
    """Take decisions; those on known defects that were shown as new change nothing but figures."""
    reader, rules, now = reader_of(who), site.rules(who.has_accounts), site.clock()
    with site.db.write() as tx:
        as_new = [one.item_id for one in asks if one.version == blind.SHOWN]
        known = vigilance.shown(tx, reader, as_new)
        real = [one for one in asks if one.item_id not in known]
        done = {one.id: one for one in reviews.decide(tx, real, reader, rules, now)}
        for one in asks:
            if one.item_id in known:
                item = _as_new(tx, one.item_id)
                done[item.id] = vigil.as_decided(site, item, one, reader, who.has_accounts)
                vigilance.answer(tx, reader, item.id, one.wish.decision, now)
    return [done[one.item_id] for one in asks]


def _undone(site: Site, who: Caller, wanted: list[tuple[int, int]]) -> list[Item]:
    reader, rules, now = reader_of(who), site.rules(who.has_accounts), site.clock()
    with site.db.write() as tx:
        as_new = [one for one, version in wanted if version == blind.ANSWERED]
        known = vigilance.answered(tx, reader, as_new)
        real = [one for one in wanted if one[0] not in known]
        done = {one.id: one for one in reviews.undo(tx, real, reader, rules, now)}
        for item_id in known:
            vigilance.answer(tx, reader, item_id, None, now)
            done[item_id] = _as_new(tx, item_id)
    return [done[one] for one, _ in wanted]


def _as_new(tx: Connection, item_id: int) -> Item:
    item = review_items.one(tx, item_id)
    return blind.as_new(item, reviews.as_scanned(tx, [item])[item_id])


def _one(site: Site, who: Caller, item: Item) -> answers.OneItem:
    with site.db.read() as connection:
        return answers.OneItem(item=site.teller.detail(connection, item, reader_of(who)))


def _several(site: Site, who: Caller, items: list[Item]) -> answers.Items:
    with site.db.read() as connection:
        return answers.Items(items=site.teller.items(connection, items, reader_of(who)))
