"""A real SFTP server of one folder on this machine, which can be stopped and started again."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

Value = TypeVar("Value")


class _Accounts(asyncssh.SSHServer):
    """Lets ``inspector`` in by the password; keys are asyncssh's own affair."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("inspector", "secret")


class Server:
    """An SFTP server of one folder that can be stopped and started again, on the same port."""

    def __init__(self, folder: Path, client_key: asyncssh.SSHKey) -> None:
        self.folder = folder
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self._accepted = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.start()

    def start(self) -> None:
        """Do nothing if it runs."""
        if self._acceptor is not None:
            return
        self._acceptor = self._do(self._listen())
        self.port = self._acceptor.get_port()

    def stop(self) -> None:
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            self._do(self._closed(acceptor))

    async def _closed(self, acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        await acceptor.wait_closed()

    def end(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def url(self, folder: str, who: str = "inspector") -> str:
        return f"sftp://{who}@127.0.0.1:{self.port}/{folder}"

    def _do(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        self._connections: set[asyncssh.SSHServerConnection] = set()
        connections = self._connections

        class Accounts(_Accounts):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                connections.add(conn)

        folder = str(self.folder)

        class Chrooted(asyncssh.SFTPServer):
            def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
                super().__init__(chan, chroot=folder)

        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=Accounts,
            server_host_keys=[self.key],
            authorized_client_keys=self._accepted,
            sftp_factory=Chrooted,
        )


def trust(home: Path, server: Server, key: asyncssh.SSHKey | None = None) -> None:
    """Write the server's key, or another one in its place, where ssh looks for it."""
    public = (key or server.key).export_public_key().decode()
    known = home / ".ssh" / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {public}", encoding="utf-8")


def opened(folder: Path, home: Path) -> Server:
    """Return a server that an operator trusts, and that accepts the operator's key."""
    (home / ".ssh").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(home / ".ssh" / "id_ed25519")
    folder.mkdir()
    server = Server(folder, key)
    trust(home, server)
    return server
