import logging
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.runs import readonly_db
from catenary.runs.sub_databases import SubDatabases
from catenary.runs.workstation import WorkstationLayout, WorkstationRun
from catenary.runs.workstation_index import repeated_keys
from catenary.runs.workstation_writer import write_workstation
from tests.runs import examples


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readonly_db, "BUSY_SECONDS", 0.05)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.rollback()


def code_of(run: WorkstationRun, number: int = 0) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        run.read(list(run.frames())[number])
    return caught.value.code


def test_what_was_written_is_read_back(tmp_path: Path):
    root = tmp_path / examples.TASK
    written = examples.items(9, cameras=("1", "02", "33"))
    write_workstation(root, written, sub_database_images=2)
    run = WorkstationRun(root)
    refs = list(run.frames())
    assert [examples.facts(ref) for ref in refs] == [examples.facts(ref) for ref, _ in written]
    assert [run.read(ref) for ref in refs] == [data for _, data in written]
    assert len({ref.image_id for ref in refs}) == 9
    assert refs == list(WorkstationRun(root).frames())
    assert len(list((root / "DB").glob("C02_*.subDb"))) == 2


def test_run_is_described_by_its_folder(tmp_path: Path):
    root = examples.workstation(tmp_path)
    description = WorkstationRun(root).description
    assert (description.name, description.layout) == (examples.TASK, "workstation")
    assert (description.line, description.direction) == ("沪蓉", "down")
    assert (description.date, description.source) == ("2022-03-06", str(root))


def test_date_may_stand_in_the_folder_above(tmp_path: Path):
    root = examples.workstation(tmp_path)
    moved = tmp_path / "2022-03-06" / "沪蓉_下行"
    moved.parent.mkdir()
    root.rename(moved)
    assert WorkstationRun(moved).description.date == "2022-03-06"


def test_reading_changes_and_leaves_nothing(tmp_path: Path):
    root = examples.workstation(tmp_path)
    geometry(root, "(1, 'D046', '站', 1000, 5300, -250, 80, 'JCXP_POLE')")
    before = examples.snapshot(tmp_path)
    run = WorkstationRun(root)
    assert len(examples.contents(run)) == 8
    assert len(run.geometry()) == 1
    assert examples.snapshot(tmp_path) == before
    run.close()
    assert examples.snapshot(tmp_path) == before


def test_write_ahead_databases_are_read_without_files_beside_them(tmp_path: Path):
    root = examples.workstation(tmp_path)
    for database in (root / "DB").iterdir():
        examples.execute(database, "PRAGMA journal_mode = WAL")
    before = examples.snapshot(tmp_path)
    assert len(examples.contents(WorkstationRun(root))) == 8
    assert examples.snapshot(tmp_path) == before
    assert not list(tmp_path.rglob("*-shm"))


