"""The trail: an append-only log whose rows each seal the one before."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, insert, select, text

from catenary.store.schema import audit, decision, defect_step, inheritance

START = "0" * 64  # what the first row seals
_CHUNK = 1000
DECIDED, STEPPED, _INHERITED = "decide", "defect", "inherit"
# Tables whose rows the trail holds whole, by the action of its rows, with a word for people.
_SEALED: Mapping[str, tuple[Table, str]] = {
    DECIDED: (decision, "decision"),
    STEPPED: (defect_step, "defect step"),
    _INHERITED: (inheritance, "inheritance"),
}


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of the trail.

    Attributes:
        seq: Its number, which is also how many rows there are.
        digest: Its seal; whoever notes it down can prove later that nothing before was changed.
    """

    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the trail does not hold.

    Attributes:
        seq: Number of the row; None for a decision that no row tells of.
        what: What is wrong, in words.
    """

    seq: int | None
    what: str


def canonical(content: Mapping[str, Any]) -> str:
    """Return JSON that is the same for the same content, on every machine.

    Keys in order, no blanks, characters as they are; a number that is not finite is refused.

    >>> canonical({"b": 1, "a": "吊弦"})
    '{"a":"吊弦","b":1}'
    """
    return json.dumps(
        content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def digest_of(previous: str, content: str) -> str:
    """Return the seal of a row: SHA-256 over the seal before it and its own content."""
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()


def head(connection: Connection) -> Head:
    """Return the newest row; number 0 with `START` while there is none."""
    query = select(audit.c.seq, audit.c.digest).order_by(audit.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return Head(0, START) if row is None else Head(row.seq, row.digest)


def hold(tx: Connection) -> None:
    """Have those who write rows of the trail take turns, until the transaction ends.

    Taken before any row is locked: two who lock rows and then wait for the trail, or the other way
    round, would wait for each other. SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))


def append(tx: Connection, at: datetime, who: str, action: str, told: Mapping[str, Any]) -> Head:
    """Add a row.

    Args:
        tx: Also makes the change that it tells of.
        at: When, UTC with its zone.
        who: Name of the account.
        action: Short word, e.g. ``"decide"``.
        told: What was done; plain JSON values.
    """
    hold(tx)
    row = row_after(head(tx), at, who, action, told)
    tx.execute(insert(audit).values(row))
    return Head(row["seq"], row["digest"])


def row_after(
    last: Head, at: datetime, who: str, action: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row that follows the newest one; see `append`."""
    seq = last.seq + 1
    content = canonical(
        {"seq": seq, "at": at.isoformat(), "who": who, "action": action, "told": dict(told)}
    )
    digest = digest_of(last.digest, content)
    return {"seq": seq, "content": content, "previous": last.digest, "digest": digest}


def append_decision(tx: Connection, decision_id: int, at: datetime, who: str) -> Head:
    """Add the row of a decision that this transaction made: the whole decision, sealed."""
    row = tx.execute(select(decision).where(decision.c.id == decision_id)).mappings().one()
    return append(tx, at, who, DECIDED, record(row))


def append_step(tx: Connection, step_id: int, at: datetime, who: str) -> Head:
    """Add the row of a defect's step that this transaction made: the whole step, sealed."""
    row = tx.execute(select(defect_step).where(defect_step.c.id == step_id)).mappings().one()
    return append(tx, at, who, STEPPED, record(row))


def append_inheritance(tx: Connection, number: int, at: datetime, who: str) -> Head:
    """Add the row of a decision that went on to another part: all of it, sealed."""
    row = tx.execute(select(inheritance).where(inheritance.c.id == number)).mappings().one()
    return append(tx, at, who, _INHERITED, record(row))


def record(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Return a decision, step or inheritance as the trail keeps it."""
    told = dict(row)
    told["made_at"] = row["made_at"].isoformat()
    return told


def verify(connection: Connection, noted: str = "") -> Iterator[Broken]:
    """Yield every place where the trail was changed; nothing when it holds.

    Rows that were cut off at the end leave a chain that holds by itself: note a digest now and then
    and give it here.

    Args:
        connection: Database.
        noted: Seal that was noted down before, or empty; it must be in the chain.
    """
    previous, expected, has_noted = START, 1, not noted
    told: dict[str, dict[int, str]] = {action: {} for action in _SEALED}
    query = select(audit).order_by(audit.c.seq)
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        yield from _row_problems(row, previous, expected)
        if (found := _sealed_in(row["content"])) is not None:
            action, sealed = found
            told[action][sealed["id"]] = canonical(sealed)
        has_noted = has_noted or row["digest"] == noted
        previous, expected = row["digest"], row["seq"] + 1
    if not has_noted:
        yield Broken(None, f"the seal {noted} is not in the trail: rows were cut off or changed")
    for action, rows in told.items():
        yield from _sealed_problems(connection, action, rows)


def _row_problems(row: RowMapping, previous: str, expected: int) -> Iterator[Broken]:
    seq = row["seq"]
    if seq != expected:
        yield Broken(seq, f"row {expected} is missing before it")
    if row["previous"] != previous:
        yield Broken(seq, "it does not seal the row before it")
    if row["digest"] != digest_of(row["previous"], row["content"]):
        yield Broken(seq, "its content was changed after it was sealed")
    elif json.loads(row["content"])["seq"] != seq:
        yield Broken(seq, "it stands at another place than it was written")


def _sealed_in(content: str) -> tuple[str, dict[str, Any]] | None:
    try:
        row = json.loads(content)
    except ValueError:
        return None  # told as changed already
    if isinstance(row, dict) and row.get("action") in _SEALED:
        told = row.get("told")
        return (row["action"], told) if isinstance(told, dict) and "id" in told else None
    return None


def _sealed_problems(connection: Connection, action: str, told: dict[int, str]) -> Iterator[Broken]:
    """Compare the rows of a table as they stand with what the trail says of them."""
    table, name = _SEALED[action]
    query = select(table).order_by(table.c.id)
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}).mappings():
        sealed = told.pop(row["id"], None)
        if sealed is None:
            yield Broken(None, f"{name} {row['id']} has no row in the trail")
        elif sealed != canonical(record(row)):
            yield Broken(None, f"{name} {row['id']} is not as the trail has it")
    for number in told:
        yield Broken(None, f"{name} {number} is in the trail, but gone")
