"""Photographs lent to workers that come, go, hang and lie: what is written is as of one process.

The workers are those of a cluster, called in this process; `test_ray.py` has real ones.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from catenary.domain.errors import SourceError, SourceGoneError
from catenary.domain.image import ImageRef
from catenary.jobs import workspaces
from catenary.jobs.scanning.assemble import Described
from catenary.jobs.scanning.engines import cluster, crew, dispatch
from catenary.jobs.scanning.engines.cluster import ClusterEngine
from catenary.jobs.scanning.engines.crew import Event, Name
from catenary.jobs.scanning.engines.engine import Work
from catenary.jobs.scanning.engines.worker import Order, Worker
from catenary.jobs.scanning.watch import Watch
from catenary.pipeline.scan import Opening
from catenary.pipeline.workers import Workers
from catenary.store import again as store_again
from catenary.store import leases, scans
from catenary.store.again import Again
from catenary.store.schema import ScanState
from catenary.store.workspace import Workspace
from tests.jobs import crash
from tests.jobs.commands import catenary
from tests.jobs.crash import BATCH, CheapJudge, Everything
from tests.store import records

MASTS = 24
UNREADABLE = 3  # exit code of a run with photographs that are cut short


@dataclass(frozen=True, slots=True)
class Turn:
    """What a worker is about to do."""

    number: int  # from 1
    hands: "Hands"
    name: Name
    lease_id: int
    refs: Sequence[ImageRef]


Mishap = Callable[[Turn], list[Event] | None]


class Hands:
    """A crew whose workers take turns, one lease a turn; a mishap may come in its place."""

    deep = 2

    def __init__(self, order: Order, mishap: Mishap) -> None:
        self._order, self._mishap = order, mishap
        self._workers: dict[Name, Worker] = {}
        self._news: deque[Event] = deque()
        self._lent: deque[tuple[Name, int, Sequence[ImageRef]]] = deque()
        self._hired = self._turns = 0
        self.size = 2
        self.dismissed: list[Name] = []
        self.sizes: list[int] = []

    def fill(self) -> int:
        while len(self._workers) < self.size:
            worker = Worker(self._order)
            self._workers[self._hired] = worker
            try:
                worker.ready()
                self._news.append(crew.Ready(self._hired, f"worker {self._hired}"))
            except SourceError as error:
                self._news.append(crew.Unfit(self._hired, error))
            self._hired += 1
        return len(self._workers)

    def send(self, worker: Name, lease_id: int, refs: Sequence[ImageRef]) -> None:
        assert worker in self._workers
        self.sizes.append(len(refs))
        self._lent.append((worker, lease_id, refs))

    def events(self, timeout_s: float) -> list[Event]:
        if self._news:
            return [self._news.popleft()]
        if not self._lent:
            return []
        name, lease_id, refs = self._lent.popleft()
        self._turns += 1
        told = self._mishap(Turn(self._turns, self, name, lease_id, refs))
        if told is None:
            alive = [crew.Alive(name, "") for name in self._workers if name not in self.dismissed]
            return [*alive, self.done(name, lease_id, refs)]
        return told

    def done(self, name: Name, lease_id: int, refs: Sequence[ImageRef]) -> Event:
        return crew.Done(name, lease_id, self.any_worker().scan(refs))

    def any_worker(self) -> Worker:
        return next(iter(self._workers.values()))

    def dismiss(self, worker: Name) -> None:
        self.dismissed.append(worker)
        self._workers.pop(worker, None)
        self._lent = deque(one for one in self._lent if one[0] != worker)

    def lose(self, name: Name) -> list[Event]:
        self.dismiss(name)
        return [crew.Lost(name, "its machine is gone")]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Everything]:
    """Return a run, and what threads of one process make of it."""
    folder = tmp_path_factory.mktemp("local")
    run = crash.write_run(folder, MASTS)
    assert crash.scan(run, folder / "ws") == UNREADABLE
    return run, crash.everything(folder / "ws")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    is_file = request.param == "sqlite"
    return Workspace(tmp_path / "ws", "" if is_file else request.getfixturevalue("database_url"))


def ask(workspace: Workspace, sql: str) -> list[tuple]:
    with workspaces.existing(workspace) as (db, _), db.write() as tx:
        done = tx.exec_driver_sql(sql)
        return [tuple(row) for row in done] if done.returns_rows else []


def place(workspace: Workspace) -> tuple[str, ...]:
    """Return how a command is told of a workspace."""
    folder = ("--workspace", str(workspace.path))
    return (*folder, "--database", workspace.url) if workspace.url else folder


def require_same(workspace: Workspace, expected: Everything) -> None:
    left = crash.everything(workspace.path, workspace.url)
    for name in Everything.__slots__:
        assert getattr(left, name) == getattr(expected, name), name
    assert ask(workspace, "SELECT count(*) FROM lease") == [(0,)]


@pytest.fixture
def scan(local, workspace, tmp_path, monkeypatch) -> Callable[[Mishap], tuple[int, Hands]]:
    """Return what scans the run by such workers, with a mishap."""
    run, _ = local
    judge = CheapJudge(tmp_path / "seen.txt")
    monkeypatch.setattr(dispatch, "_TEND_S", 0.0)

    def scanned(mishap: Mishap) -> tuple[int, Hands]:
        order = Order(str(run), lambda: judge, Opening, judge.versions, Workers(), 0.0)  # type: ignore[arg-type, return-value]
        hands = Hands(order, mishap)

        @contextmanager
        def started(*_: object) -> Iterator[ClusterEngine]:
            judging = Described(judge.versions, judge.thresholds)
            yield ClusterEngine(hands, judging, order.hands, BATCH)

        monkeypatch.setattr(cluster, "started", started)
        done = catenary("scan", str(run), *place(workspace), "--engine", "ray")
        tell(done.stderr)
        return done.returncode, hands

    return scanned


def tell(text: str) -> None:
    print(text)  # noqa: T201 - pytest shows it when a test fails


def nothing(turn: Turn) -> None:
    """Let every worker do what it was lent."""


def test_workers_write_what_one_process_does(local, scan, workspace):
    code, hands = scan(nothing)
    assert code == UNREADABLE
    require_same(workspace, local[1])
    assert sum(hands.sizes) == 2 * MASTS
    assert max(hands.sizes) == BATCH
    assert hands.sizes[-1] == 1  # so that all end together


def test_what_lost_workers_held_is_done_by_others(local, scan, workspace):
    code, hands = scan(
        lambda turn: turn.hands.lose(turn.name) if turn.number in (2, 3, 7) else None
    )
    assert code == UNREADABLE
    assert len(hands.dismissed) == 3
    require_same(workspace, local[1])


def test_a_worker_that_hangs_loses_its_photographs_and_what_it_tells_later_is_dropped(
    local, scan, workspace
):
    late: list[Event] = []

    def hang(turn: Turn) -> list[Event] | None:
        if turn.number == 2:
            late.append(turn.hands.done(turn.name, turn.lease_id, turn.refs))
            over = f"'2026-01-01 00:00:00' WHERE worker = 'worker {turn.name}'"
            ask(workspace, f"UPDATE lease SET expires_at = {over}")
            return []
        own = turn.hands.done(turn.name, turn.lease_id, turn.refs)
        return [*late, own] if turn.number == 6 else None

    code, hands = scan(hang)
    assert code == UNREADABLE
    assert len(hands.dismissed) == 1
    require_same(workspace, local[1])


def test_a_photograph_that_no_worker_survives_fails_alone(local, scan, workspace):
    bad = "_002_0_01"

    def die(turn: Turn) -> list[Event] | None:
        is_bad = any(bad in ref.file_name for ref in turn.refs)
        return turn.hands.lose(turn.name) if is_bad else None

    code, hands = scan(die)
    assert code == UNREADABLE
    assert len(hands.dismissed) == 3  # first with the others of its lease, then twice alone
    assert max(hands.sizes) > 1
    ((name, note),) = ask(
        workspace, "SELECT file_name, note FROM frame WHERE reason = 'worker_lost'"
    )
    assert bad in name
    assert "3 workers were lost while they judged it (its machine is gone)" in note
    whole = sum(one[6] == "done" for one in local[1].frames)
    assert ask(workspace, "SELECT count(*) FROM frame WHERE outcome = 'done'") == [(whole - 1,)]


def test_machines_that_lose_every_photograph_end_the_scan(scan, workspace):
    code, _ = scan(lambda turn: turn.hands.lose(turn.name))
    assert code == 1
    assert "5 photographs in a row cost 3 workers each" in shown(workspace)


def test_an_error_that_would_meet_every_worker_ends_the_scan_and_lends_nothing(
    local, scan, workspace
):
    def gone(turn: Turn) -> list[Event] | None:
        error = SourceGoneError("the share is not mounted")
        return [crew.Failed(turn.name, error)] if turn.number == 3 else None

    assert scan(gone)[0] == 1
    assert ask(workspace, "SELECT count(*) FROM lease") == [(0,)]
    ((left,),) = ask(workspace, "SELECT count(*) FROM frame WHERE outcome IS NULL")
    assert 0 < left < 2 * MASTS
    assert scan(nothing)[0] == UNREADABLE
    require_same(workspace, local[1])


def test_workers_that_do_not_reach_the_run_end_the_scan_with_their_reason(
    scan, workspace, monkeypatch
):
    def ready(_: Worker) -> str:
        raise SourceError("no such folder or file: /data/run; check that it is mounted")

    monkeypatch.setattr(Worker, "ready", ready)
    assert scan(nothing)[0] == 1
    assert "check that it is mounted" in shown(workspace)


@pytest.mark.parametrize("workspace", ["sqlite"], indirect=True)
def test_a_cluster_without_room_is_told_of(local, scan, workspace, monkeypatch, caplog):
    monkeypatch.setattr(dispatch, "_IDLE_S", 0.0)
    sizes = iter([0, 0, 0])
    fill = Hands.fill

    def filled(hands: Hands) -> int:
        hands.size = next(sizes, 2)
        return fill(hands)

    monkeypatch.setattr(Hands, "fill", filled)
    assert scan(nothing)[0] == UNREADABLE
    assert "no worker is ready yet; the cluster has room for 0" in caplog.text
    require_same(workspace, local[1])


def test_a_scan_that_another_took_over_writes_nothing_more(local, scan, workspace):
    def taken_over(turn: Turn) -> None:
        if turn.number == 3:
            with workspaces.existing(workspace) as (db, _), db.write() as tx:
                leases.give_back_all(tx, 1)

    assert scan(taken_over)[0] == 1
    assert "is over; its photographs were given to another" in shown(workspace)
    assert scan(nothing)[0] == UNREADABLE
    require_same(workspace, local[1])


def shown(workspace: Workspace) -> str:
    return catenary("runs", *place(workspace)).stdout


@pytest.mark.parametrize("workspace", ["sqlite"], indirect=True)
def test_what_a_killed_scan_had_lent_is_taken_back(local, scan, workspace):
    scan(lambda turn: [crew.Failed(turn.name, SourceGoneError("away"))])
    with workspaces.existing(workspace) as (db, _), db.write() as tx:
        assert leases.take(tx, 1, 1, "process 9 on gpu1", 5) is not None
    assert crash.scan(local[0], workspace.path) == UNREADABLE
    require_same(workspace, local[1])


def test_runs_tells_which_workers_have_photographs(scan, workspace):
    scan(nothing)
    with workspaces.existing(workspace) as (db, _), db.write() as tx:
        store_again.ask(tx, 1, Again.ALL, records.VERSIONS)
        scan_id = scans.begin(tx, 1, "another", 42, records.VERSIONS)
        for worker, count in (("process 9 on gpu1", 5), ("process 8 on gpu2", 2)):
            for _ in range(2):
                leases.take(tx, scan_id, 1, worker, count)
    assert ", 2 workers have 14 photographs" in shown(workspace)
    (record,) = json.loads(catenary("runs", "--json", *place(workspace)).stdout)
    assert record["scan"]["workers"] == [
        {"worker": "process 9 on gpu1", "images": 10},
        {"worker": "process 8 on gpu2", "images": 4},
    ]
    told = catenary("runs", "show", record["run"], *place(workspace)).stdout
    assert "process 9 on gpu1 has 10 photographs" in told


@pytest.mark.parametrize("workspace", ["sqlite"], indirect=True)
def test_a_paused_scan_lends_nothing_and_goes_on_with_the_same_workers(
    local, scan, workspace, monkeypatch
):
    watches: list[Watch] = []
    scan_once, tell_once = ClusterEngine.scan, Watch._tell

    def scanned(engine: ClusterEngine, work: Work) -> None:
        watches.append(work.watch)
        scan_once(engine, work)

    def pause(turn: Turn) -> None:
        if turn.number == 3:
            with workspaces.existing(workspace) as (db, _), db.write() as tx:
                scans.ask_to_pause(tx, 1)
            watches[0].ask()

    def told(watch: Watch, state: ScanState) -> None:
        tell_once(watch, state)
        if state is ScanState.PAUSED:
            assert ask(workspace, "SELECT count(*) FROM lease") == [(0,)]
            assert ask(workspace, "SELECT count(*) FROM frame WHERE outcome IS NULL") > [(0,)]
            with workspaces.existing(workspace) as (db, _), db.write() as tx:
                scans.let_go_on(tx, 1)
            watch.ask()

    monkeypatch.setattr(ClusterEngine, "scan", scanned)
    monkeypatch.setattr(Watch, "_tell", told)
    code, hands = scan(pause)
    assert code == UNREADABLE
    assert (len(watches), hands._hired) == (2, 2)
    require_same(workspace, local[1])
