from datetime import datetime
from pathlib import Path

import pytest

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.runs.plain import PlainLayout, PlainRun, open_image
from tests.runs import examples

HEADER = "file_name,image_id,camera,view,line,direction,section,mast,kilometre_m,taken_at\n"


def opened(root: Path, manifest: str = "", encoding: str = "utf-8") -> PlainRun:
    if manifest:
        (root / "manifest.csv").write_bytes(manifest.encode(encoding))
    return PlainLayout().open(root)


def test_every_photograph_is_listed_by_its_path(tmp_path: Path):
    root = examples.files(tmp_path / "run", "2.jpg", "b/1.PNG", "notes.txt")
    (root / "empty.jpg").write_bytes(b"")
    (root / "garbage.tif").write_bytes(b"garbage")
    source = opened(root)
    assert [ref.image_id for ref in source.frames()] == [
        "2.jpg", "empty.jpg", "garbage.tif", "b/1.PNG",
    ]  # fmt: skip
    assert examples.contents(source) == [
        examples.picture(0), b"", b"garbage", examples.picture(1),
    ]  # fmt: skip
    assert source.description.name == "run"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_manifest_gives_every_fact(tmp_path: Path, encoding: str):
    root = examples.files(tmp_path / "run", "站/a.jpg", "b.jpg")
    source = opened(
        root,
        HEADER
        + "站\\a.jpg,id-1,7,dropper,京广线,上行, 站A ,Y035 _1 ,K1347+953,2022-03-06T23:26:50.844\n"
        + "\n"
        + "b.jpg,,,,,,,,,\n",
        encoding,
    )
    first, second = source.frames()
    assert first == ImageRef(
        "run", "id-1", "站/a.jpg", "站/a.jpg", "7", "dropper",
        Mast("京广线", Direction.UP, "站A", "Y035 _1"), 1_347_953.0,
        datetime.fromisoformat("2022-03-06 23:26:50.844"),
    )  # fmt: skip
    assert second == ImageRef("run", "b.jpg", "b.jpg", "b.jpg")
    assert examples.contents(source) == [examples.picture(0), examples.picture(1)]


def test_missing_and_unlisted_files_are_both_frames(tmp_path: Path):
    root = examples.files(tmp_path, "a.jpg", "b.jpg")
    source = opened(root, "file_name,image_id\ngone.jpg,a.jpg\nb.jpg,\n")
    refs = list(source.frames())
    assert [ref.image_id for ref in refs] == ["a.jpg", "b.jpg", "./a.jpg"]
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg is missing") as caught:
        source.read(refs[0])
    assert caught.value.code == "missing"
    assert source.read(refs[2]) == examples.picture(0)


def test_manifest_alone_is_a_run_of_missing_files(tmp_path: Path):
    (tmp_path / "manifest.csv").write_text("file_name\ngone.jpg\n")
    assert PlainLayout().recognises(tmp_path)
    assert len(list(opened(tmp_path).frames())) == 1


def test_every_bad_row_is_named(tmp_path: Path):
    rows = (
        "a.jpg,,,,,sideways,,1,,\n",
        "b.jpg,,,,,,,,here,\n",
        "c.jpg,,,,,,,,,yesterday\n",
        "../d.jpg,,,,,,,,,\n",
        "/e.jpg,,,,,,,,,\n",
        "C:\\f.jpg,,,,,,,,,\n",
        ",,,,,,,,,\n",
        "g.jpg\n",
        "h.jpg,same,,,,,,,,\n",
        "i.jpg,same,,,,,,,,\n",
        "h.jpg,,,,,,,,,\n",
    )
    with pytest.raises(SourceError) as caught:
        opened(tmp_path, HEADER + "".join(rows))
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("manifest.csv is not a valid manifest:")
    expected = [
        "line 2: direction 'sideways'", "line 3: kilometre_m 'here'", "line 4: taken_at 'yesterday",
        "line 5: file_name '../d.jpg' is no path", "line 6: file_name '/e.jpg'",
        "line 7: file_name 'C:", "line 8: file_name '' is no path",
        "line 9: 1 cells, the header has 10", "line 11: image_id 'same' is used twice",
        "line 12: file_name 'h.jpg' is listed twice",
    ]  # fmt: skip
    assert len(lines) == 1 + len(expected)
    for line, start in zip(lines[1:], expected, strict=True):
        assert line.strip().startswith(start)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("name\na.jpg\n", "needs the column file_name"),
        ("file_name,kilometer_m\na.jpg,1\n", "found file_name, kilometer_m"),
        ("file_name,file_name\na.jpg,a.jpg\n", "each once"),
        ("\n", "found nothing"),
        ('file_name\n"a.jpg\n', "unexpected end of data"),
    ],
)
def test_manifest_of_another_form_is_refused(tmp_path: Path, manifest: str, message: str):
    with pytest.raises(SourceError, match=message):
        opened(tmp_path, manifest)


def test_manifest_in_gbk_says_how_to_save_it(tmp_path: Path):
    with pytest.raises(SourceError, match=r"not UTF-8 .* save it as UTF-8"):
        opened(tmp_path, "file_name\n杆号.jpg\n", "gbk")


def test_columns_that_the_folder_tells_are_passed_over(tmp_path: Path):
    (ref,) = opened(tmp_path, "run,location,file_name\nx,y,a.jpg\n").frames()
    assert (ref.run, ref.location) == (tmp_path.name, "a.jpg")


def test_names_with_newlines_and_commas_are_quoted(tmp_path: Path):
    root = examples.files(tmp_path, "two\nlines, one name.jpg")
    source = opened(root, 'file_name,mast\n"two\nlines, one name.jpg",D046\n')
    (ref,) = source.frames()
    assert ref.mast is not None
    assert source.read(ref) == examples.picture(0)


def test_single_photograph_is_a_run_of_one(tmp_path: Path):
    examples.files(tmp_path, "a.jpg", "b.JPG", "c.txt")
    source = open_image(tmp_path / "b.JPG")
    (ref,) = source.frames()
    assert (ref.run, ref.image_id, source.read(ref)) == ("b", "b.JPG", examples.picture(1))
    with pytest.raises(SourceError, match="neither a folder nor a photograph"):
        open_image(tmp_path / "c.txt")


def test_folder_without_photographs_is_refused(tmp_path: Path):
    examples.files(tmp_path, "notes.txt")
    assert not PlainLayout().recognises(tmp_path)
    with pytest.raises(SourceError, match="holds no photograph"):
        opened(tmp_path)
