from collections.abc import Iterator
from pathlib import Path

import pytest

from catenary.store import database, ledger
from catenary.store.database import Database
from catenary.store.workspace import Workspace
from tests.store import records


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "工作区")
    place.create()
    return place


@pytest.fixture
def db(workspace: Workspace) -> Iterator[Database]:
    opened = database.open_workspace_db(workspace.database)
    yield opened
    opened.close()


@pytest.fixture
def run_id(db: Database) -> int:
    with db.write() as tx:
        return ledger.register(tx, records.record())
