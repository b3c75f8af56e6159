"""Photographs of a mast are found by the index of masts, however long the run is."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event

from catenary.domain.place import Direction, Mast
from catenary.store import ledger, photographs
from catenary.store.database import Database, open_workspace_db
from tests.store import records


def _runs(db: Database) -> list[int]:
    """Enter two runs of the same photographs, the earlier one first; return their rows."""
    found = []
    with db.write() as tx:
        for name, date in (("a", "2025-12-05"), ("b", "2026-03-06")):
            run = replace(records.record(name, f"/data/{name}"), date=date)
            found.append(ledger.register(tx, run))
            refs = [replace(one, run=name) for one in records.refs(8)]
            ledger.plan(tx, found[-1], refs)
            for one in refs:
                ledger.finish(tx, found[-1], one.image_id, records.DONE)
    return found


def test_the_same_mast_and_camera_in_an_earlier_run_is_found(db: Database):
    earlier, later = _runs(db)
    with db.read() as connection:
        for one in photographs.of_mast(connection, later, records.ref(4).mast):
            (found,) = photographs.earlier(connection, one, 3)
            assert found.run_id == earlier
            assert (found.ref.mast, found.ref.camera) == (one.ref.mast, one.ref.camera)
            assert photographs.earlier(connection, found, 3) == []


def test_earlier_photographs_are_found_by_the_index_of_masts():
    """In the order of the run, one of 500,000 took 40 ms of processor time."""
    db = open_workspace_db("sqlite://")
    _, later = _runs(db)
    plans: list[str] = []

    def explained(connection: Connection, _cursor, statement: str, values, _context, _many) -> None:
        if "camera" in statement.partition("WHERE")[2]:
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in rows)

    with db.read() as connection:
        (one, *_) = photographs.of_mast(connection, later, records.ref(4).mast)
        event.listen(connection, "before_cursor_execute", explained)
        assert len(photographs.earlier(connection, one, 3)) == 1
    db.close()
    (on_frame,) = (plan for plan in plans if " frame " in plan)
    assert "ix_frame_run_id_mast_number" in on_frame


LISTED = (
    ("甲站", "D3"),
    ("甲站", "D10"),
    ("丙站", "D1"),
    ("乙站", "D2"),
)  # as a run lists its folders
TRAVELLED = ["D1", "D2", "D3", "D10"]
START = datetime(2026, 3, 6, 23, 26, 50)  # noqa: DTZ001 - a wall clock


@pytest.mark.parametrize(
    ("has_time", "has_kilometre", "expected"),
    [
        (True, False, TRAVELLED),
        (False, True, TRAVELLED),
        (True, True, TRAVELLED),
        (False, False, ["D3", "D10", "D1", "D2"]),
    ],
)
def test_masts_are_listed_as_they_were_passed(db: Database, has_time, has_kilometre, expected):
    def ref(n: int, section: str, number: str):
        place = TRAVELLED.index(number)
        return replace(
            records.ref(n),
            mast=Mast("示例线", Direction.UP, section, number),
            taken_at=START + timedelta(seconds=place) if has_time else None,
            kilometre_m=1000.0 + 50 * place if has_kilometre else None,
        )

    with db.write() as tx:
        run_id = ledger.register(tx, records.record("a", "/data/a"))
        ledger.plan(tx, run_id, [replace(ref(n, *one), run="a") for n, one in enumerate(LISTED)])
    with db.read() as connection:
        assert [one.mast.number for one in photographs.masts(connection, run_id)] == expected
