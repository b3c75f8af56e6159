"""What filters hide from a second reader: items that the first one made something else of."""

from dataclasses import replace

import pytest

from catenary.domain.review import Decision, Reader
from catenary.store import queue, unsaid
from catenary.store.database import Database
from catenary.store.queue_counts import QueueCounts
from catenary.store.review_items import Blind, Wanted
from tests.store import queues
from tests.store.queues import CHEN, LI, TOGETHER, WANG, ZHAO


@pytest.fixture
def read(db: Database, run_id: int) -> Database:
    """Four broken droppers: 1 and 2 read as slack, 3 as the scan said; 2 by who may read second."""
    queues.fill(db, run_id, [queues.dropper(number, 0.9 - number / 10) for number in range(1, 5)])
    queues.decide(db, WANG, 1, 0, queues.corrected("slack"), TOGETHER)
    queues.decide(db, LI, 2, 0, queues.corrected("slack"), TOGETHER)
    queues.decide(db, WANG, 3, 0, Decision.CONFIRM, TOGETHER)
    return db


def blind_of(db: Database, reader: Reader) -> Blind:
    waiting = QueueCounts(db).to_read_again(reader)
    with db.read() as connection:
        told = unsaid.blind_of(connection, reader, waiting)
        assert told == unsaid.blind_of(connection, reader)
    return told


def test_it_is_what_others_changed(read: Database):
    assert blind_of(read, CHEN) == Blind("chen", ((1, "broken", 1), (2, "broken", 1)))
    assert blind_of(read, LI) == Blind("li", ((1, "broken", 1),))
    assert QueueCounts(read).to_read_again(LI) == (1, 3)


def test_nothing_is_hidden_where_nothing_waits(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    assert blind_of(db, CHEN) == Blind("chen", ())


def test_what_was_taken_back_and_read_again_is_as_the_scan_said_at_first(read: Database):
    with read.write() as tx:
        from_wang = [(1, 1)]
        queues.reviews.undo(tx, from_wang, WANG, TOGETHER, queues.NOON)
    queues.decide(read, WANG, 1, 2, queues.corrected("strand_broken"), TOGETHER)
    assert blind_of(read, LI) == Blind("li", ((1, "broken", 1),))


@pytest.mark.parametrize(
    ("reader", "told"), [(ZHAO, {"broken": 4}), (LI, {"broken": 3, "slack": 1})]
)
def test_counts_and_lists_agree(read: Database, reader: Reader, told: dict[str, int]):
    wanted, counts = Wanted(blind=blind_of(read, reader)), QueueCounts(read)
    assert dict(counts.facets(wanted).counts["condition"]) == told
    for condition, count in told.items():
        only = replace(wanted, condition=(condition,))
        with read.read() as connection:
            page = queue.page(connection, only, queue.Order.RISK, None, 10)
        total = counts.page(only, queue.Order.RISK, None, 10).total
        assert total == counts.facets(only).total == len(page.items) == count
