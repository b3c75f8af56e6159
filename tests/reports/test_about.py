"""The file beside a table: what the table is of, and that it was not changed since."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from catenary.reports import about, fingerprint, lexicon, table
from catenary.reports.data import Review
from tests.reports.reported import dropper, report

AT = datetime(2026, 3, 7, 12, tzinfo=UTC)


def told(path: Path) -> dict:
    return json.loads(about.path_of(path).read_text(encoding="utf-8"))


def test_a_table_can_be_held_against_its_seal(tmp_path: Path):
    data, path = report([dropper(1)]), tmp_path / "缺陷.csv"
    table.write_csv(data, path)
    about.write_about(data, path)
    said = told(path)
    assert (said["file"], said["run"], said["model"]) == (
        "缺陷.csv",
        data.run.name,
        data.versions.model,
    )
    assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert said["fingerprint"] == fingerprint.of(data)
    assert said["thresholds"] == dict(data.thresholds)
    assert said["photographs"]["all"] == data.counts.images
    assert said["review"] is None
    assert said["status"]["en"] == lexicon.UNREVIEWED.en


def test_who_decided_and_when_is_said(tmp_path: Path):
    review = Review(2, 3, 1, ("li", "王"), AT, AT, is_limited=True)
    data, path = replace(report([dropper(1)]), review=review), tmp_path / "t.csv"
    table.write_csv(data, path)
    about.write_about(data, path)
    said = told(path)["review"]
    assert (said["reviewers"], said["decided"], said["to_decide"]) == (["li", "王"], 2, 3)
    assert (said["first_at"], said["confirmed_only"]) == ("2026-03-07T12:00:00+00:00", True)
