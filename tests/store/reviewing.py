"""Runs with items in the queue, and decisions on them, for tests of what follows a decision."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, text

from catenary import config
from catenary.domain.defect_loop import Deadlines
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult
from catenary.domain.review import Decision, Reader, Role, SecondReading, Wish
from catenary.store import findings, ledger, queue_fill, reviews
from catenary.store.database import Database
from catenary.store.review_items import Item, by_ids
from catenary.store.reviews import Ask, Rules
from catenary.store.schema import review_item
from tests.store import records

DROPPER = Box(10.0, 20.0, 40.0, 220.5)
NOW = datetime(2026, 3, 6, 8, tzinfo=UTC)
LEAD = Reader("li", Role.LEAD)
WANG = Reader("wang", Role.REVIEWER)
ZHAO = Reader("zhao", Role.SECOND)
TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
RULES = Rules(TAXONOMY, SecondReading(), 14.0, Deadlines())
READ_TWICE = replace(RULES, second=SecondReading(True, 1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run shows: photograph 1 is of mast D000, 4 and 5 of D001, 3 of none.

    Attributes:
        numbers: Photographs.
        broken: Those that show a broken dropper; None means all.
        outcome: Of every photograph; None leaves them pending.
        box: Of the droppers.
    """

    numbers: tuple[int, ...] = (1, 4)
    broken: tuple[int, ...] | None = None
    outcome: FrameResult | None = records.DONE
    box: Box = DROPPER


USUAL = Shown()


def add_run(db: Database, name: str, date: str, shown: Shown = USUAL) -> int:
    """Add a run with its queue filled; return its row."""
    numbers = shown.numbers
    with db.write() as tx:
        run_id = ledger.register(tx, replace(records.record(name, f"/data/{name}"), date=date))
        refs = [replace(records.ref(number), run=name) for number in numbers]
        ledger.plan(tx, run_id, refs)
        if shown.outcome is not None:
            for one in refs:
                ledger.finish(tx, run_id, one.image_id, shown.outcome)
        found = [
            records.broken_dropper(records.ref(number).image_id)
            for number in (numbers if shown.broken is None else shown.broken)
        ]
        placed = [replace(one, component=replace(one.component, box=shown.box)) for one in found]
        findings.insert_all(tx, run_id, [(one, None) for one in placed])
    queue_fill.fill(db, run_id, [], NOW, 14.0)
    return run_id


def items(db: Database, run_id: int) -> list[Item]:
    """Return the items of a run, in the order of its photographs."""
    with db.read() as connection:
        query = select(review_item.c.id).where(review_item.c.run_id == run_id)
        return by_ids(connection, sorted(connection.execute(query).scalars()))


def decide(
    db: Database,
    item: Item,
    wish: Wish | Decision = Decision.CONFIRM,
    reader: Reader = WANG,
    *,
    rules: Rules = RULES,
    now: datetime = NOW,
) -> Item:
    """Decide on an item as it stands now."""
    asked = wish if isinstance(wish, Wish) else Wish(wish)
    with db.write() as tx:
        (before,) = by_ids(tx, [item.id])
        (after,) = reviews.decide(tx, [Ask(item.id, before.version, asked)], reader, rules, now)
    return after


def undo(db: Database, item: Item, reader: Reader = WANG, now: datetime = NOW) -> Item:
    """Take the newest decision on an item back."""
    with db.write() as tx:
        (before,) = by_ids(tx, [item.id])
        (after,) = reviews.undo(tx, [(item.id, before.version)], reader, RULES, now)
    return after


def later(days: float) -> datetime:
    """Return a time so many days after `NOW`."""
    return NOW + timedelta(days=days)


def lift_guards(tx: Connection, *tables: str) -> None:
    """Let append-only tables be changed, as somebody could who owns the database."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for table in tables:
        for action in ("update", "delete"):
            tx.execute(text(f"DROP TRIGGER {table}_no_{action}"))
