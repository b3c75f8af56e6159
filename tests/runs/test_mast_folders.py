from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.errors import SourceError
from catenary.domain.place import Direction, Mast
from catenary.runs.files import LocalFiles
from catenary.runs.mast_folders import (
    MastFolderForm,
    MastFoldersLayout,
    ShotName,
    open_files,
    parse_shot_name,
)
from catenary.runs.mast_folders_writer import write_mast_folders
from tests.runs import examples

FORMS = list(MastFolderForm)
NUMBERS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)
PARTS = st.text(st.characters(exclude_characters="/_", exclude_categories=["Cs"]))


@given(
    clock=st.times(), kilometre=PARTS, mast=NUMBERS, zone=PARTS, camera=PARTS,
)  # fmt: skip
def test_shot_names_read_back(clock: time, kilometre: str, mast: str, zone: str, camera: str):
    clock = clock.replace(microsecond=clock.microsecond // 1000 * 1000)
    name = ShotName(clock, f"K{kilometre}", mast, zone, camera)
    assert parse_shot_name(str(name)) == name


@given(stem=st.text())
def test_any_file_name_can_be_read(stem: str):
    parse_shot_name(stem)


def test_sample_of_the_capture_side_is_read():
    name = ShotName(time(11, 56, 0, 414000), "K5778", "Z2-25", "6", "13")
    assert parse_shot_name("115600414_K5778_Z2-25_6_13") == name


@pytest.mark.parametrize("stem", ["255600414_K5778_Z_6_13", "11560041_K5778_Z_6_13", "x", "1_2"])
def test_other_names_are_not_taken(stem: str):
    assert parse_shot_name(stem) is None


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_read_back(tmp_path: Path, form: MastFolderForm):
    root = examples.mast_folders(tmp_path, form)
    source = MastFoldersLayout().open(root)
    found = {
        source.read(ref): (ref.mast, ref.camera, ref.kilometre_m, ref.taken_at)
        for ref in source.frames()
    }
    has_post = form is MastFolderForm.KILOMETRE
    assert found == {
        data: (ref.mast, ref.camera, ref.kilometre_m if has_post else None, ref.taken_at)
        for ref, data in examples.items()
    }
    refs = list(source.frames())
    assert len({ref.image_id for ref in refs}) == len(refs) == 8
    assert refs == list(MastFoldersLayout().open(root).frames())
    assert source.description.line == "沪蓉"


def test_kilometre_text_is_read_as_kilometres(tmp_path: Path):
    root = examples.files(
        tmp_path / examples.TASK,
        "浦口站/K5778_Z2-25/115600414_K5778_Z2-25_6_13.jpg",
        "浦口站/K1347+953_U5_2/235600414_K1347+953_U5_2_6_7.JPG",
    )
    second, first = MastFoldersLayout().open(root).frames()
    assert first.mast == Mast("沪蓉", Direction.DOWN, "浦口站", "Z2-25")
    assert (first.kilometre_m, first.camera) == (5_778_000.0, "13")
    assert first.taken_at == datetime.fromisoformat("2022-03-07 11:56:00.414")
    assert second.mast == Mast("沪蓉", Direction.DOWN, "浦口站", "U5_2")
    assert (second.kilometre_m, second.camera) == (1_347_953.0, "7")
    assert second.taken_at == datetime.fromisoformat("2022-03-06 23:56:00.414")
    assert second.image_id == "浦口站/K1347+953_U5_2/235600414_K1347+953_U5_2_6_7.JPG"


def test_shot_moved_to_another_mast_belongs_to_its_folder(tmp_path: Path):
    root = examples.files(tmp_path / "run", "站/K1_D047 /235600414_K2_D046_6_7.jpg")
    (ref,) = MastFoldersLayout().open(root).frames()
    assert ref.mast == Mast("", Direction.OTHER, "站", "D047")
    assert ref.kilometre_m == 1000.0
    assert ref.taken_at is None


def test_pictures_that_fit_no_name_are_listed_without_facts(tmp_path: Path):
    root = examples.mast_folders(tmp_path, MastFolderForm.FILETIME)
    examples.files(
        root,
        "overview.jpg",
        "站/D046/notes.png",
        "站/D046/99-1.jpg",
        "a/b/132910828108440000-1.d/1.bmp",
    )
    refs = list(MastFoldersLayout().open(root).frames())
    assert len(refs) == 12
    assert sum(ref.mast is None and ref.taken_at is None for ref in refs) == 4


def test_folders_without_the_form_are_refused(tmp_path: Path):
    root = examples.files(tmp_path, "站/D046/1.jpg", "132910828108440000-1.jpg")
    assert not MastFoldersLayout().recognises(root)
    with pytest.raises(SourceError, match="no mast folders; looked for section/K<km>_<mast>"):
        open_files(LocalFiles(root), "run", "here")


def test_unknown_post_stays_unknown(tmp_path: Path):
    ref, data = examples.items(1)[0]
    bare = replace(ref, kilometre_m=None)
    write_mast_folders(tmp_path / examples.TASK, [(bare, data)], MastFolderForm.KILOMETRE)
    (found,) = MastFoldersLayout().open(tmp_path / examples.TASK).frames()
    assert found.kilometre_m is None
    assert found.mast == ref.mast


def test_colon_in_a_mast_number_becomes_a_dash_in_the_second_form(tmp_path: Path):
    ref, data = examples.items(1)[0]
    assert ref.mast is not None
    item = (replace(ref, mast=replace(ref.mast, number="Z2:25")), data)
    write_mast_folders(tmp_path / examples.TASK, [item], MastFolderForm.FILETIME)
    (found,) = MastFoldersLayout().open(tmp_path / examples.TASK).frames()
    assert found.mast is not None
    assert found.mast.number == "Z2-25"
    with pytest.raises(ValueError, match="'K1347\\+953_Z2:25' cannot be part of a file name"):
        write_mast_folders(tmp_path / "x" / examples.TASK, [item], MastFolderForm.KILOMETRE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unknown", [{"mast": None}, {"taken_at": None}])
def test_photograph_without_mast_or_time_is_refused(
    tmp_path: Path, form: MastFolderForm, unknown: dict[str, None]
):
    ref, data = examples.items(1)[0]
    item = (replace(ref, **unknown), data)
    with pytest.raises(ValueError, match="need mast and time, 'photo-0' lacks one"):
        write_mast_folders(tmp_path / examples.TASK, [item], form)
    assert list(tmp_path.iterdir()) == []


def test_folder_name_that_loses_line_or_day_is_refused(tmp_path: Path):
    first, second = FORMS
    with pytest.raises(ValueError, match="would be read with mast /other/"):
        write_mast_folders(tmp_path / "run", examples.items(1), second)
    with pytest.raises(ValueError, match="would be read with taken_at None"):
        write_mast_folders(tmp_path / "沪蓉_下行", examples.items(1), first)


def test_writer_leaves_nothing_after_an_error(tmp_path: Path):
    def failing() -> Iterator[examples.Item]:
        yield from examples.items(3)
        raise OSError(28, "No space left on device")

    with pytest.raises(SourceError, match="No space left on device"):
        write_mast_folders(tmp_path / examples.TASK, failing(), MastFolderForm.KILOMETRE)
    with pytest.raises(ValueError, match="two photographs would be named 235959844_"):
        write_mast_folders(
            tmp_path / examples.TASK, examples.items(1) * 2, MastFolderForm.KILOMETRE
        )
    assert list(tmp_path.iterdir()) == []


def test_writer_does_not_touch_a_folder_in_use(tmp_path: Path):
    root = examples.files(tmp_path / examples.TASK, "old.jpg")
    before = examples.snapshot(tmp_path)
    with pytest.raises(SourceError, match="in use; name a new folder"):
        write_mast_folders(root, examples.items(), MastFolderForm.KILOMETRE)
    assert examples.snapshot(tmp_path) == before


def test_writer_takes_an_empty_folder_and_keeps_usual_rights(tmp_path: Path):
    root = tmp_path / examples.TASK
    root.mkdir()
    write_mast_folders(root, examples.items(), MastFolderForm.KILOMETRE)
    (tmp_path / "usual").mkdir()
    assert root.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert len(list(root.rglob("*.jpg"))) == 8
