"""Counts that are kept are those of a fresh count, whatever was done and whoever did it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from catenary.domain.defect_loop import LISTED, Step, StepWish
from catenary.domain.review import Decision, RefusedError
from catenary.store import (
    database,
    defect_steps,
    ledger,
    queue,
    reassignments,
    review_items,
    reviews,
)
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.defect_steps import By
from catenary.store.defects import DefectsWanted
from catenary.store.queue import Asked
from catenary.store.queue_counts import QueueCounts
from catenary.store.review_items import FACET_COLUMNS, ON_ITS_OWN, Wanted
from catenary.store.schema import defect, review_item, review_item_stamp, run
from tests.store import queues, records
from tests.store.queues import ALONE, LI, NOON, SOON, TOGETHER, WANG, ZHAO
from tests.store.test_queue_inherit import FIRST, SECOND, fill, join, moved, scan_again, view

ANY, LISTED_ONES = Wanted(), DefectsWanted()
READERS = (WANG, LI, ZHAO)
HOLDING = (review_item.c.held_by, review_item.c.held_until)
LATE = review_items.stored(SOON)


class Counters:
    """Kept counts of the queue and of the closed loop, as one process has them."""

    def __init__(self, db: Database) -> None:
        self.db, self.queue, self.loop = db, QueueCounts(db), DefectCounts(db)

    def check(self) -> None:
        """Compare with what the database counts."""
        with self.db.read() as connection:
            total, expected = fresh(connection)
            listed, overdue = fresh_loop(connection)
        found = self.queue.facets(ANY)
        assert found.total == total
        assert {name: dict(counts) for name, counts in found.counts.items()} == expected
        assert self.loop.totals(LISTED_ONES, NOON) == (listed, overdue)
        assert self.loop.facets(LISTED_ONES, NOON) == DefectCounts(self.db).facets(
            LISTED_ONES, NOON
        )

    def check_waiting(self) -> None:
        """Compare with what each could get."""
        for reader in READERS:
            waiting = self.queue.waiting(reader, ANY, NOON)
            assert waiting == len(could_get(self.db, reader)), reader.name


def fresh(connection: Connection) -> tuple[int, dict[str, dict]]:
    names = dict(connection.execute(select(run.c.id, run.c.name)).all())
    expected = {}
    for name, column in FACET_COLUMNS.items():
        query = select(column, func.count()).where(ON_ITS_OWN).group_by(column)
        expected[name] = dict(connection.execute(query).all())
    expected["run"] = {names[key]: count for key, count in expected["run"].items()}
    return sum(expected["state"].values()), expected


def fresh_loop(connection: Connection) -> tuple[int, int]:
    listed = defect.c.state.in_([str(one) for one in LISTED])
    late = func.count().filter(defect.c.due < NOON.replace(tzinfo=None))
    return tuple(connection.execute(select(func.count(), late).where(listed)).one())


def could_get(db: Database, reader: queues.Reader) -> list[int]:
    """Lease all there is, and give it back."""
    asked = Asked(count=1000)
    with db.write() as tx:
        before = tx.execute(select(review_item.c.id, *HOLDING)).mappings().all()
        found = [one.id for one in queue.lease(tx, reader, asked, NOON, SOON).items]
        for row in before:
            own = review_item.c.id == row["id"]
            tx.execute(update(review_item).where(own).values({one: row[one] for one in HOLDING}))
    return found


class Deeds:
    """What happens to a queue; each number chooses something there is."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def decide(self, n: int) -> None:
        wish = tuple(Decision)[n % 4]
        rules, reader = (ALONE, TOGETHER)[n % 2], READERS[n % 3]
        try:
            item = self._item(n)
            queues.decide(self.db, reader, item.id, item.version, wish, rules)
        except RefusedError:
            pass

    def undo(self, n: int) -> None:
        try:
            item = self._item(n)
            with self.db.write() as tx:
                wanted = [(item.id, item.version)]
                reviews.undo(tx, wanted, READERS[n % 3], ALONE, NOON)
        except RefusedError:
            pass

    def lease(self, n: int) -> None:
        with self.db.write() as tx:
            at = NOON - timedelta(minutes=n % 3)
            until = (NOON - timedelta(seconds=1), SOON)[n % 2]
            queue.lease(tx, READERS[n % 3], Asked(count=1 + n % 4), at, until)

    def join(self, n: int) -> None:
        views = [view(FIRST, 0.9, 1), view(SECOND, 0.8, 2)]
        join(self.db, 1, *views[: n % 3])
        fill(self.db, 1)

    def scan_again(self, n: int) -> None:
        found = [moved(SECOND, 60.0 * (n % 3))] if n % 4 else []
        scan_again(self.db, 1, SECOND, found)
        fill(self.db, 1)

    def reassign(self, n: int) -> None:
        with self.db.write() as tx:
            mast = records.ref(1 + n % 7).mast
            reassignments.reassign(tx, 1, [FIRST], mast, "li", "wrong mast")
        fill(self.db, 1)

    def step(self, n: int) -> None:
        with self.db.read() as connection:
            found = list(connection.execute(select(defect.c.id, defect.c.version)))
        if not found:
            return
        number, version = found[n % len(found)]
        wish = StepWish((Step.DISPATCH, Step.EXTEND)[n % 2], "why", due=NOON - timedelta(days=1))
        try:
            with self.db.write() as tx:
                defect_steps.make(tx, number, version, wish, By(ZHAO, NOON, ALONE.deadlines))
        except RefusedError:
            pass

    def take_back(self, n: int) -> None:
        """Write, and keep nothing of it."""
        with suppress(LookupError), self.db.write() as tx:
            tx.execute(update(review_item).values(camera=f"c{n}"))
            raise LookupError

    def _item(self, n: int) -> review_items.Item:
        with self.db.read() as connection:
            ids = list(connection.execute(select(review_item.c.id)).scalars())
            return review_items.one(connection, ids[n % len(ids)])


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    db = database.open_workspace_db(path)
    try:
        yield db
    finally:
        db.close()


