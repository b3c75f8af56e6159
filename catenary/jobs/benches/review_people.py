"""Many reviewers deciding at once on a real server, and whether each decision was taken once."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from catenary.domain.errors import StoreError
from catenary.domain.review import Decision
from catenary.jobs import workspaces
from catenary.jobs.benches.review_build import PASSWORD, Person
from catenary.jobs.benches.review_server import Browserless
from catenary.jobs.reviewing import trail
from catenary.store.schema import decision, vigilance

_LEASED = 5  # items at once, as the page of triage asks for
_UNDONE = 20  # one of so many decisions is taken back
_DECISIONS = tuple(Decision)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, milliseconds."""

    median_ms: float
    p95_ms: float
    most_ms: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What the database says of the decisions that were acknowledged.

    Attributes:
        shared: Items that two had a lease of at once.
        lost: Acknowledged, and not in the database.
        unasked: In the database, and acknowledged to nobody.
        double: Acknowledged twice on the same version of an item.
        known: Answers to known defects, shown as if they were new; they change no item.
    """

    shared: int
    lost: int
    unasked: int
    double: int
    known: int


@dataclass(frozen=True, slots=True)
class Together:
    """What many reviewers did at once.

    Attributes:
        people: How many.
        decisions: Acknowledged by the server, undos among them.
        seconds: From the first to the last.
        answer: Time from sending a decision to the answer.
        lease: From asking for items to the answer.
        refused: Decisions that the server did not take.
        late_undos: Undos that it did not take, since another had the item by then.
        checked: Against the database.
        trail_rows: Rows of the trail.
        trail_broken: What `catenary audit verify` complains of.
    """

    people: int
    decisions: int
    seconds: float
    answer: Spread
    lease: Spread
    refused: int
    late_undos: int
    checked: Checked
    trail_rows: int
    trail_broken: int

    @property
    def rate(self) -> float:
        """Decisions a second."""
        return self.decisions / self.seconds

    @property
    def is_sound(self) -> bool:
        """Whether each was taken once, and nothing else."""
        one = self.checked
        wrong = (self.refused, one.shared, one.lost, one.unasked, one.double, self.trail_broken)
        return not any(wrong)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A decision that the server took, as it told."""

    item: int
    version: int  # from then on
    by: str


