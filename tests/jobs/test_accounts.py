"""Accounts and the trail as an administrator types them."""

import io
import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from catenary.jobs.reviewing.accounts import SHORTEST, Passwords
from catenary.store import accounts, database, ledger
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary
from tests.store import queues, records

PASSWORD = "correct horse battery"  # noqa: S105 - of a test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    database.open_workspace_db(workspace.database).close()
    return workspace.path


def add(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, role: str, password=PASSWORD):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    return catenary("users", "add", name, "--role", role, "--workspace", str(folder))


def listed(folder: Path) -> list[dict]:
    return json.loads(catenary("users", "list", "--json", "--workspace", str(folder)).stdout)


def test_an_account_is_added_listed_and_disabled(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert add(monkeypatch, folder, "王伟", "lead").stdout == "王伟 added as lead\n"
    assert listed(folder) == [{"name": "王伟", "role": "lead", "disabled": False}]
    assert "王伟: lead, since" in catenary("users", "list", "--workspace", str(folder)).stdout
    done = catenary("users", "disable", "王伟", "--workspace", str(folder))
    assert (done.returncode, done.stdout) == (0, "王伟 disabled\n")
    assert listed(folder)[0]["disabled"] is True


def test_a_forgotten_password_is_reset_and_has_to_be_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    add(monkeypatch, folder, "sun", "admin")
    other = "seven iron droppers"
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{other}\n"))
    done = catenary("users", "reset", "sun", "--workspace", str(folder))
    assert done.stdout == "sun has to choose a password at the next login\n"
    db = database.open_workspace_db(Workspace(folder).database)
    with db.read() as connection:
        found = accounts.find(connection, "sun")
    db.close()
    assert found is not None
    assert found[0].must_change
    assert [Passwords().matches(found[1], one) for one in (other, PASSWORD)] == [True, False]


def test_the_password_of_nobody_is_not_reset(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    done = catenary("users", "reset", "sun", "--workspace", str(folder))
    assert (done.returncode, "no account 'sun'" in done.stderr) == (1, True)


def test_a_short_password_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    done = add(monkeypatch, folder, "wang", "reviewer", "short")
    assert done.returncode == 1
    assert f"a password has {SHORTEST} to" in done.stderr
    assert listed(folder) == []


def test_an_unknown_role_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert add(monkeypatch, folder, "wang", "boss").returncode == 2


def test_no_password_is_kept_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch):
    add(monkeypatch, folder, "wang", "reviewer")
    content = b"".join(path.read_bytes() for path in folder.glob("catenary.db*"))
    assert PASSWORD.encode() not in content
    assert b"$argon2id$" in content


def test_a_password_matches_itself_only():
    passwords = Passwords()
    hashed = passwords.hashed(PASSWORD)
    assert passwords.matches(hashed, PASSWORD)
    assert not passwords.matches(hashed, PASSWORD + "x")
    assert not passwords.matches(None, "nobody")
    assert not passwords.matches("no hash", PASSWORD)


def test_a_whole_trail_tells_its_seal(folder: Path):
    db = database.open_workspace_db(Workspace(folder).database)
    with db.write() as tx:
        run_id = ledger.register(tx, records.record())
    queues.fill(db, run_id, [queues.dropper(1, 0.9)])
    queues.decide(db, queues.WANG, 1, 0)
    done = catenary("audit", "verify", "--workspace", str(folder))
    assert done.returncode == 0
    assert done.stdout.startswith("2 rows hold; the seal is ")
    seal = done.stdout.split()[-1]
    again = catenary("audit", "verify", "--seal", seal, "--workspace", str(folder))
    assert again.returncode == 0
    with db.write() as tx:
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text("UPDATE audit SET content = replace(content, 'wang', 'li')"))
    db.close()
    broken = catenary("audit", "verify", "--workspace", str(folder))
    assert broken.returncode == 1
    assert "broken: row 1: its content was changed after it was sealed" in broken.stdout
