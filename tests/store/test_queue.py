"""The queue: right order, right counts, and nothing given to two people."""

import base64
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from catenary.domain.review import Decision, Origin, RefusedError, Role, State, Worth, priority
from catenary.store import database, ledger, queue, queue_fill, review_items
from catenary.store.database import Database
from catenary.store.queue import Asked, Order
from catenary.store.queue_counts import QueueCounts
from catenary.store.review_items import FACETS, Wanted
from catenary.store.schema import review_item
from tests.store import queues, records
from tests.store.queues import AGEING_DAYS, LI, NOON, SOON, TOGETHER, VIEWER, WANG, ZHAO


@pytest.fixture
def filled(db: Database, run_id: int) -> Database:
    """Return a queue of six droppers, items 1 to 6 by rising probability, and two pins."""
    droppers = [queues.dropper(number, number / 10) for number in range(1, 7)]
    queues.fill(db, run_id, [*droppers, queues.pin(7), queues.pin(8)])
    return db


NEXT, ANY = Asked(), Wanted()


def leased(db: Database, asked: Asked = NEXT, who=WANG, at=NOON) -> list[int]:
    with db.write() as tx:
        return [one.id for one in queue.lease(tx, who, asked, at, at + timedelta(minutes=10)).items]


def test_the_most_probable_comes_first(filled: Database):
    assert leased(filled, Asked(count=3)) == [6, 5, 4]


def test_nobody_gets_what_another_holds(filled: Database):
    assert leased(filled, Asked(count=4)) == [6, 5, 4, 3]
    assert leased(filled, Asked(count=4), LI) == [2, 1]
    assert leased(filled, Asked(count=1), ZHAO) == []


def test_not_even_the_same_person_in_another_window(filled: Database):
    assert leased(filled) == [6]
    assert leased(filled) == [5]


def test_a_lease_ends(filled: Database):
    assert leased(filled) == [6]
    late = SOON + timedelta(seconds=1)
    assert leased(filled, who=LI, at=late) == [6]


def test_a_lease_is_renewed_and_given_back(filled: Database):
    assert leased(filled, Asked(count=2)) == [6, 5]
    later = NOON + timedelta(minutes=9)
    with filled.write() as tx:
        asked = Asked(count=1, keep=(6,), release=(5,))
        lease = queue.lease(tx, WANG, asked, later, later + timedelta(minutes=10))
    assert lease.kept == (6,)
    assert [one.id for one in lease.items] == [5]
    assert leased(filled, Asked(count=2), LI, SOON + timedelta(seconds=1)) == [4, 3]


def test_what_ran_out_is_not_kept(filled: Database):
    assert leased(filled) == [6]
    late = SOON + timedelta(seconds=1)
    with filled.write() as tx:
        lease = queue.lease(tx, WANG, Asked(count=0, keep=(6,)), late, late)
    assert lease.kept == ()


def test_nobody_gives_back_what_another_holds(filled: Database):
    assert leased(filled) == [6]
    assert leased(filled, Asked(count=1, release=(6,)), LI) == [5]


def test_only_the_wanted_is_given(filled: Database):
    assert leased(filled, Asked(Wanted(component=("split_pin",)), 5)) == []
    unjudged = Wanted(component=("split_pin",), state=(State.UNJUDGED,))
    assert leased(filled, Asked(unjudged, 5)) == [8, 7]


def test_few_known_ones_are_looked_up_and_not_searched(filled: Database):
    droppers = Wanted(component=("dropper",))
    assert leased(filled, Asked(droppers, 2, few=(1, 4, 5))) == [5, 4]
    with filled.read() as connection:
        page = queue.page(connection, droppers, Order.RISK, None, 5, (2, 7, 3))  # 7 is a pin
    assert [one.id for one in page.items] == [3, 2]


def test_a_viewer_gets_nothing(filled: Database):
    assert leased(filled, who=VIEWER) == []


def test_second_readings_go_to_others_than_the_first_reader(filled: Database):
    queues.decide(filled, LI, 1, 0, rules=TOGETHER)
    only = Wanted(state=(State.SECOND,))
    assert leased(filled, Asked(only), WANG) == []  # a reviewer reads nothing twice
    assert leased(filled, Asked(only), LI) == []
    assert leased(filled, Asked(only), ZHAO) == [1]


def test_disputes_go_to_leads_who_are_no_party(filled: Database):
    queues.decide(filled, WANG, 1, 0, rules=TOGETHER)
    queues.decide(filled, LI, 1, 1, Decision.REJECT, TOGETHER)
    only = Wanted(state=(State.DISPUTED,))
    assert leased(filled, Asked(only), LI) == []
    assert leased(filled, Asked(only), ZHAO) == [1]


def test_waiting_counts_what_one_could_still_get(filled: Database):
    def waiting(who, wanted: Wanted = ANY) -> int:
        return QueueCounts(filled).waiting(who, wanted, NOON)

    assert waiting(WANG) == 6
    leased(filled, Asked(count=2), LI)
    assert waiting(WANG) == 4
    queues.decide(filled, WANG, 1, 0, rules=TOGETHER)
    assert (waiting(WANG), waiting(LI)) == (3, 4)
    assert waiting(WANG, Wanted(state=(State.UNJUDGED,))) == 2
    assert waiting(VIEWER) == 0


