"""Runs on an SFTP server, over SSH from a real one on this machine."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from catenary.domain.errors import SourceError, SourceGoneError, UnreadableImageError
from catenary.jobs.scanning import assemble
from catenary.runs import remote, sftp
from catenary.runs.discover import open_source
from catenary.runs.mast_folders import MastFolderForm
from catenary.runs.remote import RemoteFiles
from tests.jobs import quick
from tests.jobs.commands import catenary
from tests.runs import examples, sftp_server
from tests.runs.sftp_server import Server

# Connections that a stopped server left open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's home folder, and no agent."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path / "home"


@pytest.fixture
def server(tmp_path: Path, home: Path) -> Iterator[Server]:
    opened = sftp_server.opened(tmp_path / "served", home)
    yield opened
    opened.end()


def test_a_run_on_a_server_reads_as_on_a_disk(server: Server):
    root = examples.mast_folders(server.folder, MastFolderForm.KILOMETRE)
    local, there = open_source(root), open_source(server.url(root.name))
    assert there.description.layout == local.description.layout
    assert list(there.frames()) == list(local.frames())
    assert examples.contents(there) == examples.contents(local)


def test_a_password_lets_in_and_is_told_nobody(server: Server, home: Path):
    (home / ".ssh" / "id_ed25519").unlink()
    examples.files(server.folder / "run", "a.jpg")
    source = open_source(server.url("run", "inspector:secret"))
    assert source.description.source == server.url("run")
    assert [ref.file_name for ref in source.frames()] == ["a.jpg"]


def test_a_wrong_password_is_one_sentence_without_it(server: Server, home: Path):
    (home / ".ssh" / "id_ed25519").unlink()
    with pytest.raises(SourceError, match="ssh-add") as caught:
        open_source(server.url("run", "inspector:guess"))
    assert "guess" not in str(caught.value)


def test_a_server_nobody_knows_is_refused(server: Server, home: Path):
    (home / ".ssh" / "known_hosts").unlink()
    with pytest.raises(SourceError, match=r"cannot open sftp://.*fingerprint"):
        open_source(server.url("run"))


def test_a_server_with_another_key_than_known_is_refused(server: Server, home: Path):
    sftp_server.trust(home, server, asyncssh.generate_private_key("ssh-ed25519"))
    with pytest.raises(SourceError, match="another than there"):
        open_source(server.url("run"))


def test_without_its_package_nothing_else_takes_its_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sftp, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"pip install 'catenary\[sftp\]'"):
        open_source("sftp://inspector@127.0.0.1/run")


def test_a_server_that_stops_is_gone_and_comes_back(server: Server):
    examples.files(server.folder / "run", "a.jpg", "b.jpg")
    source = open_source(server.url("run"))
    ref = next(source.frames())
    content = source.read(ref)
    server.stop()
    with pytest.raises(SourceGoneError, match="check the connection"):
        source.read(ref)
    server.start()
    assert source.read(ref) == content


def test_a_lost_connection_is_made_anew_without_a_word(server: Server):
    examples.files(server.folder / "run", "a.jpg", "b.jpg")
    source = open_source(server.url("run"))
    first, second = source.frames()
    content = source.read(first)
    server.stop()
    server.start()
    assert source.read(first) == content
    assert source.read(second)


def test_a_run_is_listed_on_when_its_server_is_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    examples.files(server.folder / "run", "a/1.jpg", "b/2.jpg")
    frames = open_source(server.url("run")).frames()
    assert next(frames).file_name == "a/1.jpg"
    server.stop()
    paused: list[float] = []

    def wait(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 2:
            server.start()

    monkeypatch.setattr(remote.time, "sleep", wait)
    assert [ref.file_name for ref in frames] == ["b/2.jpg"]
    assert len(paused) >= 2


def test_a_photograph_deleted_from_the_server_is_missing(server: Server):
    source = open_source(server.url(examples.files(server.folder / "run", "a.jpg", "b.jpg").name))
    ref = next(source.frames())
    (server.folder / "run" / "a.jpg").unlink()
    with pytest.raises(UnreadableImageError) as caught:
        source.read(ref)
    assert caught.value.code == "missing"


def test_a_photograph_replaced_on_the_server_has_another_stamp(server: Server):
    examples.files(server.folder / "run", "a.jpg")
    source = open_source(server.url("run"))
    ref = next(source.frames())
    before = source.stamp(ref)
    (server.folder / "run" / "a.jpg").write_bytes(b"another")
    assert before
    assert source.stamp(ref) != before


def test_a_scan_waits_for_a_server_that_stops(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    quick.photographs(server.folder / "run", 6)
    monkeypatch.setattr(assemble, "judge", quick.judge)
    plain, reads, stops = RemoteFiles.read, itertools.count(1), threading.Lock()

    def read(files: RemoteFiles, path: str) -> bytes:
        if next(reads) == 3:
            server.stop()
        try:
            return plain(files, path)
        except SourceGoneError:
            with stops:  # two threads read
                server.start()
            raise

    monkeypatch.setattr(RemoteFiles, "read", read)
    workspace = str(tmp_path / "ws")
    done = catenary("scan", server.url("run"), "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    assert "the scan waits" in caplog.text
    (told,) = json.loads(catenary("runs", "--json", "--workspace", workspace).stdout)
    assert (told["images"], told["done"], told["failed"]) == (6, 6, 0)
    assert told["source"] == server.url("run")
