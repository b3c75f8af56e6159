"""Commands in processes of their own that can be stopped and killed, and begin at once.

They are forked from a process that has imported what a scan needs: that takes 8 s of a processor.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self, TextIO

from catenary import cli

ROOT = Path(__file__).parents[1]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["tests.jobs.crash", "tests.jobs.quick", "catenary.jobs.scanning.scan"]
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command at work, as `subprocess.Popen`; at the end of a block it is killed if there."""

    process: ForkServerProcess
    stderr: TextIO

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.wait()
        self.stderr.close()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def wait(self) -> int | None:
        """Wait for its end; return the exit code, negative for a signal."""
        self.process.join()
        return self.process.exitcode

    def rest(self) -> str:
        """Wait for its end; return what it has still said."""
        said = self.stderr.read()
        self.wait()
        return said

    def until(self, words: str) -> str:
        """Return the next line of the log that holds some words."""
        for line in self.stderr:
            if words in line:
                return line
        raise AssertionError(f"the command ended without saying {words!r}")


def begun(
    *arguments: str,
    main: Callable[[], None] = cli.main,
    environment: dict[str, str] | None = None,
    own_session: bool = False,
) -> Command:
    """Begin a command as a user types it in the root of the repository.

    Args:
        arguments: Behind ``catenary``.
        main: What runs it, e.g. `tests.jobs.quick.main`.
        environment: Variables beside those of this process.
        own_session: Let it lead a session, so that all its processes can be signalled.
    """
    reader, writer = PROCESSES.Pipe(duplex=False)
    variables = os.environ | (environment or {})
    given = (writer, arguments, main, variables, own_session)
    process = PROCESSES.Process(target=_run, args=given)
    process.start()
    writer.close()
    stderr = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
    reader.close()
    return Command(process, stderr)


def _run(
    told: Connection,
    arguments: tuple[str, ...],
    main: Callable[[], None],
    variables: dict[str, str],
    own_session: bool,
) -> None:
    if own_session:
        os.setsid()
    os.dup2(told.fileno(), 2)
    told.close()
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    sys.argv = ["catenary", *arguments]
    main()