def test_what_waits_long_comes_before_what_is_worse_and_new(db: Database, run_id: int):
    queues.fill(db, run_id, [queues.dropper(1, 0.2)])
    late = NOON + timedelta(days=AGEING_DAYS)
    queues.fill(db, run_id, [queues.dropper(2, 0.95)], late)
    assert leased(db, Asked(count=2), at=late) == [1, 2]


def test_the_longest_wait_is_bounded():
    weak, strong = (Worth(Origin.SCAN, value, 1, "") for value in (0.0, 1.0))
    just = NOON + timedelta(days=AGEING_DAYS, seconds=1)
    assert priority(weak, NOON, AGEING_DAYS) > priority(strong, just, AGEING_DAYS)


@pytest.mark.parametrize("order", list(Order))
def test_pages_show_every_item_once(filled: Database, order: Order):
    queues.decide(filled, WANG, 2, 0)
    seen: list[int] = []
    cursor = None
    while True:
        with filled.read() as connection:
            page = queue.page(connection, Wanted(), order, cursor, 3)
        seen += [one.id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert sorted(seen) == list(range(1, 9))
    if order in (Order.RISK, Order.PROBABILITY):
        assert seen[:6] == [6, 5, 4, 3, 2, 1]
    if order is Order.PLACE:
        assert seen == [3, 6, 1, 2, 4, 5, 7, 8]  # by metre; photographs 3 and 6 are at no mast
    if order is Order.DECIDED:
        assert seen[0] == 2


def forged(*place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "é", "bnVsbA", "W10", "WyJyaXNrIl0"),
        *(forged("risk", "a", 1), forged("risk", 1.0, "1"), forged("risk", True, 1)),
        *(forged("risk", 10**400, 1), forged("risk", 1.0, -(10**30))),
    ],
)
def test_a_forged_cursor_is_refused(filled: Database, cursor: str):
    with filled.read() as connection, pytest.raises(RefusedError, match="cursor") as caught:
        queue.page(connection, Wanted(), Order.RISK, cursor, 3)
    assert caught.value.code == "invalid"


def test_a_cursor_of_another_order_is_refused(filled: Database):
    with filled.read() as connection:
        page = queue.page(connection, Wanted(), Order.RISK, None, 3)
        with pytest.raises(RefusedError, match="not one of this list"):
            queue.page(connection, Wanted(), Order.PLACE, page.next, 3)


names = st.sampled_from(["", "a", "b"])
times = st.sampled_from([0, 1e-6, 1.0]).map(
    lambda late_s: (NOON + timedelta(seconds=late_s)).replace(tzinfo=None)
)
rows = st.fixed_dictionaries(
    {
        "line": names,
        "section": names,
        "mast_number": names,
        "camera": names,
        "component": st.sampled_from(["dropper", "split_pin"]),
        "condition": st.sampled_from(["broken", "missing"]),
        "grade": st.sampled_from([None, 1, 2]),
        "state": st.sampled_from(["open", "unjudged", "confirmed"]),
        "kilometre_m": st.sampled_from([None, 100.0, 200.0]),
        "priority": st.sampled_from([0.5, 1.5]),
        "probability": st.sampled_from([None, 0.0, 0.5]),
        "entered_at": times,
        "reviewed": st.none() | times,
    }
)
filters = st.fixed_dictionaries(
    {
        "line": st.lists(names, max_size=2).map(tuple),
        "camera": st.lists(names, max_size=2).map(tuple),
        "component": st.lists(st.just("dropper"), max_size=1).map(tuple),
        "grade": st.lists(st.sampled_from([1, 2]), max_size=2).map(tuple),
        "state": st.lists(st.sampled_from([State.OPEN, State.CONFIRMED]), max_size=2).map(tuple),
        "km_from": st.sampled_from([None, 100.0, 150.0]),
        "km_to": st.sampled_from([None, 150.0, 200.0]),
    }
)


def passes(row: dict, wanted: Wanted, but: str = "") -> bool:
    """Say the slow and obvious way whether an item passes a filter."""
    for name, values in wanted.lists().items():
        column = {"mast": "mast_number"}.get(name, name)
        if values and name != but and row.get(column) not in values:
            return False
    if wanted.km_from is None and wanted.km_to is None:
        return True
    low, high = wanted.km_from or 0.0, wanted.km_to or 1e9
    return row["kilometre_m"] is not None and low <= row["kilometre_m"] <= high


