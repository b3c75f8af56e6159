"""Decisions outlive what scans do afterwards, from the scan to the report, by the commands."""

import csv
import io
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from catenary.domain.review import LOCAL, Decision, State
from catenary.jobs.reviewing import review_queue
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.jobs.scanning import assemble
from catenary.store import audit, database, queue_inherit, review_items, reviews
from catenary.store.schema import review_item
from catenary.store.workspace import Workspace
from tests.jobs.test_join import BAD_MAST, MASTS, catenary, deliver, judge, report
from tests.store.queues import ALONE, NOON


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run of which two cameras are delivered; one shows a bright clevis."""
    monkeypatch.setattr(assemble, "judge", judge)
    folder = tmp_path / "2026-03-06_示例线_上行_东站-西站"
    for mast in range(MASTS):
        for camera in ("01", "02"):
            deliver(folder, mast, camera)
    return folder


def opened(run: Path) -> database.Database:
    return database.open_workspace_db(Workspace(run.parent / "ws").database)


def items(run: Path) -> list[review_items.Item]:
    """Return what waits or was decided, nothing being filled in for it."""
    db = opened(run)
    with db.read() as connection:
        ids = connection.execute(select(review_item.c.id)).scalars().all()
        found = review_items.by_ids(connection, sorted(ids))
        assert list(audit.verify(connection)) == []
    db.close()
    return [one for one in found if one.merged_into is None and one.verdict != "normal"]


def decide(run: Path, item: review_items.Item, decision: Decision) -> None:
    db = opened(run)
    with db.write() as tx:
        asked = reviews.Ask(item.id, item.version, reviews.Wish(decision))
        reviews.decide(tx, [asked], LOCAL, ALONE, NOON)
    db.close()


def test_a_scan_leaves_a_filled_queue(run: Path):
    catenary(run, "scan", str(run))
    (item,) = items(run)
    assert (item.standing.state, item.views, item.mast.number) == (
        State.OPEN,
        2,
        f"{BAD_MAST:03d}",
    )
    place, settings = Workspace(run.parent / "ws"), ReviewSettings()
    db = opened(run)  # a server that starts now has nothing to fill in
    assert review_queue.fill(db, place, settings.sample_share, settings.ageing_days) == 0
    assert review_queue.fill(db, place, settings.sample_share, 2 * settings.ageing_days) == 1
    db.close()


def test_a_camera_that_comes_later_joins_what_was_decided(run: Path):
    catenary(run, "scan", str(run))
    (before,) = items(run)
    decide(run, before, Decision.CONFIRM)
    for mast in range(MASTS):
        deliver(run, mast, "03")
    assert "2 defects raised, on 1 part" in catenary(run, "scan", str(run))
    (item,) = items(run)
    assert (item.id, item.views, item.standing.state) == (before.id, 3, State.CONFIRMED)
    rows = list(csv.DictReader(io.StringIO(report(run, "csv"))))
    assert [row["decision"] for row in rows] == ["confirmed", "confirmed"]


def test_a_photograph_that_goes_to_another_mast_takes_the_decision_along(run: Path):
    for mast in range(MASTS):
        deliver(run, mast, "03")
    catenary(run, "scan", str(run))
    (before,) = items(run)
    decide(run, before, Decision.CONFIRM)
    who = ("--by", "王工", "--why", "相机触发晚了")
    place = ("--from-mast", f"{BAD_MAST:03d}", "--to-mast", "006")
    catenary(run, "runs", "reassign", run.name, "--image", "*_03.jpg", *place, *who)
    first, second = sorted(items(run), key=lambda one: one.mast.number)
    assert {first.standing.state, second.standing.state} == {State.CONFIRMED}
    assert (first.mast.number, second.mast.number) == (f"{BAD_MAST:03d}", "006")
    db = opened(run)
    with db.read() as connection:
        (trace,) = queue_inherit.of_item(connection, max(first.id, second.id))
    db.close()
    assert (str(trace.kind), trace.other) == ("copied", before.id)
    listed = catenary(run, "defects")
    assert len(re.findall(r"registered", listed)) == 2
    back = ("--from-mast", "006", "--to-mast", f"{BAD_MAST:03d}")
    catenary(run, "runs", "reassign", run.name, "--image", f"*{BAD_MAST:03d}_*_03.jpg", *back, *who)
    (item,) = items(run)
    assert (item.id, item.standing.state) == (before.id, State.CONFIRMED)
    assert len(re.findall(r"registered", catenary(run, "defects"))) == 1


def test_a_scan_of_all_again_asks_for_nothing_again(run: Path):
    catenary(run, "scan", str(run))
    (before,) = items(run)
    decide(run, before, Decision.REJECT)
    catenary(run, "scan", str(run), "--again", "all")
    (item,) = items(run)
    assert (item.id, item.standing.state, item.finding_id) != (
        before.id,
        State.REJECTED,
        before.finding_id,
    )
    assert (item.id, item.standing.state) == (before.id, State.REJECTED)
