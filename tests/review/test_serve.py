"""The server as a process: how it starts, and that a kill loses nothing it acknowledged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from httpx2 import Client, HTTPError
from sqlalchemy import select, text

from catenary.domain.errors import StoreError
from catenary.domain.review import Role
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review import serve
from catenary.store import accounts, audit, database, ledger, queue_fill
from catenary.store.schema import decision
from catenary.store.workspace import Workspace
from tests.review import conftest
from tests.store import queues, records

MAIN = "from catenary.cli import main; main()"
ITEMS = 400


def unheard(_: str) -> None:
    raise AssertionError("a server that is refused is not announced")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("crowded") / "ws")
    workspace.create()
    db = database.open_workspace_db(workspace.database)
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
    queues.fill(db, run_id, [queues.dropper(number, 0.5) for number in range(ITEMS)])
    db.close()
    return workspace.path


@pytest.fixture
def crowded(tmp_path: Path, filled: Path) -> Path:
    """Return a workspace with many open items."""
    return Path(shutil.copytree(filled, tmp_path / "ws"))


def started(folder: Path) -> tuple[Popen[str], str]:
    """Start a server; return it with the address that it announces."""
    command = [sys.executable, "-u", "-c", MAIN, "review", "--workspace", str(folder)]
    process = Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[:2] == ["Review", "at"]
    return process, words[2]


@pytest.fixture
def server(crowded: Path) -> Iterator[tuple[Popen[str], str]]:
    process, address = started(crowded)
    yield process, address
    process.kill()
    process.communicate()


def test_a_kill_in_the_middle_loses_no_decision_that_was_acknowledged(
    crowded: Path, server: tuple[Popen[str], str]
):
    process, address = server
    kept: list[int] = []
    enough = threading.Event()

    def review(first: int) -> None:
        with Client(base_url=address) as client:
            token = client.get("/api/session").json()["csrf_token"]
            for item in range(first, ITEMS + 1, 4):
                try:
                    answer = client.post(
                        f"/api/items/{item}/decisions",
                        json={"decision": "reject", "version": 0},
                        headers={"X-CSRF-Token": token},
                    )
                except HTTPError:
                    return
                if answer.status_code == 201:
                    kept.append(item)
                if len(kept) >= 40:
                    enough.set()

    threads = [threading.Thread(target=review, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert len(kept) < ITEMS
    db = database.open_workspace_db(Workspace(crowded).database)
    with db.read() as connection:
        made = connection.execute(select(decision.c.item_id)).scalars().all()
        assert set(kept) <= set(made)
        assert len(made) == len(set(made))
        assert list(audit.verify(connection)) == []
    db.close()
    again, address = started(crowded)
    with Client(base_url=address) as client:
        told = client.get("/api/queue", params={"state": "rejected"}).json()
    again.kill()
    again.communicate()
    assert told["total"] == len(made)


def test_a_server_that_is_told_to_stop_stops(server: tuple[Popen[str], str]):
    process, _ = server
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, 130, -signal.SIGTERM)


def test_a_port_that_is_taken_is_one_clear_error(crowded: Path, server: tuple[Popen[str], str]):
    port = int(server[1].rstrip("/").rpartition(":")[2])
    with pytest.raises(StoreError, match=rf"port {port}: .*choose another --port"):
        serve.serve(crowded, serve.Options(port=port), unheard)


def test_the_server_imports_no_network_library():
    code = "import json, sys; from catenary.review import serve; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=os.environ
    )
    loaded = set(json.loads(done.stdout))
    heavy = {"torch", "torchvision", "timm", "pytorch_lightning", "scipy", "ray", "onnxruntime"}
    assert loaded & heavy == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "review.rail.example", "::"])  # noqa: S104
def test_nobody_else_is_let_in_before_there_are_accounts(crowded: Path, host: str):
    with pytest.raises(StoreError, match="catenary users add"):
        serve.serve(crowded, serve.Options(host=host), unheard)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_own_machine_needs_no_accounts(host: str):
    serve.require_accounts(host, has_accounts=False)


def test_with_accounts_any_address_will_do(crowded: Path):
    with serve.opened(crowded, ReviewSettings()) as site:
        with site.db.write() as tx:
            hashed = conftest.CHEAP.hashed("long enough")
            accounts.add(tx, "admin", Role.ADMIN, hashed, site.clock())
            assert accounts.exist(tx)
        serve.require_accounts("0.0.0.0", has_accounts=True)  # noqa: S104


def test_what_was_decided_outlives_a_power_cut(crowded: Path):
    with serve.opened(crowded, ReviewSettings()) as site, site.db.read() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="is no workspace"):
        serve.serve(tmp_path, serve.Options(), unheard)


def test_the_queue_is_filled_at_the_start(crowded: Path):
    db = database.open_workspace_db(Workspace(crowded).database)
    with db.read() as connection:
        assert not queue_fill.is_due(connection, 1)
    db.close()
