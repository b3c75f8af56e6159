from collections.abc import Iterator

import pytest
from hypothesis import settings

from catenary.store.migrations import upgrade
from tests import postgresql, quick_tables
from tests.postgresql import Server

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# The gate tries the same examples of a test until that test changes, so that what it says of a
# commit is the same every time; everybody else tries new ones.
settings.register_profile("gate", settings.get_profile("untimed"), derandomize=True)


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


@pytest.fixture(scope="session", autouse=True)
def _quick_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upgrade, "upgrade", quick_tables.make)
        yield
