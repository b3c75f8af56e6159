from collections.abc import Iterator

import pytest

from tests import postgresql
from tests.postgresql import Server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    programs = postgresql.binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server found (initdb); on Debian: apt-get install postgresql")
    with postgresql.running(programs) as server:
        yield server


@pytest.fixture
def database_url(postgresql_server: Server) -> str:
    """Return the URL of an empty PostgreSQL database."""
    return postgresql_server.new_database()
