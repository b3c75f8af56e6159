import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from catenary.domain.finding import Evidence, Measurement, Verdict
from catenary.domain.geometry import Box, Polyline
from catenary.store import evidence_text, findings, ledger, summary
from catenary.store.database import Database
from catenary.store.findings import CropFile, Filter
from tests.store import records

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
measurements = st.builds(Measurement, texts, numbers, texts, st.none() | numbers)
traces = st.builds(Polyline, texts, st.lists(st.tuples(numbers, numbers), min_size=1).map(tuple))
parts = (st.lists(measurements).map(tuple), st.lists(traces).map(tuple))
judged = st.builds(
    Evidence,
    texts,
    texts,
    st.sampled_from([Verdict.NORMAL, Verdict.DEFECT]),
    st.floats(0, 1),
    *parts,
)
unjudged = st.builds(
    Evidence,
    texts,
    texts,
    st.just(Verdict.CANNOT_JUDGE),
    st.none(),
    *parts,
    texts.filter(bool),
)


@given(st.lists(judged | unjudged).map(tuple))
def test_evidence_comes_back_from_text_as_it_was(evidence: tuple[Evidence, ...]):
    assert evidence_text.loads(evidence_text.dumps(evidence)) == evidence


def planned(db: Database, run_id: int, count: int = 3) -> None:
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(count))


def test_a_finding_comes_back_with_its_photograph_and_crop(db: Database, run_id: int):
    planned(db, run_id)
    crop = CropFile("000001-0.jpg", 3, 7)
    with db.write() as tx:
        ledger.finish(tx, run_id, "000001", records.DONE)
        assert findings.insert_all(tx, run_id, [(records.broken_dropper("000001"), crop)]) == 1
    with db.read() as connection:
        (stored,) = findings.of_run(connection, run_id)
    assert stored.finding == records.broken_dropper("000001")
    assert stored.ref == records.ref(1)
    assert (stored.crop, stored.width, stored.height) == (crop, 6576, 4384)


def test_defects_come_first_the_most_probable_ahead(db: Database, run_id: int):
    planned(db, run_id)
    found = [
        (records.hidden_pin("000000"), None),
        (records.broken_dropper("000001", 0.4), None),
        (records.broken_dropper("000002", 0.95), None),
        (replace(records.hidden_pin("000002"), probability=0.5), None),
    ]
    with db.write() as tx:
        findings.insert_all(tx, run_id, found)
    with db.read() as connection:
        stored = list(findings.of_run(connection, run_id))
    assert [one.finding.probability for one in stored] == [0.95, 0.4, 0.5, None]
    assert stored[-1].finding == records.hidden_pin("000000")
    assert stored[-1].crop is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), 3),
        (Filter(verdict=Verdict.CANNOT_JUDGE), 1),
        (Filter(component="dropper"), 2),
        (Filter(grade=1), 1),
        (Filter(component="dropper", grade=2), 1),
        (Filter(component="bolt"), 0),
    ],
)
def test_findings_are_filtered(db: Database, run_id: int, wanted: Filter, expected: int):
    planned(db, run_id)
    slack = replace(records.broken_dropper("000001"), condition="slack", grade=2)
    found = [records.broken_dropper("000000"), slack, records.hidden_pin("000002")]
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(one, None) for one in found])
    with db.read() as connection:
        assert len(list(findings.of_run(connection, run_id, wanted))) == expected


def test_findings_of_another_run_are_not_shown(db: Database, run_id: int):
    planned(db, run_id)
    with db.write() as tx:
        other = ledger.register(tx, records.record("other", "/other"))
        ledger.plan(tx, other, records.refs(1))
        findings.insert_all(tx, other, [(records.broken_dropper("000000"), None)])
    with db.read() as connection:
        assert list(findings.of_run(connection, run_id)) == []
        (stored,) = findings.of_run(connection, other)
    assert stored.ref == replace(records.ref(0), run="other")


def test_numbers_of_numpy_are_stored_as_numbers(db: Database, run_id: int):
    planned(db, run_id)
    corners = np.array([1.5, 2.5, 3.5, 4.5], np.float32)
    component = replace(records.broken_dropper("x").component, box=Box(*corners))
    found = replace(
        records.broken_dropper("000000"), component=component, probability=np.float64(0.5)
    )
    with db.write() as tx:
        findings.insert_all(tx, run_id, [(found, None)])
    with db.read() as connection:
        (stored,) = findings.of_run(connection, run_id)
    assert stored.finding.component.box == Box(1.5, 2.5, 3.5, 4.5)


def test_a_finding_of_an_unknown_photograph_is_refused(db: Database, run_id: int):
    with pytest.raises(LookupError, match=r"\['ghost'\] are not in the ledger"), db.write() as tx:
        findings.insert_all(tx, run_id, [(records.broken_dropper("ghost"), None)])


def test_a_normal_part_is_not_a_finding(db: Database, run_id: int):
    planned(db, run_id)
    normal = replace(
        records.broken_dropper("000000"), verdict=Verdict.NORMAL, condition="normal", grade=None
    )
    with pytest.raises(ValueError, match="normal parts are kept in shards"), db.write() as tx:
        findings.insert_all(tx, run_id, [(normal, None)])


def test_no_findings_are_no_rows(db: Database, run_id: int):
    with db.write() as tx:
        assert findings.insert_all(tx, run_id, []) == 0


def test_the_summary_counts_defects_apart_from_what_could_not_be_judged(db: Database, run_id: int):
    planned(db, run_id)
    found = [records.broken_dropper("000000"), records.broken_dropper("000001")]
    with db.write() as tx:
        findings.insert_all(
            tx, run_id, [(one, None) for one in [*found, records.hidden_pin("000002")]]
        )
    with db.read() as connection:
        counts = summary.of_run(connection, run_id)
    assert (counts.defects, counts.unjudged) == (
        {("dropper", "broken"): 2},
        {("split_pin", "missing"): 1},
    )
    assert (counts.findings, counts.cannot_judge) == (2, 1)


def test_the_most_probable_findings_are_read_along_an_index(db: Database, run_id: int):
    told = [records.broken_dropper(f"{number:06d}", 0.5 + number / 500) for number in range(200)]
    with db.write() as tx:
        ledger.plan(tx, run_id, records.refs(200))
        findings.insert_all(tx, run_id, [(one, None) for one in told])
        if is_server := tx.dialect.name == "postgresql":
            tx.execute(text("ANALYZE finding"))
    asked: list[str] = []

    def noted(connection, cursor, statement, parameters, context, executemany) -> None:
        words = context.compiled.statement.compile(
            connection, compile_kwargs={"literal_binds": True}
        )
        asked.append(str(words))

    with db.read() as connection:
        event.listen(connection, "before_cursor_execute", noted)
        best, *_ = findings.of_run(connection, run_id, Filter(Verdict.DEFECT))
        event.remove(connection, "before_cursor_execute", noted)
        if is_server:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # it is a small table
        how = "EXPLAIN" if is_server else "EXPLAIN QUERY PLAN"
        rows = connection.exec_driver_sql(f"{how} {asked[0]} LIMIT 50").all()
    plan = "\n".join(str(row[-1]) for row in rows)
    assert best.finding.probability == pytest.approx(0.898)
    assert "ix_finding_standing" in plan
    # Only those of the same probability are put in order.
    on_file = r"FOR (RIGHT PART|LAST TERM) OF ORDER BY"  # as versions of SQLite have it
    assert re.search("Presorted Key: finding.probability" if is_server else on_file, plan), plan
