"""Known defects among the items of a reader: shown and answered as if they were new."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from catenary.domain import review
from catenary.domain.review import Reader, Standing, State
from catenary.review.site import Site
from catenary.store import findings, vigilance
from catenary.store.review_items import Item, Wanted
from catenary.store.reviews import Ask

# Versions that a known defect has on the screen; it has been decided twice at least, so that a
# decision on the item as it stands is never taken for an answer.
SHOWN, ANSWERED = 0, 1
_WHILE = timedelta(hours=12)  # it looks new to whoever was shown it; our starting value
_LOT = random.SystemRandom()  # nobody is to guess which


def mixed_in(site: Site, tx: Connection, reader: Reader, wanted: Wanted, count: int) -> list[Item]:
    """Return known defects to show beside ``count`` new items."""
    now, share = site.clock(), site.settings.vigilance_share
    drawn = (
        vigilance.draw(tx, reader, wanted, now, _LOT) for _ in range(count) if _LOT.random() < share
    )
    return [one for one in drawn if one is not None]


def as_new(connection: Connection, item: Item) -> Item:
    """Return an item as it was before anybody decided."""
    number = item.finding_id
    found = None if number is None else findings.by_ids(connection, [number]).get(number)
    if found is None:
        standing = replace(item.standing, state=State.OPEN)
    else:
        told = found.finding
        standing = Standing(State.OPEN, told.condition, told.grade, told.component.box)
    return replace(item, version=SHOWN, standing=standing, held_by=None, held_until=None)


def as_decided(site: Site, item: Item, ask: Ask, reader: Reader, has_accounts: bool) -> Item:
    """Return what a new item would be after a decision."""
    rules = site.rules(has_accounts)
    saying = review.completed(ask.wish, item.component, item.standing, rules.taxonomy)
    again = rules.second.wants(saying.decision, item.name)
    after = review.decided(item.standing, saying, reader, again, site.clock())
    return replace(item, version=ANSWERED, standing=after)


def hidden(site: Site, connection: Connection, items: Sequence[Item], reader: Reader) -> list[Item]:
    """Return items, those as new that the reader is being shown so."""
    since = site.clock() - _WHILE
    ids = vigilance.shown(connection, reader, [one.id for one in items], since)
    return [as_new(connection, one) if one.id in ids else one for one in items]
