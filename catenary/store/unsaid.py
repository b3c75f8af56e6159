"""What a second reader must not be told by filters: which items a first reader changed."""

from collections.abc import Collection

from sqlalchemy import Connection, String, and_, cast, func, not_, or_, select

from catenary.domain.review import Reader, State
from catenary.store import review_items, reviews
from catenary.store.review_items import Blind
from catenary.store.schema import decision, review_item


def blind_of(
    connection: Connection, reader: Reader, waiting: Collection[int] | None = None
) -> Blind:
    """Return what filters hide from somebody who reads a second time.

    Args:
        connection: Database.
        reader: Who.
        waiting: Rows of what waits for a second reading, where they are known and few: then nothing
            is searched.
    """
    items = review_items.by_ids(connection, _perhaps_changed(connection, reader, waiting))
    scanned = reviews.as_scanned(connection, items)
    told = [(one.id, scanned[one.id].condition, scanned[one.id].grade) for one in items]
    return Blind(reader.name, tuple(told))


def _perhaps_changed(
    connection: Connection, reader: Reader, waiting: Collection[int] | None
) -> list[int]:
    """Return items that wait for this reader and may not stand as the scan said.

    What stood before the first decision is text; that of an item which nobody changed holds the
    same condition and grade. An item without a decision of its own is looked at too.
    """
    if waiting is not None and not waiting:
        return []
    first = decision.alias("first")
    oldest = select(func.min(decision.c.version)).where(decision.c.item_id == review_item.c.id)
    grade = func.coalesce(cast(review_item.c.grade, String), "null")
    is_same = and_(
        first.c.before.contains('"condition":"' + review_item.c.condition + '"'),
        first.c.before.contains('"grade":' + grade + ","),
    )
    query = (
        select(review_item.c.id)
        .select_from(review_item)
        .outerjoin(
            first,
            and_(
                first.c.item_id == review_item.c.id,
                first.c.version == oldest.correlate(review_item).scalar_subquery(),
            ),
        )
        .where(
            review_item.c.state == str(State.SECOND),
            review_item.c.first_by != reader.name,
            or_(first.c.id.is_(None), not_(is_same)),
        )
        .order_by(review_item.c.id)
    )
    if waiting is not None:
        query = query.where(review_item.c.id.in_(waiting))
    return list(connection.execute(query).scalars())