def test_rows_that_wait_in_a_write_ahead_log_are_not_missed(tmp_path: Path):
    root = examples.workstation(tmp_path)
    index = root / "DB" / "index.db"
    with closing(sqlite3.connect(index)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO indexTB (imgKey, cID, SubDBID) VALUES ('late', '1', 0)")
        writer.commit()
        with pytest.raises(SourceError, match=r"changes waiting in index\.db-wal; close"):
            WorkstationRun(root)
    assert len(list(WorkstationRun(root).frames())) == 9


@pytest.mark.parametrize("name", ["with space", "50%25 #1?mode=rw", "很长" * 40, "a\nb", "ü;&=+"])
def test_package_is_found_below_odd_folders(tmp_path: Path, name: str):
    root = examples.workstation(tmp_path / name / ("d" * 100))
    assert examples.contents(WorkstationRun(root)) == [examples.picture(i) for i in range(8)]


@pytest.mark.parametrize("length", [0, 8, 64])
def test_picture_starts_behind_a_header_of_any_length(tmp_path: Path, length: int):
    root = examples.workstation(tmp_path, examples.items(1))
    stored(root, b"\x08" * length + examples.picture(0))
    assert examples.contents(WorkstationRun(root)) == [examples.picture(0)]


def test_start_of_a_picture_is_not_taken_from_the_header(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    stored(root, b"\xff\xd8\0\0\0\0\0\0" + examples.picture(0))
    assert examples.contents(WorkstationRun(root)) == [examples.picture(0)]


@pytest.mark.parametrize("picture", [examples.picture(0), b"\xff\xd8 cut short"])
def test_start_of_a_picture_may_stand_right_behind_64_bytes(tmp_path: Path, picture: bytes):
    root = examples.workstation(tmp_path, examples.items(1))
    header = b"\xff\xd8\0" if picture == examples.picture(0) else b""
    stored(root, header.ljust(64, b"\0") + picture)
    assert examples.contents(WorkstationRun(root)) == [picture]


def test_header_longer_than_64_bytes_is_damaged(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    stored(root, b"\x08" * 65 + examples.picture(0))
    assert code_of(WorkstationRun(root)) == "damaged"


@pytest.mark.parametrize(("content", "code"), [(None, "missing"), ("text", "damaged")])
def test_cell_without_a_picture_says_why(tmp_path: Path, content: object, code: str):
    root = examples.workstation(tmp_path, examples.items(1))
    stored(root, content)
    assert code_of(WorkstationRun(root)) == code


def test_empty_cell_is_left_to_the_decoder(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    stored(root, b"")
    assert examples.contents(WorkstationRun(root)) == [b""]


def test_missing_row_and_missing_sub_database_fail_alone(tmp_path: Path):
    root = examples.workstation(tmp_path)
    run = WorkstationRun(root)
    first, second, third = list(run.frames())[:3]
    examples.execute(root / "DB" / "C1_0.subDb", f"DELETE FROM imgInfo WHERE imgGUID = "
                     f"'{first.image_id}'")  # fmt: skip
    with pytest.raises(UnreadableImageError, match=f"{first.image_id} of C1_0") as caught:
        run.read(first)
    assert caught.value.code == "missing"
    assert run.read(third) == examples.picture(2)
    (root / "DB" / "C2_0.subDb").unlink()
    with pytest.raises(UnreadableImageError, match=r"C2_0\.subDb is missing") as caught:
        WorkstationRun(root).read(second)
    assert caught.value.code == "missing"


def test_locked_index_is_one_sentence(tmp_path: Path):
    root = examples.workstation(tmp_path)
    with locked(root / "DB" / "index.db"):
        assert WorkstationLayout().recognises(root)
        with pytest.raises(SourceError, match=r"index\.db is locked by another program; close"):
            WorkstationRun(root)


def test_index_locked_later_stops_the_listing(tmp_path: Path):
    run = WorkstationRun(examples.workstation(tmp_path))
    with (
        locked(tmp_path / examples.TASK / "DB" / "index.db"),
        pytest.raises(SourceError, match="locked"),
    ):
        next(run.frames())


def test_locked_sub_database_fails_until_it_is_free(tmp_path: Path):
    root = examples.workstation(tmp_path)
    run = WorkstationRun(root)
    assert run.read(next(run.frames())) == examples.picture(0)
    with locked(root / "DB" / "C1_0.subDb"):
        assert code_of(run) == "locked"
        assert run.read(list(run.frames())[1]) == examples.picture(1)
    assert run.read(next(run.frames())) == examples.picture(0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_half_copied_index_is_refused_rather_than_shortened(tmp_path: Path, share: float):
    root = examples.workstation(tmp_path, examples.items(400))
    truncate(root / "DB" / "index.db", share)
    assert WorkstationLayout().recognises(root)
    with pytest.raises(SourceError, match=r"index\.db is damaged or only half copied"):
        list(WorkstationRun(root).frames())


@pytest.mark.parametrize("share", [0.001, 0.5, 0.95])
def test_half_copied_sub_database_is_damaged(tmp_path: Path, share: float):
    big = [(ref, data + bytes(9000)) for ref, data in examples.items(20)]
    root = examples.workstation(tmp_path, big)
    truncate(root / "DB" / "C1_0.subDb", share)
    run = WorkstationRun(root)
    assert {code_of(run, number) for number in (0, 10, 18)} == {"damaged"}
    assert run.read(list(run.frames())[1]).startswith(examples.picture(1))


def test_overwritten_page_in_the_middle_stops_the_listing(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(400))
    index = root / "DB" / "index.db"
    data = bytearray(index.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    index.write_bytes(data)
    with pytest.raises(SourceError, match="damaged"):
        list(WorkstationRun(root).frames())


def test_package_without_index_says_what_it_found(tmp_path: Path):
    root = examples.workstation(tmp_path)
    (root / "DB" / "index.db").unlink()
    (root / "DB" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    assert WorkstationLayout().recognises(root)
    with pytest.raises(SourceError, match=r"no database with a table indexTB \(found Thumbs\.db\)"):
        WorkstationRun(root)


def test_empty_index_is_refused(tmp_path: Path):
    root = examples.workstation(tmp_path, [])
    with pytest.raises(SourceError, match="empty: the run has no photographs"):
        WorkstationRun(root)


def test_index_of_an_unknown_version_is_refused(tmp_path: Path):
    root = examples.workstation(tmp_path)
    index = root / "DB" / "index.db"
    examples.execute(index, "ALTER TABLE indexTB RENAME COLUMN cID TO camera")
    with pytest.raises(SourceError, match="lacks the columns cid"):
        list(WorkstationRun(root).frames())


def test_index_may_lie_in_several_databases_among_others(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(4))
    database = root / "DB"
    examples.execute(database / "a.db", "CREATE TABLE other (x)")
    (database / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (database / "empty.db").write_bytes(b"")
    second = database / "second.db"
    second.write_bytes((database / "index.db").read_bytes())
    examples.execute(second, "DELETE FROM indexTB WHERE Id < 3", "UPDATE indexTB SET STN = 'x'")
    examples.execute(database / "index.db", "DELETE FROM indexTB WHERE Id > 3")
    refs = list(WorkstationRun(root).frames())
    assert len(refs) == len({ref.image_id for ref in refs}) == 4
    assert [ref.mast.section == "x" for ref in refs if ref.mast] == [False, False, False, True]


def test_only_repeated_keys_are_held_in_memory(tmp_path: Path):
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for path, keys in zip(paths, ("('a'), ('c'), ('d'), ('')", "('b'), ('c'), ('')"), strict=True):
        examples.execute(
            path, "CREATE TABLE indexTB (imgKey)", f"INSERT INTO indexTB VALUES {keys}"
        )
    assert repeated_keys(paths) == {"c"}


def test_photograph_named_twice_is_listed_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    root = examples.workstation(tmp_path)
    run = WorkstationRun(root)
    before = list(run.frames())
    examples.execute(
        root / "DB" / "index.db",
        "INSERT INTO indexTB SELECT NULL, 'other mast', STN, KMV, cID, imgKey, DxInd, TIM, SubDBID"
        " FROM indexTB WHERE Id < 4",
    )
    with caplog.at_level(logging.WARNING):
        assert list(run.frames()) == before
    assert "rows=3" in caplog.text


def test_two_photographs_with_one_key_are_both_listed(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(2))
    first = next(WorkstationRun(root).frames())
    examples.execute(root / "DB" / "index.db", f"UPDATE indexTB SET imgKey = '{first.image_id}'")
    examples.execute(root / "DB" / "C2_0.subDb", f"UPDATE imgInfo SET imgGUID = '{first.image_id}'")
    run = WorkstationRun(root)
    ids = [ref.image_id for ref in run.frames()]
    assert ids == [first.image_id, f"{first.image_id}~C2_0"]
    assert examples.contents(run) == [examples.picture(0), examples.picture(1)]


def test_rows_without_key_are_listed_and_missing(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(3))
    examples.execute(root / "DB" / "index.db", "UPDATE indexTB SET imgKey = NULL WHERE Id > 1")
    run = WorkstationRun(root)
    assert [ref.image_id for ref in run.frames()][1:] == ["row-2", "row-3"]
    assert code_of(run, 1) == "missing"


def test_cells_are_read_whatever_their_type(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    examples.execute(
        root / "DB" / "index.db",
        "CREATE TABLE t (Id, pol, stn, kmv, CID, IMGKEY, SUBDBID, TIM)",
        "INSERT INTO t VALUES (7, ' Y035 _1 ', ' 站 ', 'K1347+953', 1, 22030623265084401, 0,"
        " 'unusable')",
        "DROP TABLE indexTB",
        "ALTER TABLE t RENAME TO INDEXtb",
    )
    examples.execute(
        root / "DB" / "C1_0.subDb",
        "CREATE TABLE t (imgContent, imgGUID)",
        "INSERT INTO t SELECT imgContent, 22030623265084401 FROM imgInfo",
        "DROP TABLE imgInfo",
        "ALTER TABLE t RENAME TO imgInfo",
    )
    run = WorkstationRun(root)
    (ref,) = run.frames()
    assert (ref.image_id, ref.camera, ref.kilometre_m) == ("22030623265084401", "1", 1_347_953.0)
    assert ref.taken_at == datetime.fromisoformat("2022-03-06 23:26:50.844")
    assert str(ref.mast) == "沪蓉/down/站/Y035 _1"
    assert run.read(ref) == examples.picture(0)


def test_padded_numbers_and_other_case_find_the_sub_database(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1, cameras=("1",)))
    (root / "DB" / "C1_0.subDb").rename(root / "DB" / "c1_0.SUBDB")
    (root / "DB").rename(root / "db")
    examples.execute(root / "db" / "index.db", "UPDATE indexTB SET cID = '01'")
    assert examples.contents(WorkstationRun(root)) == [examples.picture(0)]


def test_camera_cannot_lead_out_of_the_package(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    (root / "DB" / "C1_0.subDb").rename(tmp_path / "C1_0.subDb")
    examples.execute(root / "DB" / "index.db", "UPDATE indexTB SET cID = '/../../../C1'")
    assert code_of(WorkstationRun(root)) == "missing"


def test_text_in_gbk_is_read(tmp_path: Path):
    root = examples.workstation(tmp_path, examples.items(1))
    raw = "浦口站".encode("gbk").hex()
    examples.execute(root / "DB" / "index.db", f"UPDATE indexTB SET STN = CAST(X'{raw}' AS TEXT)")
    (ref,) = WorkstationRun(root).frames()
    assert ref.mast is not None
    assert ref.mast.section == "浦口站"


def test_many_threads_read_many_sub_databases(tmp_path: Path):
    root = tmp_path / examples.TASK
    written = examples.items(200, cameras=[str(camera) for camera in range(10)])
    write_workstation(root, written, sub_database_images=5)
    shelf = SubDatabases(root / "DB", kept_open=3)
    refs = list(WorkstationRun(root).frames())

    def content(location: str) -> object:
        sub_database, _, key = location.partition("/")
        return shelf.content(sub_database, key)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(content, [ref.location for ref in refs] * 3))
    assert found == [bytes(8) + data for _, data in written] * 3
    assert open_sub_databases(root) <= 3
    shelf.close()
    assert open_sub_databases(root) == 0


def test_writer_leaves_nothing_after_an_error(tmp_path: Path):
    def failing() -> Iterator[examples.Item]:
        yield from examples.items(3)
        raise OSError(28, "No space left on device")

    with pytest.raises(SourceError, match="No space left on device"):
        write_workstation(tmp_path / examples.TASK, failing())
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_what_a_reader_would_not_get_back(tmp_path: Path):
    with pytest.raises(ValueError, match="folder name 'run' tells line ''"):
        write_workstation(tmp_path / "run", examples.items(1))
    ref, data = examples.items(1)[0]
    with pytest.raises(ValueError, match=r"'C\.\./1_0\.subDb' cannot be part of a file name"):
        write_workstation(tmp_path / examples.TASK, [(replace(ref, camera="../1"), data)])
    unknown = replace(ref, taken_at=None)
    with pytest.raises(ValueError, match="two photographs have the key 'photo-0'"):
        write_workstation(tmp_path / examples.TASK, [(unknown, data), (unknown, data)])
    assert list(tmp_path.iterdir()) == []


def test_photographs_without_facts_are_written_too(tmp_path: Path):
    bare = [
        (replace(ref, mast=None, kilometre_m=None, taken_at=None, camera=""), data)
        for ref, data in examples.items(3)
    ]
    write_workstation(tmp_path / "run", bare)
    run = WorkstationRun(tmp_path / "run")
    assert [examples.facts(ref) for ref in run.frames()] == [examples.facts(ref) for ref, _ in bare]
    assert [ref.image_id for ref in run.frames()] == ["photo-0", "photo-1", "photo-2"]
    assert examples.contents(run) == [data for _, data in bare]


def test_photographs_of_one_millisecond_keep_their_own_ids(tmp_path: Path):
    ref, data = examples.items(1)[0]
    both = [(ref, data), (replace(ref, image_id="photo-1"), examples.picture(1))]
    run = WorkstationRun(examples.workstation(tmp_path, both))
    assert [ref.image_id for ref in run.frames()] == ["22030623595984401", "photo-1"]
    assert examples.contents(run) == [data, examples.picture(1)]


def open_sub_databases(root: Path) -> int:
    """Return how many of a package this process holds open; 0 where the system does not tell.

    Those of other packages may wait for the garbage collector.
    """
    links = [Path(f"/proc/self/fd/{name.name}") for name in Path("/proc/self/fd").glob("*")]
    own = [link.resolve() for link in links]
    return sum(one.suffix == ".subDb" and one.is_relative_to(root.resolve()) for one in own)


def geometry(root: Path, *rows: str) -> None:
    folder = root / "几何数据"
    folder.mkdir(exist_ok=True)
    examples.execute(
        folder / "JCW.db",
        "CREATE TABLE JH_INFO (ID, Pole, Station, KMV, Hei, Zig, speed, Posi)",
        *(f"INSERT INTO JH_INFO VALUES {row}" for row in rows),
    )


def stored(root: Path, content: object) -> None:
    (database,) = (root / "DB").glob("*.subDb")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE imgInfo SET imgContent = ?", (content,))


def truncate(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: max(int(len(data) * share), 100)])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("index.db", b"DxInd", b"Dx\x93nd"), ("C1_0.subDb", b"imgC", b"i(\xff(")],
)
def test_names_in_a_database_that_are_no_text_are_damage(
    tmp_path: Path, file: str, old: bytes, new: bytes
):
    root = examples.workstation(tmp_path)
    path = root / "DB" / file
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    if file == "index.db":
        with pytest.raises(SourceError, match="cannot read the index"):
            list(WorkstationRun(root).frames())
    else:
        assert code_of(WorkstationRun(root)) == "damaged"


def test_the_stamp_of_a_photograph_is_that_of_its_sub_database(tmp_path: Path):
    root = examples.workstation(tmp_path)
    source = WorkstationRun(root)
    ref = next(source.frames())
    before = source.stamp(ref)
    assert before
    name = ref.location.partition("/")[0]
    (path,) = [one for one in (root / "DB").iterdir() if one.stem.startswith(name)]
    os.utime(path, (1, 1))
    assert source.stamp(ref) != before
    assert source.stamp(replace(ref, location="C99_9/x")) == ""