@dataclass(slots=True)
class Diary:
    """What all reviewers saw; safe to share between their threads."""

    taken: list[Acknowledged] = field(default_factory=list)
    answer_s: list[float] = field(default_factory=list)
    lease_s: list[float] = field(default_factory=list)
    refused: int = 0
    late_undos: int = 0
    shared: list[tuple[int, str, str]] = field(default_factory=list)
    holders: dict[int, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def leased(self, items: Iterable[int], by: str, seconds: float) -> None:
        """Note who has what; two who have the same are noted too."""
        with self.lock:
            self.lease_s.append(seconds)
            for item in items:
                other = self.holders.setdefault(item, by)
                if other != by:
                    self.shared.append((item, other, by))

    def let_go(self, item: int, by: str) -> None:
        """Note that somebody decides: from here on the server may give it to another."""
        with self.lock:
            if self.holders.get(item) == by:
                del self.holders[item]

    def took(self, told: Acknowledged, seconds: float) -> None:
        """Note a decision that the server took."""
        with self.lock:
            self.answer_s.append(seconds)
            self.taken.append(told)

    def refuse(self, *, is_undo: bool = False) -> None:
        """Note one that it did not take."""
        with self.lock:
            self.late_undos += is_undo
            self.refused += not is_undo


def decide(
    address: str, workspace: Path, those: Sequence[Person], decisions: int, pause_s: float = 0.0
) -> Together:
    """Let people decide at once, and hold what they were told against the database.

    Args:
        address: Of the server.
        workspace: It serves.
        those: Who decides; each with an account.
        decisions: At least so many together.
        pause_s: Of each before a decision; 0: as fast as they can.

    Raises:
        StoreError: If somebody cannot log in.
    """
    with workspaces.existing(workspace) as (db, _), db.read() as connection:
        newest = _newest(connection)
    diary, each = Diary(), -(-decisions // len(those))
    workers = [_Worker(address, one, diary, pause_s) for one in those]
    started = time.perf_counter()
    with ThreadPoolExecutor(len(workers)) as pool:
        for done in [pool.submit(one.work, each) for one in workers]:
            done.result()
    seconds = time.perf_counter() - started
    checked = trail.verify(workspace, "")
    with workspaces.existing(workspace) as (db, _), db.read() as connection:
        found = compared(connection, newest, diary)
    return Together(
        len(those),
        len(diary.taken),
        seconds,
        _spread(diary.answer_s),
        _spread(diary.lease_s),
        diary.refused,
        diary.late_undos,
        found,
        checked.head.seq,
        len(checked.broken),
    )


class _Worker:
    """One reviewer: leases some, decides on each, now and then takes one back."""

    def __init__(self, address: str, who: Person, diary: Diary, pause_s: float) -> None:
        """Log in."""
        self._name, self._diary, self._pause_s = who.name, diary, pause_s
        self._client = Browserless(address)
        self._client.log_in(who.name, PASSWORD)
        self._made = 0

    def work(self, decisions: int) -> None:
        """Decide so often, or until nothing is left."""
        with closing(self._client):
            while self._made < decisions:
                items = self._lease()
                if not items:
                    return
                for item in items:
                    self._decide(item)

    def _lease(self) -> list[dict[str, Any]]:
        started = time.perf_counter()
        status, told = self._client.ask("POST", "/api/queue/lease", {"n": _LEASED})
        if status != HTTPStatus.OK:
            raise StoreError(f"{self._name} got no items: {status} {told}")
        items: list[dict[str, Any]] = told["items"]
        ids = [item["id"] for item in items]
        self._diary.leased(ids, self._name, time.perf_counter() - started)
        return items

    def _decide(self, item: dict[str, Any]) -> None:
        time.sleep(self._pause_s)
        number, version = item["id"], item["version"]
        wish = {"decision": str(_decision(number, version)), "version": version}
        self._diary.let_go(number, self._name)
        status, told = self._ask(f"/api/items/{number}/decisions", wish)
        if status != HTTPStatus.CREATED:
            self._diary.refuse()
            return
        self._made += 1
        if self._made % _UNDONE == 0:
            status, _ = self._ask(f"/api/items/{number}/undo", {"version": told["item"]["version"]})
            if status != HTTPStatus.CREATED:
                self._diary.refuse(is_undo=True)

    def _ask(self, path: str, wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        started = time.perf_counter()
        status, told = self._client.ask("POST", path, wish)
        seconds = time.perf_counter() - started
        if status == HTTPStatus.CREATED:
            item = told["item"]
            self._diary.took(Acknowledged(item["id"], item["version"], self._name), seconds)
        return status, told


def _decision(item: int, version: int) -> Decision:
    """Return what is said of an item: all say the same, but of one in ten."""
    differs = version > 0 and item % 10 == 0
    return _DECISIONS[(item // 10 + differs) % len(_DECISIONS)]


def _newest(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(decision.c.id), 0))).scalar_one())


def compared(connection: Connection, newest: int, diary: Diary) -> Checked:
    """Hold what was acknowledged against the rows of the database."""
    columns = (decision.c.item_id, decision.c.version, decision.c.made_by)
    rows = connection.execute(select(*columns).where(decision.c.id > newest))
    kept = Counter(Acknowledged(*row) for row in rows)
    shown = {
        (row.item_id, row.reader)
        for row in connection.execute(select(vigilance.c.item_id, vigilance.c.reader))
    }
    own = [one for one in diary.taken if (one.item, one.by) not in shown]
    taken = Counter(own)
    versions = Counter((one.item, one.version) for one in own)
    return Checked(
        shared=sum(
            (item, one) not in shown and (item, other) not in shown
            for item, one, other in diary.shared
        ),
        lost=(taken - kept).total(),
        unasked=(kept - taken).total(),
        double=(versions - Counter(set(versions))).total(),
        known=len(diary.taken) - len(own),
    )


def _spread(seconds: Sequence[float]) -> Spread:
    """Return median, 95 % and greatest, in milliseconds."""
    if not seconds:
        return Spread(0.0, 0.0, 0.0)
    told = 1000 * np.percentile(seconds, (50, 95, 100))
    return Spread(*(float(one) for one in told))
