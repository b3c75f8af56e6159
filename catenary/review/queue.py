"""Routes of the queue: lists, counts, leases."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from catenary.domain.finding import Verdict
from catenary.domain.review import Reader, Right, State
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import lexicon, words
from catenary.reports.lexicon import Words
from catenary.review import answers, crops, vigil
from catenary.review.crops import Look
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import Seen, both
from catenary.review.wishes import (
    Filters,
    FiltersQuery,
    LeaseAsked,
    ListQuery,
    PicturesAsked,
)
from catenary.store import queue, unsaid, vigilance
from catenary.store.review_items import Blind, Wanted

_Value = str | int | None


def router(site: Site) -> APIRouter:
    """Return the routes of the queue."""
    routes = APIRouter(prefix="/api/queue", tags=["queue"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    decider = Annotated[Caller, Depends(needs(site, Right.DECIDE))]

    @routes.get("")
    def items(who: viewer, asked: ListQuery) -> answers.ItemPage:
        """List items."""
        wanted = told_to(site, reader_of(who), asked)
        listed = site.queue_counts.page(wanted, asked.order, asked.cursor, asked.limit)
        with site.db.read() as connection:
            told = site.teller.items(connection, listed.page.items, reader_of(who))
        return answers.ItemPage(items=told, next=listed.page.next, total=listed.total)

    @routes.get("/filters")
    def filters(who: viewer, asked: FiltersQuery) -> answers.Filters:
        """Tell which values each filter could take, with counts."""
        found = site.queue_counts.facets(told_to(site, reader_of(who), asked, is_counted=True))
        facets = {
            name: [
                answers.Facet(
                    value=value, label=both(label(site.taxonomy, name, value)), count=count
                )
                for value, count in counts
            ]
            for name, counts in found.counts.items()
        }
        return answers.Filters(total=found.total, facets=facets, kilometre_m=found.kilometre_m)

    @routes.post("/lease")
    def lease(who: decider, asked: LeaseAsked) -> answers.Leased:
        """Give out the next items."""
        reader, now = reader_of(who), site.clock()
        wanted = told_to(site, reader, asked.filters)
        wish = queue.Asked(wanted, asked.n, asked.keep, asked.release, asked.order)
        wish = site.queue_counts.next(reader, wish, now)
        with site.db.write() as tx:
            given = queue.lease(tx, reader, wish, now, now + site.settings.lease)
            kept = {*given.kept, *vigilance.shown(tx, reader, asked.keep)}
            known = vigil.mixed_in(site, tx, reader, wanted, len(given.items))
        left = site.queue_counts.waiting(reader, wanted, now)
        with site.db.read() as connection:
            shown = vigil.among(given.items, known)
            told = site.teller.details(connection, shown, reader, is_brief=asked.brief)
        return answers.Leased(
            items=[item for item, _ in told],
            kept=sorted(kept),
            waiting=left,
            expires_at=given.until,
            pictures=_pictures(site, {item.id: seen for item, seen in told}, asked.pictures),
        )

    return routes


def _pictures(site: Site, parts: Mapping[int, Seen], asked: PicturesAsked | None) -> dict[int, str]:
    if asked is None:
        return {}
    return crops.at_once(site, parts, Look(is_bright=asked.brighten, max_side=asked.max_side))


def told_to(site: Site, reader: Reader, asked: Filters, *, is_counted: bool = False) -> Wanted:
    """Return a filter that tells a second reader nothing of a first reading.

    Args:
        site: Review application.
        reader: Who asks.
        asked: The filter as it came.
        is_counted: Whether all values are counted, not only those that are filtered by.
    """
    wanted = asked.wanted()
    if not reader.may(Right.SECOND):
        return wanted
    if not (is_counted or wanted.condition or wanted.grade):
        return replace(wanted, blind=Blind(reader.name))  # the rest would be read in vain
    waiting = site.queue_counts.to_read_again(reader)
    with site.db.read() as connection:
        return replace(wanted, blind=unsaid.blind_of(connection, reader, waiting))


def label(taxonomy: Taxonomy, name: str, value: _Value) -> Words:
    """Return what people call a value of a filter."""
    if value in ("", None):
        return lexicon.NONE_OF_IT
    text = str(value)
    match name:
        case "grade":
            return lexicon.GRADES[int(text)]
        case "state":
            return lexicon.STATES[State(text)]
        case "verdict":
            return lexicon.VERDICTS[Verdict(text)]
        case "component" if text in taxonomy.components:
            kind = taxonomy.components[text]
            return Words(kind.zh, kind.en)
        case "condition":
            return words.condition_anywhere(taxonomy, text)
        case _:
            return Words(text, text)
