"""A queue and its people for tests of the review tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from catenary import config
from catenary.domain.finding import Finding
from catenary.domain.review import Decision, Reader, Role, SecondReading, Wish
from catenary.store import findings, ledger, queue_fill, reviews
from catenary.store.database import Database
from catenary.store.review_items import Item
from catenary.store.reviews import Ask, Rules
from tests.store import records

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
AGEING_DAYS = 14.0
NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
ALONE = Rules(TAXONOMY, SecondReading(), AGEING_DAYS)
TOGETHER = Rules(TAXONOMY, SecondReading(True, 1.0, 0.0), AGEING_DAYS)
WANG, LI, ZHAO, CHEN, VIEWER = (
    Reader("wang", Role.REVIEWER),
    Reader("li", Role.SECOND),
    Reader("zhao", Role.LEAD),
    Reader("chen", Role.SECOND),
    Reader("guest", Role.VIEWER),
)
SOON = NOON + timedelta(minutes=10)


def dropper(number: int, probability: float) -> Finding:
    return records.broken_dropper(f"{number:06d}", probability)


def pin(number: int) -> Finding:
    return records.hidden_pin(f"{number:06d}")


def fill(db: Database, run_id: int, found: Sequence[Finding], at: datetime = NOON) -> None:
    """Enter photographs with these findings, and queue them; item 1 is the first finding."""
    wanted = max(int(one.image_id) for one in found) + 1
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(wanted))
        for one in sorted({one.image_id for one in found}):
            ledger.finish(tx, run_id, one, records.DONE)
        findings.insert_all(tx, run_id, [(one, None) for one in found])
    queue_fill.fill(db, run_id, [], at, AGEING_DAYS)


def decide(
    db: Database,
    reader: Reader,
    item: int,
    version: int,
    wish: Wish | Decision = Decision.CONFIRM,
    rules: Rules = ALONE,
) -> Item:
    told = Wish(wish) if isinstance(wish, Decision) else wish
    with db.write() as tx:
        return reviews.decide(tx, [Ask(item, version, told)], reader, rules, NOON)[0]


def corrected(condition: str) -> Wish:
    return replace(Wish(Decision.CONFIRM), condition=condition)
