"""Photographs scanned again: what stands until then, what takes its place, what stays readable."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Component, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, Outcome
from catenary.store import again, findings, ledger, parts, scans, shards, summary
from catenary.store.again import Again
from catenary.store.database import Database
from catenary.store.findings import Former
from catenary.store.ledger import Origin
from catenary.store.parts import JoinedPart, View
from catenary.store.shards import ComponentRow
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace
from tests.store import records

FAILED = FrameResult(Outcome.FAILED, "truncated", "ends after 12 of 900 kB")
NEWER = replace(records.VERSIONS, model="demo-2")


def ids(*numbers: int) -> list[str]:
    return [f"{number:06d}" for number in numbers]


def judged(
    db: Database,
    workspace: Workspace,
    run_id: int,
    image_ids: list[str],
    probability: float = 0.9,
    scan_id: int | None = None,
) -> None:
    """Do what a scan does with a batch in which every photograph shows a broken dropper."""
    with db.read() as connection:
        former = ledger.standing(connection, run_id, image_ids)
        folder = workspace.detections(ledger.record_of(connection, run_id).name)
    rows = [
        records.component(
            one,
            probability=probability,
            revision=former[one].next_revision if one in former else 0,
        )
        for one in image_ids
    ]
    written = shards.write(folder, image_ids[0], rows)
    found = [(records.broken_dropper(one, probability), None) for one in image_ids]
    with db.write() as tx:
        put_aside = again.put_aside(tx, former.values())
        for one in image_ids:
            ledger.finish(tx, run_id, one, records.DONE, Origin(scan_id, f"stamp {one}", "ab"))
        findings.insert_all(tx, run_id, found, put_aside)
        shards.record(tx, run_id, written)


def asked(db: Database, run_id: int, policy: Again, versions=records.VERSIONS) -> int:
    with db.write() as tx:
        return again.ask(tx, run_id, policy, versions)


def counts(db: Database, run_id: int) -> RunSummary:
    with db.read() as connection:
        return summary.of_run(connection, run_id)


def standing(db: Database, run_id: int) -> dict[str, float | None]:
    with db.read() as connection:
        found = list(findings.of_run(connection, run_id))
    told = {one.finding.image_id: one.finding.probability for one in found}
    assert len(told) == len(found)
    return told


def located(db: Database, workspace: Workspace, run_id: int) -> list[ComponentRow]:
    with db.read() as connection:
        return list(shards.components_of_run(connection, workspace, run_id))


@pytest.fixture
def scanned(db: Database, workspace: Workspace, run_id: int) -> int:
    """Return a run of six photographs, four of them judged in two batches."""
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(6))
    judged(db, workspace, run_id, ids(0, 1))
    judged(db, workspace, run_id, ids(2, 3))
    return run_id


def pending(db: Database, run_id: int) -> list[str]:
    return [ref.image_id for ref in ledger.pending(db, run_id)]


def test_what_was_found_stands_until_the_photograph_is_judged_again(
    db: Database, workspace: Workspace, scanned: int
):
    assert asked(db, scanned, Again.ALL) == 4
    assert pending(db, scanned) == ids(0, 1, 2, 3, 4, 5)
    before = counts(db, scanned)
    assert (before.done, before.pending, before.findings, before.superseded) == (0, 6, 4, 0)
    assert standing(db, scanned) == dict.fromkeys(ids(0, 1, 2, 3), 0.9)
    judged(db, workspace, scanned, ids(1, 2), probability=0.7)
    after = counts(db, scanned)
    assert (after.done, after.pending, after.findings, after.superseded) == (2, 4, 4, 2)
    assert standing(db, scanned) == dict(zip(ids(0, 1, 2, 3), (0.9, 0.7, 0.7, 0.9), strict=True))
    assert pending(db, scanned) == ids(0, 3, 4, 5)


def test_a_superseded_finding_stays_readable_and_its_successor_names_it(
    db: Database, workspace: Workspace, scanned: int
):
    with db.write() as tx:
        again.ask_images(tx, scanned, ids(1))
    judged(db, workspace, scanned, ids(1), probability=0.7)
    with db.read() as connection:
        (old,) = findings.superseded_of(connection, scanned)
        (new,) = [
            one for one in findings.of_run(connection, scanned) if one.finding.image_id == "000001"
        ]
        former = connection.exec_driver_sql(
            f"SELECT former_id FROM finding WHERE id = {new.id}"
        ).scalar()
    assert old.finding == records.broken_dropper("000001", 0.9)
    assert (new.finding.probability, former) == (0.7, old.id)


def test_a_batch_that_is_not_kept_leaves_what_stood(
    db: Database, workspace: Workspace, scanned: int
):
    asked(db, scanned, Again.ALL)

    def killed() -> None:
        with db.read() as connection:
            former = ledger.standing(connection, scanned, ids(0, 1))
        with db.write() as tx:
            again.put_aside(tx, former.values())
            ledger.finish(tx, scanned, "000000", records.DONE)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        killed()
    assert standing(db, scanned) == dict.fromkeys(ids(0, 1, 2, 3), 0.9)
    assert counts(db, scanned).superseded == 0
    assert len(located(db, workspace, scanned)) == 4
    assert pending(db, scanned) == ids(0, 1, 2, 3, 4, 5)


def test_rows_of_a_former_judgement_do_not_count(db: Database, workspace: Workspace, scanned: int):
    asked(db, scanned, Again.ALL)
    judged(db, workspace, scanned, ids(1, 2), probability=0.5)
    rows = {row.image_id: row.probability for row in located(db, workspace, scanned)}
    expected = dict(zip(ids(0, 3, 1, 2), (0.9, 0.9, 0.5, 0.5), strict=True))
    assert rows == pytest.approx(expected)
    assert len(located(db, workspace, scanned)) == 4
    with db.read() as connection:
        wanted = set(ids(0, 1))
        some = list(shards.components_of_images(connection, workspace, scanned, wanted))
    assert {row.image_id: row.probability for row in some} == pytest.approx(
        {"000000": 0.9, "000001": 0.5}
    )


def test_a_shard_of_which_nothing_counts_is_forgotten_and_swept(
    db: Database, workspace: Workspace, scanned: int
):
    def pruned() -> int:
        with db.write() as tx:
            return shards.prune(tx, scanned)

    assert pruned() == 0
    asked(db, scanned, Again.ALL)
    judged(db, workspace, scanned, ids(0), probability=0.5)
    assert pruned() == 0  # the other photograph of its shard still counts
    judged(db, workspace, scanned, ids(1), probability=0.5)
    assert pruned() == 1
    assert pruned() == 0
    assert len(located(db, workspace, scanned)) == 4
    with db.read() as connection:
        swept = shards.sweep(connection, workspace, scanned)
    assert [path.name[:6] for path in swept] == ["000000"]


def test_a_photograph_that_cannot_be_read_any_more_fails_and_is_found_again_later(
    db: Database, workspace: Workspace, scanned: int
):
    asked(db, scanned, Again.ALL)
    with db.read() as connection:
        former = ledger.standing(connection, scanned, ids(0))
    with db.write() as tx:
        again.put_aside(tx, former.values())
        ledger.finish(tx, scanned, "000000", FAILED)
    assert counts(db, scanned).failed_reasons == {"truncated": 1}
    assert "000000" not in {row.image_id for row in located(db, workspace, scanned)}
    assert asked(db, scanned, Again.FAILED) == 1
    judged(db, workspace, scanned, ids(0), probability=0.6)
    assert standing(db, scanned)["000000"] == 0.6
    assert [row.image_id for row in located(db, workspace, scanned)].count("000000") == 1


def test_each_policy_picks_its_photographs(db: Database, workspace: Workspace, run_id: int):
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(5))
        old = scans.begin(tx, run_id, "pc", 1, records.VERSIONS)
        new = scans.begin(tx, run_id, "pc", 2, NEWER)
    judged(db, workspace, run_id, ids(0), scan_id=old)
    judged(db, workspace, run_id, ids(1), scan_id=new)
    judged(db, workspace, run_id, ids(2))  # nobody knows by what
    with db.write() as tx:
        ledger.finish(tx, run_id, "000003", FAILED, Origin(old))

    def picked(policy: Again, versions=NEWER) -> list[str]:
        asked(db, run_id, policy, versions)
        found = pending(db, run_id)
        asked(db, run_id, Again.NONE)
        return found

    assert picked(Again.OUTDATED) == ids(0, 2, 4)
    assert picked(Again.OUTDATED, records.VERSIONS) == ids(1, 2, 4)
    assert picked(Again.ALL) == ids(0, 1, 2, 3, 4)
    assert picked(Again.CHANGED) == ids(4)
    assert picked(Again.NONE) == ids(4)
    assert picked(Again.FAILED) == ids(3, 4)


def test_what_is_known_of_the_bytes_is_kept(db: Database, workspace: Workspace, scanned: int):
    known = list(again.finished(db, scanned))
    assert [(one.ref.image_id, one.stamp, one.sha256) for one in known] == [
        (one, f"stamp {one}", "ab") for one in ids(0, 1, 2, 3)
    ]
    with db.write() as tx:
        again.restamp(tx, scanned, [("000001", "another")])
        again.ask_images(tx, scanned, ids(2, 4))  # 4 was never scanned: it is pending as it is
    left = {one.ref.image_id: one.stamp for one in again.finished(db, scanned)}
    assert left["000001"] == "another"
    assert list(left) == ids(0, 1, 3)
    assert pending(db, scanned) == ids(2, 4, 5)


def test_parts_of_photographs_that_are_judged_again_are_taken_apart_and_due(
    db: Database, workspace: Workspace, scanned: int
):
    with db.read() as connection:
        due = parts.due(connection, scanned)
        found = {one.finding.image_id: one.id for one in findings.of_run(connection, scanned)}
    (state,) = [one for one in due if one.mast.number == "D000"]
    box = Box(10.0, 20.0, 40.0, 220.5)
    views = tuple(View(one, box, Verdict.DEFECT, "broken", 0.9, found[one]) for one in ids(1, 2))
    part = JoinedPart("0123456789ab", "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.98, views)
    with db.write() as tx:
        parts.replace(tx, scanned, state, [part])
    assert counts(db, scanned).parts[Verdict.DEFECT] == 3
    with db.write() as tx:
        again.ask_images(tx, scanned, ids(1))
    with db.read() as connection:
        assert "D000" not in [one.mast.number for one in parts.due(connection, scanned)]
    judged(db, workspace, scanned, ids(1), probability=0.7)
    assert counts(db, scanned).parts[Verdict.DEFECT] == 4  # each view for itself again
    with db.read() as connection:
        assert list(parts.of_run(connection, scanned)) == []
        (state,) = [one for one in parts.due(connection, scanned) if one.mast.number == "D000"]
        rows = parts.findings_of(connection, scanned, [state.mast])
    assert sorted(one.image_id for one in rows) == ids(1, 2)
    with db.write() as tx:
        parts.replace(tx, scanned, state, [])
    with db.read() as connection:
        assert "D000" not in [one.mast.number for one in parts.due(connection, scanned)]


def at(x0: float, image_id: str = "a", kind: str = "dropper"):
    whole = records.broken_dropper(image_id)
    return replace(whole, component=Component(kind, Box(x0, 0.0, x0 + 10.0, 10.0), 0.9))


def test_a_new_finding_follows_the_former_one_it_overlaps_most():
    former = [
        Former(1, "a", "dropper", Box(0.0, 0.0, 10.0, 10.0)),
        Former(2, "a", "dropper", Box(4.0, 0.0, 14.0, 10.0)),
        Former(3, "b", "dropper", Box(0.0, 0.0, 10.0, 10.0)),
        Former(4, "a", "insulator", Box(0.0, 0.0, 10.0, 10.0)),
    ]
    # Overlaps: 3/17 and 9/11 with x = 3; 9/11 and 5/15 with x = -1; 2/18 with x = 12.
    found = [at(3.0), at(-1.0), at(12.0), at(0.0, "b"), at(0.0, "c")]
    assert findings._followed(found, former) == [2, 1, None, 3, None]
    assert findings._followed([at(3.0), at(3.0)], former[:2]) == [2, 1]
    # IoU 0.3 is where they part: 10 px wide boxes that share 4.6 px have 4.6 / 15.4 = 0.2987.
    assert findings._followed([at(5.4)], former[:1]) == [None]
    assert findings._followed([at(5.3)], former[:1]) == [1]


steps = st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=4)


@pytest.mark.parametrize("url", [""])
@given(steps=steps)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_scanned_again_every_photograph_counts_once_with_its_newest(
    db: Database, workspace: Workspace, steps: list[set[int]]
):
    with db.write() as tx:
        run_id = ledger.register(tx, records.record(source=f"/d/{next(_sources)}"))
        ledger.plan(tx, run_id, records.refs(6))
    newest = {}
    for number, some in enumerate(steps):
        probability = 0.5 + number / 16
        image_ids = ids(*sorted(some))
        with db.write() as tx:
            again.ask_images(tx, run_id, image_ids)
        judged(db, workspace, run_id, image_ids, probability)
        with db.write() as tx:
            shards.prune(tx, run_id)
        newest |= dict.fromkeys(image_ids, probability)
        assert standing(db, run_id) == newest
        rows = located(db, workspace, run_id)
        assert {row.image_id: row.probability for row in rows} == newest
        assert len(rows) == len(newest)
    done = counts(db, run_id)
    assert done.superseded == sum(map(len, steps)) - len(newest)


_sources = iter(range(10**6))
