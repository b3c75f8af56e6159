import zipfile
from pathlib import Path

import pytest

from catenary.imaging import packed

PICTURES = {"9b1c-0.jpg": b"\xff\xd8 first \xff\xd9", "夜-1.jpg": b"\xff\xd8 second \xff\xd9"}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "3f2a.zip"
    path.write_bytes(packed.packed(PICTURES))
    return path


def test_pictures_come_back_out_of_a_pack(pack: Path):
    assert {name: packed.read(pack / name) for name in PICTURES} == PICTURES


def test_any_tool_opens_a_pack(pack: Path):
    with zipfile.ZipFile(pack) as opened:
        assert opened.namelist() == list(PICTURES)
        assert {one.compress_type for one in opened.infolist()} == {zipfile.ZIP_STORED}


def test_the_same_pictures_are_the_same_bytes():
    assert packed.packed(PICTURES) == packed.packed(dict(PICTURES))


def test_a_picture_of_its_own_is_read_as_it_is(tmp_path: Path):
    (tmp_path / "7.jpg").write_bytes(b"seven")
    assert packed.read(tmp_path / "7.jpg") == b"seven"


def cut(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes()[:-5])


def spoil(pack: Path) -> None:
    content = pack.read_bytes()
    pack.write_bytes(content.replace(b" first ", b" worst "))


def empty(pack: Path) -> None:
    pack.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, spoil, empty, Path.unlink])
def test_a_damaged_pack_gives_no_picture_but_one_that_was_drawn_again(pack: Path, harm):
    harm(pack)
    with pytest.raises(OSError, match="No such file"):
        packed.read(pack / "9b1c-0.jpg")
    packed.loose(pack / "9b1c-0.jpg").write_bytes(b"again")
    assert packed.read(pack / "9b1c-0.jpg") == b"again"


def test_a_picture_that_a_pack_never_had_is_missing(pack: Path):
    with pytest.raises(OSError, match=r"other\.jpg"):
        packed.read(pack / "other.jpg")
