"""A process that judges photographs by the rules alone: started by `rule_pool`, needs no torch.

Its arguments are the number of a pipe and of a file in memory that both were inherited. The pixels
of a photograph lie in that file, which has no name: it is gone when the last process that
knows it is, however that ended.
"""

import mmap
import os
import select
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component
from catenary.pipeline.rulebook import Located, Rulebook, Ruled


@dataclass(frozen=True, slots=True)
class Task:
    """A photograph whose pixels lie in the file; what is sent through the pipe.

    Attributes:
        height: px.
        width: px.
        components: Located in it.
    """

    height: int
    width: int
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """A rule raised an error: a mistake in the program, never the fault of a photograph."""

    trace: str


Answer = Ruled | Raised


def main() -> None:
    """Answer until the other end is closed, and end with it whatever is at work."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of a group: the scan decides
        signal.signal(number, signal.SIG_IGN)
    pipe, memory = Connection(int(sys.argv[1])), _Memory(int(sys.argv[2]))
    threading.Thread(target=_end_with, args=(pipe.fileno(),), daemon=True).start()
    cv2.setNumThreads(1)  # one core a process; more only compete
    with suppress(EOFError, OSError):  # the scan is over
        rulebook: Rulebook = pipe.recv()
        pipe.send(None)
        while True:
            pipe.send(_answer(rulebook, pipe.recv(), memory))


def _end_with(pipe: int) -> None:
    """End when the other end of the pipe is closed, be it by a kill."""
    waiting = select.poll()
    waiting.register(pipe, 0)  # wakes for a hang-up alone
    waiting.poll()
    os._exit(0)


class _Memory:
    """The file in memory; it grows to the largest photograph."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._map: mmap.mmap | None = None

    def pixels(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return (height, width) uint8 that cannot be written to."""
        size = height * width
        if self._map is None or len(self._map) < size:
            self._map = mmap.mmap(self._file, size, prot=mmap.PROT_READ)
        return np.frombuffer(self._map, np.uint8, size).reshape(height, width)


def _answer(rulebook: Rulebook, task: Task, memory: _Memory) -> Answer:
    try:
        return rulebook(Located(memory.pixels(task.height, task.width), task.components))
    except Exception:  # noqa: BLE001 - of any kind, as an executor does
        return Raised(traceback.format_exc())
