"""Nodes of a Ray cluster as processes of this machine, each of which can be killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.jobs import quick

_START = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start"]
_OPTIONS = (
    "--block", "--num-cpus=1", f"--object-store-memory={100 * 2**20}", "--disable-usage-stats",
    "--min-worker-port=0", "--max-worker-port=0",
)  # fmt: skip


def environment(token: str, **more: str) -> Mapping[str, str]:
    """Return the environment of nodes and scans that shall trust each other."""
    own = {"PYTHONPATH": str(quick.ROOT), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    return os.environ | own | more


@dataclass
class Cluster:
    """Nodes of one core; the first holds the cluster together.

    Each has a loopback address of its own, as machines have.
    """

    folder: Path
    environment: Mapping[str, str]
    nodes: list[subprocess.Popen[str]] = field(default_factory=list)
    address: str = ""

    def start(self) -> None:
        """Start a node, and wait until it is there."""
        if self.nodes:
            options = [f"--address={self.address}"]
        else:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            self.address = f"127.0.0.1:{port}"
            options = ["--head", f"--port={port}", f"--temp-dir={self.folder}"]
            options += ["--include-dashboard=false"]
        own = f"--node-ip-address=127.0.0.{len(self.nodes) + 1}"
        node = subprocess.Popen(
            [*_START, *options, own, *_OPTIONS],
            cwd=quick.ROOT, env=self.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.nodes.append(node)
        told = ""
        assert node.stdout is not None
        for line in node.stdout:
            told += line
            if "--block" in line:
                return
        raise AssertionError(told)

    def kill(self, number: int) -> None:
        """End a node and all its workers at once, as a power cut does."""
        node = self.nodes[number]
        if node.poll() is not None:
            return
        for pid in [node.pid, *_descendants(node.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        node.wait()
        assert node.stdout is not None
        node.stdout.close()


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found


@contextmanager
def cluster(environment: Mapping[str, str], nodes: int) -> Iterator[Cluster]:
    """Give a cluster of so many nodes; they are killed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # paths of sockets are short
    made = Cluster(folder, environment)
    try:
        for _ in range(nodes):
            made.start()
        yield made
    finally:
        for number in reversed(range(len(made.nodes))):
            made.kill(number)
        shutil.rmtree(folder, ignore_errors=True)
