"""A run that cannot be reached is not a run of missing photographs."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from catenary.domain.errors import SourceGoneError, UnreadableImageError
from catenary.runs import presence
from catenary.runs.discover import open_source
from tests.runs import examples


def test_one_missing_photograph_is_missing(tmp_path: Path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    source = open_source(tmp_path)
    ref = next(source.frames())
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(UnreadableImageError) as caught:
        source.read(ref)
    assert caught.value.code == "missing"


@pytest.mark.parametrize("is_mount_point_left", [True, False])
def test_an_unmounted_share_is_gone_and_comes_back(is_mount_point_left: bool, tmp_path: Path):
    root, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"picture")
    source = open_source(root)
    ref = next(source.frames())
    root.rename(elsewhere)
    if is_mount_point_left:
        root.mkdir()
    with pytest.raises(SourceGoneError, match="check the network"):
        source.read(ref)
    if is_mount_point_left:
        root.rmdir()
    elsewhere.rename(root)
    assert source.read(ref) == b"picture"


@pytest.mark.parametrize("code", [errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN])
def test_a_lost_connection_is_told_by_its_error(code: int, tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    presence.require(tmp_path, OSError(errno.EIO, os.strerror(errno.EIO)))  # one bad sector
    with pytest.raises(SourceGoneError):
        presence.require(tmp_path, OSError(code, os.strerror(code)))


def test_a_workstation_package_that_is_gone_is_gone(tmp_path: Path):
    root = examples.workstation(tmp_path)
    source = open_source(root)
    ref = next(source.frames())
    shutil.move(root, tmp_path / "elsewhere")
    with pytest.raises(SourceGoneError):
        source.read(ref)
