"""The trail tells where it was changed, whatever was changed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from catenary.domain.review import Decision
from catenary.store import audit
from catenary.store.database import Database
from tests.store import queues
from tests.store.queues import LI, WANG

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


@pytest.fixture
def decided(db: Database, run_id: int) -> Database:
    """Return a database with four decisions in its trail."""
    queues.fill(db, run_id, [queues.dropper(number, 0.5) for number in range(3)])
    queues.decide(db, WANG, 1, 0)
    queues.decide(db, WANG, 2, 0, Decision.REJECT)
    queues.decide(db, LI, 3, 0, Decision.OBSERVE)
    queues.decide(db, WANG, 2, 1)
    return db


def tampered(db: Database, *changes: str) -> list[str]:
    """Change the trail as somebody with the file could, and return what the check says."""
    with db.write() as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for table in ("decision", "audit"):
                for action in ("update", "delete"):
                    tx.execute(text(f"DROP TRIGGER {table}_no_{action}"))
        for change in changes:
            tx.execute(text(change))
    with db.read() as connection:
        return [f"{one.seq} {one.what}" for one in audit.verify(connection)]


def test_an_untouched_trail_holds(decided: Database):
    with decided.read() as connection:
        assert list(audit.verify(connection)) == []
        head = audit.head(connection)
        assert head.seq == 4
        assert list(audit.verify(connection, head.digest)) == []


def test_an_empty_trail_holds(db: Database):
    with db.read() as connection:
        assert list(audit.verify(connection)) == []
        assert audit.head(connection) == audit.Head(0, audit.START)


def test_a_changed_row_is_found(decided: Database):
    change = "UPDATE audit SET content = replace(content, 'wang', 'zhao') WHERE seq = 2"
    assert "2 its content was changed after it was sealed" in tampered(decided, change)


def test_a_removed_row_is_found(decided: Database):
    told = tampered(decided, "DELETE FROM audit WHERE seq = 2")
    assert "3 row 2 is missing before it" in told
    assert "3 it does not seal the row before it" in told


def test_a_changed_decision_is_found(decided: Database):
    told = tampered(decided, "UPDATE decision SET made_by = 'zhao' WHERE id = 3")
    assert told == ["None decision 3 is not as the trail has it"]


def test_a_removed_decision_is_found(decided: Database):
    told = tampered(decided, "DELETE FROM decision WHERE id = 3")
    assert told == ["None decision 3 is in the trail, but gone"]


def test_a_planted_decision_is_found(decided: Database):
    planted = (
        "INSERT INTO decision (item_id, made_at, made_by, role, stage, act, note, version, "
        "before, after, model, rules, taxonomy) SELECT item_id, made_at, made_by, role, stage, "
        "act, note, 99, before, after, model, rules, taxonomy FROM decision WHERE id = 1"
    )
    assert tampered(decided, planted) == ["None decision 5 has no row in the trail"]


def test_a_row_sealed_anew_breaks_the_next(decided: Database):
    with decided.read() as connection:
        previous, content = connection.execute(
            text("SELECT previous, content FROM audit WHERE seq = 3")
        ).one()
    forged = content.replace('"li"', '"wang"')
    digest = audit.digest_of(previous, forged)
    quoted = forged.replace("'", "''").replace(":", "\\:")
    change = f"UPDATE audit SET content = '{quoted}', digest = '{digest}' WHERE seq = 3"
    assert "4 it does not seal the row before it" in tampered(decided, change)


def test_a_forger_has_to_seal_all_that_follows(decided: Database):
    with decided.read() as connection:
        previous, content = connection.execute(
            text("SELECT previous, content FROM audit WHERE seq = 3")
        ).one()
    forged = content.replace('"li"', '"wang"')
    digest = audit.digest_of(previous, forged)
    quoted = forged.replace("'", "''").replace(":", "\\:")
    told = tampered(
        decided,
        f"UPDATE audit SET content = '{quoted}', digest = '{digest}' WHERE seq = 3",
        f"UPDATE audit SET previous = '{digest}' WHERE seq = 4",
    )
    assert "4 its content was changed after it was sealed" in told


def test_rows_cut_off_at_the_end_are_found_by_a_seal_that_was_noted(decided: Database):
    with decided.read() as connection:
        noted = audit.head(connection).digest
    told = tampered(
        decided,
        "DELETE FROM audit WHERE seq = 4",
        "UPDATE review_item SET version = 1 WHERE id = 2",
        "DELETE FROM decision WHERE id = 4",
    )
    assert told == []  # a shorter chain holds by itself
    with decided.read() as connection:
        (broken,) = audit.verify(connection, noted)
    assert "rows were cut off" in broken.what


def test_a_row_of_another_place_is_found(decided: Database):
    content = audit.canonical({"seq": 9, "at": "", "who": "", "action": "", "told": {}})
    digest = audit.digest_of(audit.START, content)
    quoted = content.replace(":", "\\:")
    told = tampered(
        decided,
        f"UPDATE audit SET content = '{quoted}', digest = '{digest}' WHERE seq = 1",
    )
    assert "1 it stands at another place than it was written" in told


def test_a_row_that_is_no_json_is_found(decided: Database):
    told = tampered(decided, "UPDATE audit SET content = 'x' WHERE seq = 1")
    assert "1 its content was changed after it was sealed" in told
    assert "None decision 1 has no row in the trail" in told


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values))
def test_canonical_json_is_the_same_however_the_keys_came(content: dict[str, object]):
    turned = dict(reversed(content.items()))
    assert audit.canonical(content) == audit.canonical(turned)
    assert json.loads(audit.canonical(content)) == content


def test_who_came_and_went_is_in_the_trail(db: Database):
    at = datetime(2026, 3, 7, 12, tzinfo=UTC)
    with db.write() as tx:
        audit.append(tx, at, "wang", "login", {"role": "reviewer"})
        audit.append(tx, at, "wang", "logout", {})
    with db.read() as connection:
        rows = connection.execute(text("SELECT content FROM audit ORDER BY seq")).scalars()
        actions = [json.loads(row)["action"] for row in rows]
    assert actions == ["login", "logout"]
