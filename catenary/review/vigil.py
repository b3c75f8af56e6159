"""Known defects among the items of a reader: shown and answered as if they were new."""

import random
from collections.abc import Iterable

from sqlalchemy import Connection

from catenary.domain import review
from catenary.domain.review import Reader
from catenary.review import blind
from catenary.review.site import Site
from catenary.store import reviews, vigilance
from catenary.store.review_items import Item, Wanted
from catenary.store.reviews import Ask

_LOT = random.SystemRandom()  # nobody is to guess which


def mixed_in(site: Site, tx: Connection, reader: Reader, wanted: Wanted, count: int) -> list[Item]:
    """Return known defects to show as new beside ``count`` new items."""
    now, share = site.clock(), site.settings.vigilance_share
    drawn = (
        vigilance.draw(tx, reader, wanted, now, _LOT) for _ in range(count) if _LOT.random() < share
    )
    known = [one for one in drawn if one is not None]
    scanned = reviews.as_scanned(tx, known) if known else {}
    return [blind.as_new(one, scanned[one.id]) for one in known]


def among(given: Iterable[Item], known: Iterable[Item]) -> list[Item]:
    """Return new items in their order, and known defects anywhere among them.

    By their own priority, those would come first: they have waited longer than all that is new.
    """
    shown = sorted(given, key=lambda one: -one.priority)
    for one in known:
        shown.insert(_LOT.randint(0, len(shown)), one)
    return shown


def as_decided(site: Site, item: Item, ask: Ask, reader: Reader, has_accounts: bool) -> Item:
    """Return what a new item would be after a decision."""
    rules = site.rules(has_accounts)
    saying = review.completed(ask.wish, item.component, item.standing, rules.taxonomy)
    return blind.as_decided(item, saying, reader, rules.second, site.clock())
