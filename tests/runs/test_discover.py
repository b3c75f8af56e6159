from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.runs.discover import LAYOUTS, open_source
from catenary.runs.mast_folders import MastFolderForm
from tests.runs import examples

WRITTEN = {
    "workstation": examples.workstation,
    "mast folders": lambda folder: examples.mast_folders(folder, MastFolderForm.KILOMETRE),
    "mast folders/2": lambda folder: examples.mast_folders(folder, MastFolderForm.FILETIME),
    "name form": examples.name_form,
    "plain": lambda folder: examples.files(folder / "run", "a/1.jpg", "2.png"),
}


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


class _ListsItself(MemoryFileSystem):
    """Object stores may list a folder as an entry of itself."""

    protocol = "itself"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("itself://", "memory://")))

    def ls(self, path: str, detail: bool = True, **options: object) -> list[dict[str, object]]:
        entries: list[dict[str, object]] = super().ls(path, detail=detail, **options)
        return [{"name": path, "size": 0, "type": "directory"}, *entries]


def test_folder_that_lists_itself_ends(memory: fsspec.AbstractFileSystem):
    fsspec.register_implementation("itself", _ListsItself, clobber=True)
    memory.pipe_file("/run/a/1.jpg", b"one")
    (ref,) = open_source("itself://run").frames()
    assert ref.image_id == "a/1.jpg"


def upload(files: fsspec.AbstractFileSystem, root: Path, to: str) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            files.pipe_file(f"{to}/{path.relative_to(root)}", path.read_bytes())


@pytest.mark.parametrize("form", WRITTEN)
def test_each_form_has_one_reader(tmp_path: Path, form: str):
    root = WRITTEN[form](tmp_path)
    name = form.partition("/")[0]
    special = [layout.name for layout in LAYOUTS[:-1] if layout.recognises(root)]
    assert special == ([] if name == "plain" else [name])
    assert open_source(root).description.layout == name


@pytest.mark.parametrize("form", WRITTEN)
def test_reading_a_run_changes_nothing(tmp_path: Path, form: str):
    root = WRITTEN[form](tmp_path)
    before = examples.snapshot(tmp_path)
    assert examples.contents(open_source(root))
    assert examples.snapshot(tmp_path) == before


@pytest.mark.parametrize("form", WRITTEN)
def test_every_reading_gives_the_same_frames(tmp_path: Path, form: str):
    root = WRITTEN[form](tmp_path)
    refs = list(open_source(str(root)).frames())
    assert refs == list(open_source(root).frames())
    assert len({ref.image_id for ref in refs}) == len(refs)


@pytest.mark.parametrize("form", WRITTEN)
def test_location_is_all_that_a_reader_needs(tmp_path: Path, form: str):
    root = WRITTEN[form](tmp_path)
    refs = list(open_source(root).frames())
    again = open_source(root)
    assert [again.read(ref) for ref in refs] == examples.contents(open_source(root))


def test_relative_and_indirect_paths_name_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = examples.files(tmp_path / "run", "a.jpg", "sub/b.jpg")
    monkeypatch.chdir(root / "sub")
    assert open_source("..").description.name == "run"
    assert open_source(".").description.name == "sub"
    assert open_source("../a.jpg").description.name == "a"
    assert open_source(root.as_uri()).description.source == str(root)


def test_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no such folder or file: .*gone; check the path"):
        open_source(tmp_path / "gone")


def test_empty_folder_lists_every_form(tmp_path: Path):
    examples.files(tmp_path, "notes.txt")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path)
    for layout in LAYOUTS:
        assert f"{layout.name}: {layout.looks_for}" in str(caught.value)


def test_folder_of_runs_is_not_taken_for_a_run(tmp_path: Path):
    root = examples.workstation(tmp_path / "2022-03-06")
    examples.files(root, "缺陷图片/22030623265084401.jpg")
    with pytest.raises(SourceError, match=f"holds whole runs; open one of them: {root.name}"):
        open_source(root.parent)
    with pytest.raises(SourceError, match=f"is part of a workstation package; open .*{root.name}"):
        open_source(root / "DB")
    other = examples.mast_folders(tmp_path / "capture", MastFolderForm.KILOMETRE)
    with pytest.raises(SourceError, match="holds whole runs"):
        open_source(other.parent)


def test_folder_named_db_is_not_yet_a_workstation(tmp_path: Path):
    examples.files(tmp_path, "DB/1.jpg", "DB/Thumbs.db")
    (tmp_path / "DB" / "other.db").write_bytes(b"")
    assert open_source(tmp_path).description.layout == "plain"


@pytest.mark.parametrize("form", [form for form in WRITTEN if form != "workstation"])
def test_folders_are_read_from_a_url(tmp_path: Path, memory: fsspec.AbstractFileSystem, form: str):
    root = WRITTEN[form](tmp_path)
    upload(memory, root, f"/runs/{root.name}")
    local, remote = open_source(root), open_source(f"memory://runs/{root.name}/")
    assert remote.description.name == local.description.name
    assert remote.description.layout == local.description.layout
    assert list(remote.frames()) == list(local.frames())
    assert examples.contents(remote) == examples.contents(local)


def test_manifest_is_read_from_a_url(memory: fsspec.AbstractFileSystem):
    memory.pipe_file("/run/manifest.csv", b"file_name,camera\ngone.jpg,7\n")
    source = open_source("memory://run")
    (ref,) = source.frames()
    assert ref.camera == "7"
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg is missing in memory") as caught:
        source.read(ref)
    assert caught.value.code == "missing"


def test_workstation_behind_a_url_says_what_to_do(
    tmp_path: Path, memory: fsspec.AbstractFileSystem
):
    upload(memory, examples.workstation(tmp_path), "/run")
    with pytest.raises(SourceError, match="read from a disk only; mount or copy it"):
        open_source("memory://run")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nowhere", "cannot list memory://nowhere"),
        ("nonsense://bucket/run", "cannot open nonsense://bucket/run: Protocol not known"),
        ("nonsense://me:secret@host/run", "cannot open nonsense://me@host/run"),
    ],
)
def test_url_that_cannot_be_opened_is_one_sentence(
    memory: fsspec.AbstractFileSystem, url: str, message: str
):
    with pytest.raises(SourceError, match=message):
        open_source(url)
