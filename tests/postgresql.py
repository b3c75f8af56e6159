"""A real PostgreSQL server of this test session, over a socket in a temporary folder."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

_OWNER = "tester"
_GUARD = 'cat > /dev/null; "$0" -D "$1" -m immediate stop; rm -rf "$2"'
_NO_SYNC = "-F -c listen_addresses='' -c max_connections=60 -c shared_buffers=16MB"


def binaries() -> Path | None:
    """Return the folder of the server's programs: on the PATH, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class Server:
    """A server that can be stopped and started again at the same place.

    Collation is that of ICU for Chinese: what is sorted by the database must not depend on it.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder = programs, folder
        self._data = folder / "data"
        self._numbers = count()
        # PostgreSQL refuses to run as root; in a container tests often do.
        self._user = _other_user() if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        locale = ("--locale-provider=icu", "--icu-locale=zh", "--locale=C.UTF-8")
        options = ("-U", _OWNER, "-A", "trust", "-E", "UTF8", *locale)
        self._run("initdb", "-D", str(self._data), "--no-sync", *options)
        rules = "local all guarded scram-sha-256\nlocal all all trust\n"
        (self._data / "pg_hba.conf").write_text(rules)
        self.start()
        # Waits until this process closes the pipe, be it by dying, and takes the server along.
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, str(programs / "pg_ctl"), str(self._data), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, **self._owner(),
        )  # fmt: skip

    def start(self) -> None:
        options = f"{_NO_SYNC} -k {self.folder}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        """Stop the server and remove its folder."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, sql: str) -> None:
        place = {"host": str(self.folder), "user": _OWNER, "dbname": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(sql)

    def url(self, name: str, user: str = _OWNER) -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        # The log goes to a file: a server that kept our pipe would never let us go on.
        subprocess.run(
            command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self._owner()
        )

    def _owner(self) -> dict[str, Any]:
        """Return as whom a program runs."""
        if self._user is None:
            return {}
        group = grp.getgrgid(pwd.getpwnam(self._user).pw_gid).gr_name
        return {"user": self._user, "group": group, "extra_groups": []}


def _other_user() -> str:
    known = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """Give a server, and stop it at the end."""
    # Not below pytest's folder: only root may enter that, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Server(programs, folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
