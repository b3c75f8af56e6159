"""Runs in an S3 bucket, over HTTP from a real server on this machine."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from catenary.domain.errors import SourceError, SourceGoneError, UnreadableImageError
from catenary.runs.discover import open_source
from catenary.runs.mast_folders import MastFolderForm
from tests.runs import examples

BUCKET = "runs"
# The libraries' own: what they will change, and sockets to a server that was stopped.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Store:
    """An S3 server that can be stopped and started again, on the same port."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer("127.0.0.1", port=0)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = boto3.client("s3", endpoint_url=self.url, region_name="us-east-1")
        self.client.create_bucket(Bucket=BUCKET)

    def upload(self, root: Path) -> str:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            key = f"{root.name}/{path.relative_to(root).as_posix()}"
            self.client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        return f"s3://{BUCKET}/{root.name}"

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        self.server = ThreadedMotoServer("127.0.0.1", port=self.port)
        self.server.start()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    opened = Store()
    monkeypatch.setenv("AWS_ENDPOINT_URL", opened.url)
    S3FileSystem.clear_instance_cache()
    yield opened
    S3FileSystem.clear_instance_cache()
    opened.stop()


def test_a_run_in_a_bucket_reads_as_on_a_disk(store: Store, tmp_path: Path):
    root = examples.mast_folders(tmp_path, MastFolderForm.KILOMETRE)
    local, remote = open_source(root), open_source(store.upload(root))
    assert remote.description.layout == local.description.layout
    assert remote.description.source == f"s3://{BUCKET}/{root.name}"
    assert list(remote.frames()) == list(local.frames())
    assert examples.contents(remote) == examples.contents(local)


def test_a_photograph_replaced_in_the_bucket_has_another_stamp(store: Store, tmp_path: Path):
    url = store.upload(examples.files(tmp_path / "run", "a.jpg", "b.jpg"))
    source = open_source(url)
    before = {ref.file_name: source.stamp(ref) for ref in source.frames()}
    assert all(before.values())
    store.client.put_object(Bucket=BUCKET, Key="run/a.jpg", Body=b"another")
    S3FileSystem.clear_instance_cache()  # as in the next scan: listings are kept in memory
    source = open_source(url)
    after = {ref.file_name: source.stamp(ref) for ref in source.frames()}
    assert after["a.jpg"] != before["a.jpg"]
    assert after["b.jpg"] == before["b.jpg"]


def test_a_photograph_deleted_from_the_bucket_is_missing(store: Store, tmp_path: Path):
    source = open_source(store.upload(examples.files(tmp_path / "run", "a.jpg", "b.jpg")))
    ref = next(source.frames())
    store.client.delete_object(Bucket=BUCKET, Key="run/a.jpg")
    with pytest.raises(UnreadableImageError) as caught:
        source.read(ref)
    assert caught.value.code == "missing"


def test_a_server_that_stops_is_gone_and_comes_back(store: Store, tmp_path: Path):
    source = open_source(store.upload(examples.files(tmp_path / "run", "a.jpg", "b.jpg")))
    ref = next(source.frames())
    content = source.read(ref)
    store.stop()
    with pytest.raises(SourceGoneError, match="check the connection"):
        source.read(ref)
    store.restart()
    assert source.read(ref) == content


def test_a_bucket_that_is_not_there_is_one_sentence(store: Store):
    with pytest.raises(SourceError, match="cannot list s3://nowhere/run"):
        open_source("s3://nowhere/run")
