import os
import sys
from pathlib import Path

import pytest

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.runs.files import LocalFiles
from tests.runs import examples


def walked(root: Path) -> list[str]:
    return list(LocalFiles(root).walk())


def test_images_of_every_ending_are_listed_in_order(tmp_path: Path):
    names = ["z.jpg", "a/2.JPG", "a/10.Jpeg", "b/c/d.PNG", "b/x.bmp", "y.tif", "站/杆号.TIFF"]
    examples.files(tmp_path, *names, "notes.txt", "Thumbs.db", "jpg", "b/c/e.jpg.part")
    assert walked(tmp_path) == [
        "y.tif", "z.jpg", "a/10.Jpeg", "a/2.JPG", "b/x.bmp", "b/c/d.PNG", "站/杆号.TIFF",
    ]  # fmt: skip


def test_odd_names_are_read(tmp_path: Path):
    deep = "/".join(["很深的文件夹" * 10] * 4)
    names = ["two\nlines.jpg", "% ?#&.jpg", f"{deep}/{'x' * 200}.jpg", " .jpg", ".jpg", "\\x41.jpg"]
    examples.files(tmp_path, *names)
    files = LocalFiles(tmp_path)
    assert sorted(files.walk()) == sorted(names)
    for number, name in enumerate(names):
        assert files.read(name) == examples.picture(number)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps names that are no UTF-8")
def test_names_from_a_gbk_archive_are_text_and_readable(tmp_path: Path):
    name = "杆号.jpg".encode("gbk")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"content")
    (path,) = walked(tmp_path)
    assert path.encode().startswith(b"\\xb8")
    assert LocalFiles(tmp_path).read(path) == b"content"


def test_links_in_a_circle_end(tmp_path: Path):
    root = examples.files(tmp_path / "run", "a/1.jpg")
    examples.files(tmp_path / "other run", "2.jpg")
    for number, target in enumerate((root, tmp_path, root / "a", root / "a" / "link4")):
        (root / "a" / f"link{number}").symlink_to(target, target_is_directory=True)
    (root / "self.jpg").symlink_to(root / "self.jpg")
    assert walked(root) == ["self.jpg", "a/1.jpg"]


def test_folders_elsewhere_are_followed_once(tmp_path: Path):
    examples.files(tmp_path / "disk", "1.jpg", "in/2.jpg")
    root = examples.files(tmp_path / "run")
    (root / "a").symlink_to(tmp_path / "disk")
    (root / "b").symlink_to(tmp_path / "disk" / "in")
    (tmp_path / "disk" / "back").symlink_to(root)
    assert sorted(Path(path).name for path in walked(root)) == ["1.jpg", "2.jpg"]


def test_a_dangling_link_is_listed_and_missing(tmp_path: Path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert walked(tmp_path) == ["gone.jpg"]
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg is missing") as caught:
        LocalFiles(tmp_path).read("gone.jpg")
    assert caught.value.code == "missing"


def test_what_would_block_is_listed_and_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    assert walked(tmp_path) == ["endless.jpg", "pipe.jpg"]
    for name in walked(tmp_path):
        with pytest.raises(UnreadableImageError, match="is no file but a pipe, socket or device"):
            LocalFiles(tmp_path).read(name)
    with pytest.raises(UnreadableImageError, match="cannot be read") as caught:
        LocalFiles(tmp_path).read("folder.jpg")
    assert caught.value.code == "damaged"


def test_names_with_the_letters_of_an_escaped_byte_are_told_apart(tmp_path: Path):
    raw = [b"\xd6.jpg", b"\\xd6.jpg", b"\\x5cxd6.jpg", b"\\x41.jpg"]
    for name in raw:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    files = LocalFiles(tmp_path)
    assert "\\x41.jpg" in set(files.walk())
    assert sorted(files.read(name) for name in files.walk()) == sorted(raw)


def test_a_folder_that_cannot_be_listed_stops_the_listing(tmp_path: Path):
    with pytest.raises(SourceError, match=r"cannot list folder .*gone"):
        walked(tmp_path / "gone")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_locked(tmp_path: Path):
    examples.files(tmp_path, "1.jpg")
    (tmp_path / "1.jpg").chmod(0)
    with pytest.raises(UnreadableImageError) as caught:
        LocalFiles(tmp_path).read("1.jpg")
    assert caught.value.code == "locked"


def test_a_stamp_changes_with_the_file_and_with_nothing_else(tmp_path: Path):
    examples.files(tmp_path, "a.jpg", "b.jpg")
    files = LocalFiles(tmp_path)
    before = files.stamp("a.jpg"), files.stamp("b.jpg")
    assert all(before)
    assert (files.stamp("a.jpg"), files.stamp("b.jpg")) == before
    os.utime(tmp_path / "a.jpg", (1, 1))
    assert files.stamp("a.jpg") != before[0]
    (tmp_path / "b.jpg").write_bytes(b"more than there was before")
    assert files.stamp("b.jpg") != before[1]
    assert files.stamp("nowhere.jpg") == ""
