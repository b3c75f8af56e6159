"""What reviewers did, counted."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from catenary.domain.review import Act, Stage, State
from catenary.store import reviews
from catenary.store.review_items import ON_ITS_OWN, stored
from catenary.store.schema import decision, review_item, vigilance


@dataclass(slots=True)
class Figures:
    """What one reviewer did.

    Attributes:
        days: Day (UTC, ISO) to decisions that were made.
        acts: What was decided to how often; undone ones count.
        seconded: First readings of theirs that a second reader looked at.
        agreed: Of these, with the same result.
        unblind: Second readings that they made after they had been told the first one; these count
            for nobody's agreement.
        shown: Known defects that were shown again.
        seen: Of these, confirmed.
    """

    days: dict[str, int] = field(default_factory=dict)
    acts: dict[Act, int] = field(default_factory=dict)
    seconded: int = 0
    agreed: int = 0
    unblind: int = 0
    shown: int = 0
    seen: int = 0

    @property
    def decisions(self) -> int:
        """All decisions."""
        return sum(self.days.values())


def of_reviewers(connection: Connection, since: datetime) -> dict[str, Figures]:
    """Return what everybody did since then, by name."""
    found: dict[str, Figures] = defaultdict(Figures)
    own = (decision.c.made_at >= stored(since), decision.c.act != str(Act.UNDO))
    query = select(decision.c.made_by, decision.c.made_at, decision.c.act).where(*own)
    for name, at, act in connection.execute(query):
        one, day = found[name], at.date().isoformat()
        one.days[day] = one.days.get(day, 0) + 1
        one.acts[Act(act)] = one.acts.get(Act(act), 0) + 1
    seconds = (*own, decision.c.stage == str(Stage.SECOND))
    taken_back = select(decision.c.undoes).where(decision.c.undoes.is_not(None))
    # With earlier ones of the same items, which tell what was read blind.
    read = select(decision.c.item_id).where(*seconds)
    query = select(decision, decision.c.id.in_(taken_back).label("is_undone")).where(
        decision.c.item_id.in_(read), seconds[-1], own[-1]
    )
    rows = connection.execute(query.order_by(decision.c.version)).mappings().all()
    unblind = reviews.not_blind(rows)
    for row in rows:
        if row["is_undone"] or row["made_at"] < stored(since):
            continue
        if row["id"] in unblind:
            found[row["made_by"]].unblind += 1
            continue
        before, after = reviews.standing_from(row["before"]), reviews.standing_from(row["after"])
        if before.first_by is not None:
            found[before.first_by].seconded += 1
            found[before.first_by].agreed += after.state is not State.DISPUTED
    shown = select(vigilance.c.reader, vigilance.c.answer).where(
        vigilance.c.answered_at >= stored(since)
    )
    for name, answer in connection.execute(shown):
        found[name].shown += 1
        found[name].seen += answer in (Act.CONFIRM, Act.OBSERVE)
    return dict(found)


def states(connection: Connection, run_id: int | None = None) -> dict[State, int]:
    """Return how many items are in each state, of a run or of all."""
    query = select(review_item.c.state, func.count()).group_by(review_item.c.state)
    query = query.where(ON_ITS_OWN)
    if run_id is not None:
        query = query.where(review_item.c.run_id == run_id)
    found = dict.fromkeys(State, 0)
    found.update({State(state): count for state, count in connection.execute(query)})
    return found