KINDS = ("decide", "decide", "undo", "lease", "join", "scan_again", "reassign", "step", "take_back")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a queue of six droppers at two masts and two pins, in a file to be copied."""
    path = tmp_path_factory.mktemp("template") / "catenary.db"
    db = database.open_workspace_db(path)
    filled(db)
    db.close()
    return path


def filled(db: Database) -> None:
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
    droppers = [queues.dropper(number, number / 10) for number in range(1, 7)]
    queues.fill(db, run_id, [*droppers, queues.pin(7), queues.pin(8)])


@settings(max_examples=25, deadline=None)
@given(done=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 59)), max_size=8))
@example(done=[("reassign", 2), ("join", 14)])  # joined with a view that is at another mast by now
def test_counts_follow_whatever_is_done(template: Path, done: list[tuple[str, int]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, folder))
        with opened(path) as db, opened(path) as elsewhere:
            own, other = Counters(db), Counters(elsewhere)
            own.check()
            deeds = Deeds(elsewhere)  # another process does it all
            for kind, number in done:
                getattr(deeds, kind)(number)
                own.check()
            other.check()
            own.check_waiting()


def test_a_number_that_is_given_again_is_another_row(db: Database):
    filled(db)
    counters = Counters(db)
    counters.check()
    with db.write() as tx:
        row = dict(tx.execute(select(review_item).where(review_item.c.id == 8)).mappings().one())
        tx.execute(delete(review_item).where(review_item.c.id == 8))
    counters.check()
    with db.write() as tx:
        tx.execute(insert(review_item).values(row | {"camera": "another"}))
    counters.check()


def test_only_what_changed_is_read_again(db: Database):
    filled(db)
    counters = Counters(db)
    counters.check()
    before = stamps_of(db)
    with db.write() as tx:
        tx.execute(update(review_item).values(note="x", held_by="li", held_until=LATE))
        tx.execute(update(review_item).values(camera=review_item.c.camera))
    assert stamps_of(db) == before
    with db.write() as tx:
        tx.execute(update(review_item).where(review_item.c.id == 3).values(camera="another"))
    after = stamps_of(db)
    assert {row for row, stamp in after.items() if stamp != before[row]} == {3}
    assert after[3] > max(before.values())
    counters.check()


def stamps_of(db: Database) -> dict[int, int]:
    with db.read() as connection:
        return dict(connection.execute(select(review_item_stamp)).all())


@pytest.mark.parametrize("first", [0, 1])
def test_whoever_writes_long_is_not_forgotten(database_url: str, first: int):
    """On a server transactions end in another order than they began."""
    one, other = (database.open_workspace_db(database_url) for _ in range(2))
    filled(one)
    counters = Counters(one)
    counters.check()
    change = update(review_item).values(camera="another")
    with one.write() as long:
        long.execute(change.where(review_item.c.id == 1))
        with other.write() as short:
            short.execute(change.where(review_item.c.id == 2))
        counters.check()  # sees the short one alone
        if first:
            counters.check()
    counters.check()
    one.close()
    other.close()


def test_stamps_of_another_server_do_no_harm(database_url: str):
    """A database that was dumped and restored has stamps that its new server comes to later."""
    db = database.open_workspace_db(database_url)
    filled(db)
    counters = Counters(db)
    counters.check()
    with db.write() as tx:
        tx.execute(update(review_item_stamp).values(stamp=10**12))
        tx.execute(update(review_item).where(review_item.c.id == 1).values(camera="another"))
    counters.check()
    db.close()
