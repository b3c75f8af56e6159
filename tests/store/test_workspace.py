import subprocess
import sys
from pathlib import Path

import pytest

from catenary.domain.errors import StoreError
from catenary.store.workspace import Workspace


def test_a_new_workspace_has_its_folders(tmp_path: Path):
    place = Workspace(tmp_path / "a" / "b")
    place.create()
    place.create()
    assert sorted(path.name for path in place.path.iterdir()) == ["detections", "evidence", "logs"]
    assert place.database == place.path / "catenary.db"
    assert place.detections("夜") == place.path / "detections" / "夜"
    assert place.evidence("夜") == place.path / "evidence" / "夜"
    assert place.free_bytes() > 0


def test_a_workspace_that_cannot_be_made_is_said_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make workspace .*choose another --workspace"):
        Workspace(tmp_path / "file" / "w").create()


@pytest.mark.parametrize("url", [""])  # SQLite
def test_a_folder_without_database_is_no_workspace(workspace: Workspace):
    with pytest.raises(StoreError, match="is no workspace"):
        workspace.require()
    workspace.database.write_bytes(b"")
    workspace.require()


def test_a_workspace_never_shows_the_password_of_its_database():
    place = Workspace(Path("w"), "postgresql+psycopg://me:secret@host/4c")
    assert "secret" not in repr(place)
    place.require()  # the server is asked, not the folder


def test_the_free_space_of_a_missing_folder_is_an_error(tmp_path: Path):
    with pytest.raises(StoreError, match="No such file"):
        Workspace(tmp_path / "gone").free_bytes()


def test_a_run_is_scanned_by_one_process_at_a_time(workspace: Workspace):
    code = (
        "import sys, pathlib\n"
        "from catenary.store.workspace import Workspace\n"
        "with Workspace(pathlib.Path(sys.argv[1])).scanning('r'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(workspace.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        expected = f"run r is being scanned by process {other.pid}"
        with pytest.raises(StoreError, match=expected), workspace.scanning("r"):
            pass
        with workspace.scanning("another"):
            pass
        other.kill()
        other.wait()
    with workspace.scanning("r"):
        pass


def test_a_lock_that_cannot_be_made_is_said_so(workspace: Workspace):
    (workspace.path / "detections" / "r").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot lock"), workspace.scanning("r"):
        pass
