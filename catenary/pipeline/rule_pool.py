"""Rules in processes of their own, where threads would wait for each other's interpreter.

A photograph's pixels are copied once, into memory that both processes map; its parts and what the
rules say of them, some kilobytes, go through a pipe.
"""

import logging
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe
from queue import SimpleQueue
from typing import Self

import numpy as np

from catenary.domain.errors import CatenaryError
from catenary.pipeline import rule_process
from catenary.pipeline.rule_process import Answer, Raised, Task
from catenary.pipeline.rulebook import Located, Rulebook, Ruled

log = logging.getLogger(__name__)

_PROGRAM = f"from {rule_process.__name__} import main; main()"  # by -m its classes were others
TRIES = 3  # processes that a photograph may cost, as workers of a cluster
_PATIENCE_S = 300.0  # for one photograph; then its process hangs. Our starting value
_LOST_MOST = 10  # photographs in a row that no process survives: then something else is wrong


class RulePool:
    """Processes that judge by one rulebook; several threads may call it at once."""

    def __init__(self, rulebook: Rulebook, processes: int) -> None:
        """Start the processes.

        Raises:
            CatenaryError: If they do not start.
        """
        self._rulebook, self._lost = rulebook, 0
        self._idle: SimpleQueue[_Hand] = SimpleQueue()
        self._hands = [_Hand(rulebook) for _ in range(processes)]
        for hand in self._hands:
            hand.require()
            self._idle.put(hand)
        self._threads = ThreadPoolExecutor(processes, "rules")  # they wait, processes work

    def __enter__(self) -> Self:
        """Give the pool for as long as a block lasts."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes; what they have begun is thrown away."""
        for hand in self._hands:
            hand.leave()
        self._threads.shutdown(cancel_futures=True)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids, for tests and operators."""
        return tuple(hand.pid for hand in self._hands)

    def __call__(self, photographs: Sequence[Located]) -> list[Ruled | None]:
        """Return what the rules say of each photograph.

        Returns:
            None for one that `TRIES` processes were lost at.

        Raises:
            RuntimeError: If a rule raised an error.
            CatenaryError: If processes are lost at every photograph.
        """
        return list(self._threads.map(self._ruled, photographs))

    def _ruled(self, one: Located) -> Ruled | None:
        hand = self._idle.get()
        try:
            answer = hand.asked(one)
        finally:
            self._idle.put(hand)
        if isinstance(answer, Raised):
            raise RuntimeError(f"a rule failed in its process:\n{answer.trace}")
        self._count(is_lost=answer is None)
        return answer

    def _count(self, *, is_lost: bool) -> None:
        self._lost = self._lost + 1 if is_lost else 0
        if self._lost >= _LOST_MOST:
            raise CatenaryError(
                f"rule processes were lost at {self._lost} photographs in a row; see whether the "
                "machine is short of memory, or scan with --rule-processes 0"
            )


class _Hand:
    """One process and the memory that is shared with it; a lost process is replaced."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._file = _nameless_file()
        self._memory: mmap.mmap | None = None
        self._is_new = self._is_over = False
        self._begin()

    @property
    def pid(self) -> int:
        return self._process.pid

    def require(self) -> None:
        """Wait until the process is ready.

        Raises:
            CatenaryError: If it never is.
        """
        try:
            self._received()
        except (EOFError, OSError) as error:
            self._process.kill()
            raise CatenaryError(
                f"a process for rules did not start (exit code {self._process.wait()}); "
                "scan with --rule-processes 0"
            ) from error

    def asked(self, one: Located) -> Answer | None:
        """Return the answer, or None if the processes die of it.

        Raises:
            CatenaryError: If the pool is closed meanwhile.
        """
        height, width = one.pixels.shape
        self._lay(one)
        for _ in range(TRIES):
            try:
                if self._is_new:
                    self._received()
                    self._is_new = False
                self._pipe.send(Task(height, width, one.components))
                return self._received()
            except (EOFError, OSError):
                self._replace()
        return None

    def leave(self) -> None:
        """End the process; the pool is closed."""
        self._is_over = True
        self._process.kill()  # it holds nothing that must be kept
        self._process.wait()

    def _received(self) -> Answer | None:
        if not self._pipe.poll(_PATIENCE_S):
            raise EOFError
        answer: Answer | None = self._pipe.recv()
        return answer

    def _lay(self, one: Located) -> None:
        """Copy the pixels into the shared memory, which grows to the largest photograph."""
        size = one.pixels.size
        if self._memory is None or len(self._memory) < size:
            os.posix_fallocate(self._file, 0, size)  # an error here, no crash at the first write
            self._memory = mmap.mmap(self._file, size)
        shared = np.frombuffer(self._memory, np.uint8, size).reshape(one.pixels.shape)
        np.copyto(shared, one.pixels)

    def _begin(self) -> None:
        self._pipe, theirs = Pipe()
        numbers = (theirs.fileno(), self._file)
        told = {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, "-P", "-c", _PROGRAM, *map(str, numbers)],
            pass_fds=numbers,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what a scan prints is for scripts
        )
        theirs.close()
        with suppress(OSError):  # it died at once: `require` says so
            self._pipe.send(self._rulebook)

    def _replace(self) -> None:
        if self._is_over:
            raise CatenaryError("the scan is over; its rule processes are ended")
        self._process.kill()  # if it hangs
        code = self._process.wait()
        log.warning(
            "a process for rules was lost (exit code %d); its photograph is judged again", code,
            extra={"event": "rule_process_lost", "exit_code": code},
        )  # fmt: skip
        self._pipe.close()
        self._begin()
        self._is_new = True


def _nameless_file() -> int:
    """Return the number of a new file in memory that nothing has to remove."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("catenary-rules")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
