from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from catenary.store import database, ledger, schema
from catenary.store.database import Database
from catenary.store.workspace import Workspace
from tests.postgresql import Server
from tests.store import records


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a database with empty tables, or nothing: the file in the folder.

    ``@pytest.mark.parametrize("url", [""])`` is for tests of what SQLite alone has.
    """
    if request.param == "sqlite":
        return ""
    return str(request.getfixturevalue("emptied_url"))


@pytest.fixture(scope="session")
def shared_url(postgresql_server: Server) -> str:
    return postgresql_server.new_database()


@pytest.fixture
def emptied_url(shared_url: str) -> str:
    """Return the URL of a database whose tables are emptied: quicker than making a new one."""
    opened = database.open_workspace_db(shared_url)
    names = ", ".join(f'"{name}"' for name in schema.metadata.tables)
    with opened.write() as tx:
        tx.execute(text("SET LOCAL session_replication_role = replica"))  # silences triggers
        tx.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    opened.close()
    return shared_url


@pytest.fixture
def workspace(tmp_path: Path, url: str) -> Workspace:
    place = Workspace(tmp_path / "工作区", url)
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
