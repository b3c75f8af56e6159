"""The real `catenary review`, in a process of its own, and people who ask it over HTTP."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catenary.domain.errors import StoreError

COOKIE = "catenary_session"
_START_S = 900.0  # a million photographs are looked through at the start
_STOP_S = 30.0
_ANSWER_S = 120.0
_IDLE_S = 2.0  # after which a connection is made anew: the server closes it after 5
_PROGRAM = (sys.executable, "-c", "from catenary.cli import main; main()")


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """Serve a workspace on any free port of this machine; give the address.

    Raises:
        StoreError: If the server does not start; its last words are told.
    """
    log = workspace / "logs" / "bench-server.log"
    command = [*_PROGRAM, "review", "--workspace", str(workspace), "--port", "0"]
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, stderr=said, text=True
        )
        late = threading.Timer(_START_S, process.kill)
        late.start()
        try:
            address = _address(process, log)
            late.cancel()
            yield address
        finally:
            late.cancel()
            _stop(process)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    if process.stdout is None:
        raise TypeError("the server's output is not a pipe")
    for line in process.stdout:
        if (found := line.find("http://")) >= 0:
            return line[found:].split()[0]
    last = log.read_text(encoding="utf-8").strip().splitlines()[-3:]
    raise StoreError(f"catenary review did not start: {' '.join(last) or 'it said nothing'}")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Browserless:
    """Somebody who is logged in and asks over one connection; use it from one thread."""

    def __init__(self, address: str) -> None:
        """Ask for a token, as a page does first."""
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_ANSWER_S)
        self._asked_at = time.monotonic()
        self._cookie = ""
        self._token = ""
        self._keep(self.ask("GET", "/api/session")[1])

    @property
    def cookie(self) -> str:
        """Value of the session's cookie; empty before a login."""
        return self._cookie

    def log_in(self, name: str, password: str) -> None:
        """Begin a session.

        Raises:
            StoreError: If it is refused.
        """
        status, told = self.ask("POST", "/api/session", {"name": name, "password": password})
        if status != http.HTTPStatus.OK:
            raise StoreError(f"{name} could not log in: {told}")
        self._keep(told)

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request; return status and what was told, empty where it is no JSON."""
        status, content = self.raw(method, path, body)
        is_json = content[:1] == b"{"
        return status, json.loads(content) if is_json else {}

    def raw(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        headers = {"X-CSRF-Token": self._token, "Cookie": f"{COOKIE}={self._cookie}"}
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        if time.monotonic() - self._asked_at > _IDLE_S:
            self._connection.close()  # `request` opens it again
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        told = answer.read()
        self._asked_at = time.monotonic()
        for line in answer.headers.get_all("Set-Cookie") or ():
            if (morsel := SimpleCookie(line).get(COOKIE)) is not None:
                self._cookie = morsel.value
        return answer.status, told

    def close(self) -> None:
        """Close the connection; the session stays."""
        self._connection.close()

    def _keep(self, session: dict[str, Any]) -> None:
        self._token = session["csrf_token"]
