"""Counts of the closed loop are those of a slow and obvious count."""

from collections import Counter
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from catenary.domain.defect_loop import LISTED, Conclusion, LoopState
from catenary.store import database, defects, ledger
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.defects import DefectsWanted
from catenary.store.schema import defect, review_item
from tests.store import records, reviewing
from tests.store.reviewing import NOW, Shown
from tests.store.test_queue import item_row

_DAY = timedelta(days=1)
_AT = NOW.replace(tzinfo=None)
names = st.sampled_from(["", "a", "b"])
rows = st.fixed_dictionaries(
    {
        "run_id": st.sampled_from([1, 2]),
        "line": names,
        "section": names,
        "mast_number": names,
        "component": st.sampled_from(["dropper", "bolt"]),
        "condition": st.sampled_from(["broken", "loose"]),
        "grade": st.sampled_from([1, 2]),
        "state": st.sampled_from(["registered", "closed", "withdrawn"]),
        "due": st.sampled_from([None, _AT - _DAY, _AT + _DAY]),
        "joins": st.booleans(),  # another one, if there is one before that did not
        "suspects": st.booleans(),
    }
)
filters = st.fixed_dictionaries(
    {
        "run": st.sampled_from([(), ("a",), ("b",), ("a", "b"), ("nobody",)]),
        "line": st.lists(names, max_size=2).map(tuple),
        "mast": st.lists(names, max_size=2).map(tuple),
        "component": st.lists(st.just("dropper"), max_size=1).map(tuple),
        "grade": st.lists(st.sampled_from([1, 2]), max_size=2).map(tuple),
        "state": st.sampled_from([(), (LoopState.REGISTERED,), (LoopState.WITHDRAWN,)]),
        "overdue": st.sampled_from([None, True, False]),
        "suspected": st.sampled_from([None, True, False]),
        "due_before": st.sampled_from([None, NOW + 2 * _DAY, NOW]),
    }
)


def _enter(db: Database, found: list[dict]) -> list[dict]:
    """Enter two runs and their defects; return the rows, each with the runs it was seen in."""
    done: list[dict] = []
    with db.write() as tx:
        for name in ("a", "b"):
            run_id = ledger.register(tx, records.record(name, f"/data/{name}"))
            ledger.plan(tx, run_id, records.refs(1))
        for number, told in enumerate(found, 1):
            row = {key: value for key, value in told.items() if key not in ("joins", "suspects")}
            roots = [one for one in done if one["joined_to"] is None]
            root = roots[0] if told["joins"] and roots else None
            row |= {"id": number, "item_id": number, "version": 1, "joined_to": None}
            row["suspected_of"] = roots[-1]["id"] if told["suspects"] and roots else None
            if root is not None:
                row |= {"joined_to": root["id"], "state": "joined"}
            item = {"component": "dropper", "condition": "", "grade": 1, "state": "confirmed"}
            item |= dict.fromkeys(("line", "section", "mast_number", "camera"), "")
            tx.execute(insert(review_item).values(item_row(row["run_id"], number) | item))
            times = {"registered_at": _AT, "repair_by": _AT + _DAY, "changed_at": _AT}
            if row["state"] == LoopState.CLOSED:
                times |= {"repaired_at": _AT, "reinspect_by": _AT + _DAY}
                times["conclusion"] = str(Conclusion.REPAIRED)
            tx.execute(insert(defect).values(row | times | {"changed_by": "li"}))
            row["runs"] = {row["run_id"]}
            if root is not None:
                root["runs"].add(row["run_id"])
            done.append(row)
    return done


def _passes(row: dict, wanted: DefectsWanted, but: str = "") -> bool:
    runs = {{"a": 1, "b": 2}.get(one, 0) for one in wanted.run}
    states = wanted.state or (() if but == "state" else LISTED)
    lists = {name: getattr(wanted, name) for name in ("line", "component", "grade")}
    lists |= {"mast_number": wanted.mast, "state": states}
    for name, values in lists.items():
        if values and {"mast_number": "mast"}.get(name, name) != but and row[name] not in values:
            return False
    if wanted.run and but != "run" and not runs & row["runs"]:
        return False
    return _is_due(row, wanted)


def _is_due(row: dict, wanted: DefectsWanted) -> bool:
    is_late = row["due"] is not None and row["due"] < _AT
    if wanted.overdue is not None and is_late != wanted.overdue:
        return False
    is_suspected = row["suspected_of"] is not None and row["state"] != "joined"
    if wanted.suspected is not None and is_suspected != wanted.suspected:
        return False
    limit = wanted.due_before and wanted.due_before.replace(tzinfo=None)
    return limit is None or (row["due"] is not None and row["due"] < limit)


def _row(run_id: int, *, joins: bool) -> dict:
    told = dict.fromkeys(("line", "section", "mast_number"), "a")
    told |= {"component": "dropper", "condition": "broken", "grade": 1, "state": "registered"}
    return told | {"run_id": run_id, "due": None, "joins": joins, "suspects": False}


_TWICE = [_row(1, joins=False), _row(2, joins=True), _row(2, joins=True), _row(2, joins=False)]


@example(_TWICE, {})
@example(_TWICE, {"run": ("b",)})
@example(_TWICE, {"run": ("a",), "grade": (1,)})
@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=8), filters)
def test_counts_are_those_of_a_slow_count(found: list[dict], chosen: dict):
    db = database.open_workspace_db("sqlite://")
    wanted = DefectsWanted(**chosen)
    entered = _enter(db, found)
    counts = DefectCounts(db)
    told = counts.facets(wanted, NOW)
    facets = told.counts
    total, overdue = counts.totals(wanted, NOW)
    assert (told.total, told.overdue) == (total, overdue)
    with db.read() as connection:
        page = defects.page(connection, wanted, defects.DefectOrder.DUE, None, 50, NOW)
    assert len(page.defects) == total
    db.close()
    shown = [row for row in entered if _passes(row, wanted)]
    assert total == len(shown)
    assert overdue == sum(row["due"] is not None and row["due"] < _AT for row in shown)
    for name in ("line", "section", "component", "condition", "grade", "state", "mast"):
        column = {"mast": "mast_number"}.get(name, name)
        expected = Counter(row[column] for row in entered if _passes(row, wanted, name))
        assert dict(facets[name]) == expected, name
    expected = Counter(
        "ab"[run - 1] for row in entered if _passes(row, wanted, "run") for run in row["runs"]
    )
    assert dict(facets["run"]) == expected


def test_a_defect_is_where_its_item_is(db: Database):
    run_id = reviewing.add_run(db, "many", "2026-03-06", Shown((1, 3, 4)))
    for one in reviewing.items(db, run_id):
        reviewing.decide(db, one)
    columns = [defect.c[name] == review_item.c[name] for name in defects.PLACE[:-1]]
    query = select(*columns).join(review_item, review_item.c.id == defect.c.item_id)
    with db.read() as connection:
        same = connection.execute(query).all()
        places = connection.execute(select(defect.c.mast_number).order_by(defect.c.id)).scalars()
        assert list(places) == ["D000", "", "D001"]
    assert len(same) == 3
    assert all(all(row) for row in same)
