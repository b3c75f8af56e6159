import errno
from pathlib import Path

import pytest

from catenary.datasets.whole_file import unwritable, whole_file
from catenary.domain.errors import StoreError


def test_a_file_is_replaced_only_when_all_is_written(tmp_path):
    path = tmp_path / "labels.json"
    path.write_bytes(b"old")
    with whole_file(path) as file:
        file.write(b"new, in two ")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"pieces")
    assert path.read_bytes() == b"new, in two pieces"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "labels.json"
    path.write_bytes(b"old")
    (tmp_path / ".labels.json.partial").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="No space left"), whole_file(path) as file:
        file.write(b"half of it")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space and"), (errno.EACCES, "check the place and its rights and")],
)
def test_the_remedy_fits_the_cause(number, remedy):
    assert remedy in str(unwritable(Path("set"), OSError(number, "why")))
