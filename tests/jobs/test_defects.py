"""`catenary defects` lists what was confirmed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catenary.domain.review import Decision, Wish
from catenary.store import database
from catenary.store.workspace import Workspace
from tests.jobs.commands import catenary
from tests.store import reviewing


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a workspace with an overdue defect of one run and a fresh one of another."""
    workspace = Workspace(tmp_path / "ws")
    workspace.create()
    db = database.open_workspace_db(workspace.database)
    old = reviewing.items(db, reviewing.add_run(db, "old", "2026-03-06"))
    reviewing.decide(db, old[0])
    reviewing.decide(db, old[1], Decision.REJECT)
    (new, _) = reviewing.items(db, reviewing.add_run(db, "new", "2026-06-06"))
    fresh = Wish(Decision.CONFIRM, "slack")
    reviewing.decide(db, new, fresh, now=reviewing.later(365 * 200))
    db.close()
    return tmp_path / "ws"


def test_defects_are_listed_for_people_and_for_scripts(folder: Path):
    told = catenary("defects", "--workspace", str(folder))
    assert told.returncode == 0
    assert "registered, dropper broken, grade 1, 浦口-全椒 D000 K1347+954, old" in told.stdout
    assert "OVERDUE since 2026-03-09 08:00 UTC" in told.stdout
    assert told.stdout.endswith("2 defects\n")
    found = json.loads(catenary("defects", "--workspace", str(folder), "--json").stdout)
    assert [(one["run"], one["condition"], one["overdue"]) for one in found] == [
        ("old", "broken", True),
        ("new", "slack", False),
    ]
    assert found[1]["suspected_of"] == found[0]["id"]


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        (("--overdue",), ["old"]),
        (("--run", "new"), ["new"]),
        (("--run", "new", "--overdue"), []),
        (("--state", "registered"), ["old", "new"]),
        (("--state", "closed", "--state", "withdrawn"), []),
    ],
)
def test_options_narrow_the_list(folder: Path, options: tuple[str, ...], runs: list[str]):
    told = catenary("defects", "--workspace", str(folder), "--json", *options)
    assert [one["run"] for one in json.loads(told.stdout)] == runs


def test_what_is_not_known_is_named(folder: Path):
    told = catenary("defects", "--workspace", str(folder), "--run", "lost")
    assert (told.returncode, "it has: old, new" in told.stderr) == (1, True)
    told = catenary("defects", "--workspace", str(folder), "--state", "lost")
    assert told.returncode == 2
    assert "registered, dispatched" in " ".join(told.stderr.replace("│", " ").split())
