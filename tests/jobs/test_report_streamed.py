"""Reports that are written row by row say what those that hold everything say, in its order."""

from pathlib import Path

from catenary import config
from catenary.jobs import workspaces
from catenary.jobs.benches import review_build as build
from catenary.jobs.benches.review_build import Sizes
from catenary.jobs.reviewing import report
from catenary.store import ledger


def test_findings_that_are_read_anew_are_those_that_are_held(tmp_path: Path):
    workspace = build.build(tmp_path, Sizes(200, 60, 20, 0.1, 2, 1), lambda _line: None)
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    with workspaces.existing(workspace) as (db, _), db.read() as connection:
        run_id = ledger.run_id_of(connection, build.LATER)
        of = report._Of(connection, workspace, run_id, taxonomy)
        held, streamed = (report._data(of, is_held=one) for one in (True, False))
        assert not isinstance(streamed.findings, tuple)
        assert len(streamed.findings) == len(held.findings) == 60
        first, again = list(streamed.listed()), list(streamed.listed())
        assert first == again == list(held.listed())
        grades = [one.finding.grade for one in first]
        assert grades == sorted(grades)
        assert set(grades) == {1, 2}