@settings(max_examples=15, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12), filters)
def test_counts_are_those_of_a_slow_count(found: list[dict], chosen: dict):
    db = database.open_workspace_db("sqlite://")
    wanted = Wanted(**chosen)
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
        ledger.plan(tx, run_id, records.refs(1))
        for number, row in enumerate(found):
            at = row.pop("reviewed")
            row |= {"reviewer": "li" if at else "", "decided_at": at}
            tx.execute(insert(review_item).values(item_row(run_id, number) | row))
    counts = QueueCounts(db)
    facets, total = counts.facets(wanted), counts.page(wanted, Order.RISK, None, 1).total
    for order in Order:
        assert in_pages(counts, wanted, order) == in_one(db, wanted, order), order
        assert could_lease(db, counts, wanted, order) == could_lease(db, None, wanted, order)
    assert len(in_one(db, wanted, Order.RISK)) == total
    db.close()
    assert facets.total == total == sum(passes(row, wanted) for row in found)
    for name in ("line", "camera", "component", "grade", "state", "condition"):
        expected = Counter(row[name] for row in found if passes(row, wanted, name))
        assert dict(facets.counts[name]) == expected, name
    assert set(facets.counts) == set(FACETS)
    anywhere = replace(wanted, km_from=None, km_to=None)
    posts = [row["kilometre_m"] for row in found if passes(row, anywhere)]
    known = [one for one in posts if one is not None]
    assert facets.kilometre_m == ((min(known), max(known)) if known else None)


def in_one(db: Database, wanted: Wanted, order: Order) -> list[int]:
    """List all by a search of the database."""
    with db.read() as connection:
        return [one.id for one in queue.page(connection, wanted, order, None, 50).items]


def in_pages(counts: QueueCounts, wanted: Wanted, order: Order) -> list[int]:
    """List all two by two."""
    found, cursor, is_over = [], None, False
    while not is_over:
        page = counts.page(wanted, order, cursor, 2).page
        found += [one.id for one in page.items]
        cursor, is_over = page.next, page.next is None
    return found


def could_lease(
    db: Database, counts: QueueCounts | None, wanted: Wanted, order: Order
) -> list[int]:
    """Lease three and give them back."""
    asked = Asked(wanted, 3, order=order)
    if counts is not None:
        asked = counts.next(WANG, asked, NOON)
    with db.write() as tx:
        found = [one.id for one in queue.lease(tx, WANG, asked, NOON, NOON).items]
        queue.release(tx, WANG, found)
    return found


def item_row(run_id: int, number: int) -> dict:
    return {
        "run_id": run_id,
        "name": f"p{number}",
        "origin": "scan",
        "frame_id": 1,
        "verdict": "defect",
        "probability": 0.5,
        "views": 1,
        "direction": "up",
        "view": "",
        "entered_at": NOON.replace(tzinfo=None),
        "priority": -float(number),
        **{"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0},
        "reviewer": "",
        "note": "",
        "version": 0,
    }


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory):
    """Return a database with 20,000 items, and statistics as a server would have them."""
    db = database.open_workspace_db(tmp_path_factory.mktemp("crowd") / "catenary.db")
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
        ledger.plan(tx, run_id, records.refs(1))
        tx.execute(
            insert(review_item),
            [
                item_row(run_id, number)
                | {
                    "line": "a",
                    "section": "b",
                    "mast_number": str(number // 10),
                    "camera": str(number % 20),
                    "component": ("dropper", "split_pin", "insulator")[number % 3],
                    "condition": "missing",
                    "grade": 1,
                    "state": ("open", "unjudged")[number % 5 == 0],
                    "kilometre_m": float(number),
                }
                for number in range(20_000)
            ],
        )
        tx.execute(text("ANALYZE"))
    yield db
    db.close()


@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted(component=("dropper",)), Wanted(run=("沪蓉_下行",)), Wanted(camera=("3",))],
)
def test_the_next_items_are_found_by_an_index_without_sorting(crowded: Database, wanted: Wanted):
    plans: list[str] = []
    with crowded.write() as tx:
        for statement in next_statements(tx, wanted):
            told = tx.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all()
            plans += [row[3] for row in told if "review_item" in row[3] or "TEMP" in row[3]]
    assert plans
    assert all("USING" in one and "INDEX" in one for one in plans), plans
    assert not any("TEMP B-TREE" in one for one in plans), plans


def next_statements(tx, wanted: Wanted) -> list[str]:
    """Return the SQL, numbers filled in, by which items are looked for."""
    from catenary.store.queue import _ORDERS, _free

    columns, _ = _ORDERS[Order.RISK]
    own = [*_free(WANG, State.OPEN, NOON), *review_items.conditions(tx, wanted, without="state")]
    query = select(*columns).where(*own).order_by(*(one.desc() for one in columns)).limit(5)
    compiled = query.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
    return [str(compiled)]


def test_roles_take_from_the_states_they_may_decide():
    states = {role: queue.states_of(queues.Reader("x", role), Wanted()) for role in Role}
    assert states[Role.VIEWER] == []
    assert states[Role.REVIEWER] == [State.OPEN]
    assert states[Role.SECOND] == [State.OPEN, State.SECOND]
    assert states[Role.LEAD] == states[Role.ADMIN] == [State.OPEN, State.SECOND, State.DISPUTED]


def test_filling_is_due_once(filled: Database, run_id: int):
    with filled.read() as connection:
        assert not queue_fill.is_due(connection, run_id)
