"""The bench of the review, tiny: real server, real people, a browser where there is one."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Table, func, select

from catenary import config
from catenary.domain.errors import ConfigError, StoreError
from catenary.domain.review import Decision, Reader, Role, SecondReading, State, Wish
from catenary.jobs import workspaces
from catenary.jobs.benches import review_browser as browser
from catenary.jobs.benches import review_build as build
from catenary.jobs.benches import review_copies as copies
from catenary.jobs.benches import review_people as people
from catenary.jobs.benches import review_server as server
from catenary.jobs.benches.review_build import Sizes
from catenary.jobs.benches.review_people import Acknowledged, Diary
from catenary.jobs.reviewing import trail
from catenary.review import static
from catenary.store import defects, reviews
from catenary.store.reviews import Ask, Rules
from catenary.store.schema import decision, defect, finding, frame, review_item
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
TINY = Sizes(800, 60, 40, 0.2, 2, 4)


def _count(folder: Path, table: Table, *own: ColumnElement[bool]) -> int:
    with workspaces.existing(folder / "built") as (db, _), db.read() as connection:
        query = select(func.count()).select_from(table).where(*own)
        return int(connection.execute(query).scalar_one())


def _has_browser() -> bool:
    try:
        browser.program()
    except ConfigError:
        return False
    return (static.DIST / "index.html").is_file()


def test_every_figure_is_there_and_nothing_is_lost(tmp_path: Path):
    wanted = "--browser" if _has_browser() else "--no-browser"
    arguments = (
        *("bench", "review", "-o", str(tmp_path), wanted, "--frames", "800", "--findings", "200"),
        *("--defects", "40", "--megapixels", "0.2", "--reviewers", "4"),
        *("--items", "1", "--decisions", "20", "--pause", "0"),
    )
    done = catenary(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (together,) = told["together"]
    assert together["is_sound"] is True
    assert (together["people"], together["trail_broken"]) == (4, 0)
    assert 20 <= together["decisions"] <= 30
    assert together["rate"] > 0
    assert told["command"].startswith("catenary bench review -o FOLDER --frames 800 ")
    if wanted == "--browser":
        names = {one["what"] for one in told["times"]}
        assert {"first page", "next item painted after the key", "photograph at full size"} <= names
        assert {f"filter of the queue: {one}" for one in ("mast", "grade", "kilometre")} <= names
        assert {f"filter of the closed loop: {one}" for one in ("state", "overdue")} <= names
        assert all(0 < one["median_ms"] <= one["most_ms"] < 25_000 for one in told["times"])
    assert json.loads((tmp_path / "figures.json").read_text()) == told
    # What was built is as it was: the decisions were made on a copy.
    assert _count(tmp_path, review_item, review_item.c.state == "open") == 200
    assert not (tmp_path / "work").exists()


def test_a_workspace_is_built_once_and_gone_on_with(tmp_path: Path):
    class KilledError(Exception):
        pass

    def killed(line: str) -> None:
        if line.startswith(build.LATER):
            raise KilledError

    with pytest.raises(KilledError):
        build.build(tmp_path, TINY, killed)
    told: list[str] = []
    workspace = build.build(tmp_path, TINY, told.append)
    assert told == ["queue filled", "40 defects confirmed by two readers"]
    assert [_count(tmp_path, one) for one in (frame, finding, defect)] == [800, 100, 40]
    again: list[str] = []
    build.build(tmp_path, TINY, again.append)
    assert again == []
    assert trail.verify(workspace, "").broken == ()
    with pytest.raises(ConfigError, match=r"holds a workspace of other settings"):
        build.build(tmp_path, Sizes(1000, 60, 40, 0.2, 2, 4), again.append)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="half of frames at most"):
        Sizes(frames=100, findings=51)
    with pytest.raises(ValueError, match="above 0"):
        Sizes(people=0)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return build.build(tmp_path_factory.mktemp("bench"), TINY, lambda _line: None)


def test_a_copied_decision_is_what_a_server_would_have_written(small: Workspace):
    """All but numbers and times: of two items of one kind, one decided and one copied."""
    rules = Rules(TAXONOMY, SecondReading(True, 1.0, 0.0), 14.0)
    now = datetime(2026, 3, 7, tzinfo=UTC)
    with workspaces.opened(small) as db:
        with db.write() as tx:
            query = select(review_item.c.id).where(
                review_item.c.state == "open", review_item.c.condition == "slack"
            )
            first, second, *_ = tx.execute(query.order_by(review_item.c.id)).scalars()
            run_id = tx.execute(select(func.max(review_item.c.run_id))).scalar_one()
            others = tx.execute(
                select(review_item.c.id).where(
                    review_item.c.state == "open", review_item.c.id != second
                )
            ).scalars()
            for number in others:
                for version, name in enumerate(("wang", "li")):
                    ask = Ask(number, version, Wish(Decision.CONFIRM))
                    reviews.decide(tx, [ask], Reader(name, Role.SECOND), rules, now)
            assert copies.confirm(tx, run_id, 10) == 1
        with db.read() as connection:
            made = [reviews.decisions_of(connection, one) for one in (first, second)]
            plain = [
                [
                    (one.made_at, one.made_by, one.act, one.stage, one.before, one.after)
                    for one in of
                ]
                for of in made
            ]
            assert plain[0] == plain[1]
            own = ("id", "item_id", *defects.PLACE)
            columns = [c for c in defect.c if c.name not in own]
            query = select(*columns).where(defect.c.item_id.in_([first, second]))
            assert len(set(connection.execute(query).all())) == 1
            places = [defect.c[name] == review_item.c[name] for name in defects.PLACE]
            same = select(*places).join(review_item, review_item.c.id == defect.c.item_id)
            copied = connection.execute(same.where(review_item.c.id == second)).one()
            assert all(copied)
            states = select(review_item.c.state, review_item.c.version).where(
                review_item.c.id.in_([first, second])
            )
            assert connection.execute(states).all() == [(State.CONFIRMED, 2)] * 2
    assert trail.verify(small, "").broken == ()


def test_decisions_that_are_lost_double_or_of_nobody_are_seen(small: Workspace):
    with workspaces.opened(small) as db, db.read() as connection:
        rows = connection.execute(
            select(decision.c.item_id, decision.c.version, decision.c.made_by).limit(3)
        ).all()
        newest = 0
        every = connection.execute(
            select(decision.c.item_id, decision.c.version, decision.c.made_by)
        ).all()
        diary = Diary(taken=[Acknowledged(*row) for row in every])
        assert people.compared(connection, newest, diary) == people.Checked(0, 0, 0, 0, 0)
        other = Acknowledged(rows[0].item_id, rows[0].version, "zhao")
        diary.taken.append(other)  # the same version, acknowledged to a second one as well
        diary.taken.remove(Acknowledged(*rows[1]))
        diary.leased([7, 8], "li", 0.1)
        diary.leased([8], "wang", 0.1)
        diary.let_go(7, "li")
        diary.leased([7], "wang", 0.1)
        found = people.compared(connection, newest, diary)
    assert (found.shared, found.lost, found.unasked, found.double) == (1, 1, 1, 1)


def test_a_server_that_does_not_start_says_why(tmp_path: Path):
    (tmp_path / "logs").mkdir()
    told = pytest.raises(StoreError, match=r"did not start: .*is no workspace")
    with told, server.served(tmp_path):
        pass


def test_a_browser_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CATENARY_CHROMIUM", "/nowhere/chromium")
    done = catenary("bench", "review", "-o", str(tmp_path / "new"), "--frames", "200000")
    assert done.returncode == 1
    assert "apt-get install chromium" in " ".join(done.stderr.split())
    assert not (tmp_path / "new").exists()


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(ConfigError, match="pip install playwright"), browser.opened():
        pass
