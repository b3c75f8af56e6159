"""The folder a scan writes into, and the lock that keeps two scans apart."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from catenary.domain.errors import RunBusyError, StoreError
from catenary.imaging import packed


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths of a workspace.

    Attributes:
        path: Its folder.
        url: Of its database, where that is not the file in the folder; never shown, since it may
            hold a password.
    """

    path: Path
    url: str = field(default="", repr=False)

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the URL."""
        return self.url or self.path / "catenary.db"

    @property
    def logs(self) -> Path:
        """The folder of log files."""
        return self.path / "logs"

    @property
    def reports(self) -> Path:
        """The folder of reports that were asked for in the browser."""
        return self.path / "reports"

    def detections(self, run: str) -> Path:
        """Return the folder of the shards of a run."""
        return self.path / "detections" / run

    def evidence(self, run: str) -> Path:
        """Return the folder of the evidence pictures of a run."""
        return self.path / "evidence" / run

    def picture(self, run: str, name: str) -> Path:
        """Return the path of an evidence picture, for `catenary.imaging.packed.read`.

        Args:
            run: Name of the run.
            name: As findings have it: ``"PACK.zip/NAME.jpg"``, or a file name in workspaces of
                earlier releases. Folders of any other kind in it are left out.
        """
        path = PurePosixPath(name)
        pack = path.parent.name
        folder = self.evidence(run)
        return folder / pack / path.name if pack.endswith(packed.ENDING) else folder / path.name

    def create(self) -> None:
        """Make the folders that are missing.

        Raises:
            StoreError: If they cannot be made.
        """
        try:
            for folder in (self.logs, self.path / "detections", self.path / "evidence"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot make workspace {self.path}: {error.strerror}; choose another --workspace"
            ) from error

    def require(self) -> None:
        """Refuse a folder that holds no workspace, instead of making an empty one.

        Raises:
            StoreError: If there is no database.
        """
        if isinstance(self.database, Path) and not self.database.is_file():
            raise StoreError(
                f"{self.path} is no workspace (it has no {self.database.name}); name it with "
                f"--workspace, a PostgreSQL database with --database, or scan a run first"
            )

    def free_bytes(self) -> int:
        """Return the free space of its disk.

        Raises:
            StoreError: If the folder is gone.
        """
        try:
            return shutil.disk_usage(self.path).free
        except OSError as error:
            raise StoreError(f"workspace {self.path}: {error.strerror}") from error

    @contextmanager
    def scanning(self, run: str) -> Iterator[None]:
        """Hold a run for this process; the lock goes with the process, even when it is killed.

        Raises:
            RunBusyError: If another process scans the run.
            StoreError: If the lock cannot be made.
        """
        path = self.detections(run) / "scan.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        except OSError as error:
            raise StoreError(f"cannot lock {path}: {error.strerror}") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                owner = file.read().strip() or "unknown"
                raise RunBusyError(
                    f"run {run} is being scanned by process {owner}; wait for it or stop it"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
