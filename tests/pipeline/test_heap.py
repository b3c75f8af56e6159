"""Memory that a scan gives back is there when it asks again."""

import subprocess
import sys

import pytest

from catenary.pipeline import heap

# In a process of its own, since the setting is the process's; in a thread, as judges are. Prints
# how many pages the system had to clear for the second to the tenth piece of a size.
_PROBE = """
import resource, sys, threading
import numpy as np
from catenary.pipeline import heap

def faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def take():
    for mib in (11, 25, 67):
        for number in range(10):
            if number == 1:
                first = faults()
            np.full(mib << 20, 1, np.uint8)
        print(faults() - first)

if sys.argv[1] == "keep":
    assert heap.keep()
thread = threading.Thread(target=take)
thread.start()
thread.join()
"""


def _cleared(how: str) -> list[int]:
    command = [sys.executable, "-c", _PROBE, how]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def test_the_same_memory_is_taken_again_without_the_system():
    if not heap.keep():
        pytest.skip("another C library than GNU's")
    assert max(_cleared("keep")) < 10


def test_without_it_the_system_clears_large_pieces_each_time():
    if not heap.keep():
        pytest.skip("another C library than GNU's")
    assert min(_cleared("leave")) > 100  # else there is nothing to keep


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heap.platform, "libc_ver", lambda: ("", ""))
    assert not heap.keep()
