"""Accounts and their logins."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from catenary.domain.errors import StoreError
from catenary.domain.review import LOCAL, PROGRAM, Reader, Role
from catenary.store import audit
from catenary.store.schema import account, session

SEEN_EVERY = timedelta(minutes=5)  # how exactly it is kept when a session was last used
_LONGEST_NAME = 50


@dataclass(frozen=True, slots=True)
class Account:
    """One account, without its password.

    Attributes:
        id: Row.
        name: Unique.
        role: What it is for.
        created_at: UTC.
        disabled_at: UTC; None while it can log in.
    """

    id: int
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A login.

    Attributes:
        reader: Who.
        csrf: Token that each change must show.
    """

    reader: Reader
    csrf: str


def exist(connection: Connection) -> bool:
    """Tell whether there is any account, disabled ones included."""
    return connection.execute(select(account.c.id).limit(1)).first() is not None


def add(tx: Connection, name: str, role: Role, password: str, now: datetime) -> int:
    """Add an account; return its row.

    Args:
        tx: Also gets the row of the trail.
        name: 1 to 50 printable characters without outer blanks.
        role: What it is for.
        password: Hashed already.
        now: UTC with its zone.

    Raises:
        StoreError: If the name cannot be or is taken.
    """
    is_fit = 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()
    if not is_fit or name.lower() in (LOCAL.name, PROGRAM.name):
        raise StoreError(
            f"an account cannot be called {name!r}; take 1 to {_LONGEST_NAME} printable characters"
        )
    same = func.lower(account.c.name) == name.lower()
    if tx.execute(select(account.c.id).where(same)).first() is not None:
        raise StoreError(f"there is an account {name!r} already; choose another name")
    row = {"name": name, "role": str(role), "password": password, "created_at": _stored(now)}
    added = tx.execute(insert(account).values(row).returning(account.c.id))
    audit.append(tx, now, LOCAL.name, "user_add", {"name": name, "role": str(role)})
    return int(added.scalar_one())


def disable(tx: Connection, name: str, now: datetime) -> None:
    """Let an account log in no more, and end its sessions; its decisions stay.

    Raises:
        StoreError: If there is no such account, or it is disabled already.
    """
    wanted = (account.c.name == name, account.c.disabled_at.is_(None))
    row = tx.execute(select(account.c.id).where(*wanted)).scalar()
    if row is None:
        raise StoreError(f"there is no account {name!r} that could be disabled; see users list")
    tx.execute(update(account).where(account.c.id == row).values(disabled_at=_stored(now)))
    tx.execute(delete(session).where(session.c.account_id == row))
    audit.append(tx, now, LOCAL.name, "user_disable", {"name": name})


def all_of(connection: Connection) -> list[Account]:
    """Return every account, oldest first."""
    rows = connection.execute(select(account).order_by(account.c.id)).mappings()
    return [_account(row) for row in rows]


def find(connection: Connection, name: str) -> tuple[Account, str] | None:
    """Return the account of a name with its hashed password; None for one that cannot log in."""
    query = select(account).where(account.c.name == name, account.c.disabled_at.is_(None))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else (_account(row), row["password"])


def open_session(tx: Connection, who: Account, now: datetime) -> str:
    """Begin a login; return its secret, which is kept nowhere here."""
    secret = secrets.token_urlsafe(32)
    row = {
        "digest": _digest(secret),
        "account_id": who.id,
        "csrf": secrets.token_urlsafe(32),
        "created_at": _stored(now),
        "seen_at": _stored(now),
    }
    tx.execute(insert(session).values(row))
    audit.append(tx, now, who.name, "login", {"role": str(who.role)})
    return secret


def close_session(tx: Connection, secret: str, now: datetime) -> None:
    """End a login; nothing happens to one that is over."""
    own = session.c.digest == _digest(secret)
    query = select(account.c.name).join(session, session.c.account_id == account.c.id).where(own)
    name = tx.execute(query).scalar()
    if name is not None:
        tx.execute(delete(session).where(own))
        audit.append(tx, now, name, "logout", {})


def session_of(
    connection: Connection, secret: str, now: datetime, idle: timedelta, longest: timedelta
) -> tuple[Session, bool] | None:
    """Return the login of a secret and whether `seen` should be told; None when it is over.

    Args:
        connection: Database.
        secret: As the browser sent it.
        now: UTC with its zone.
        idle: A login that was not used for so long is over.
        longest: A login is over so long after it began.
    """
    query = (
        select(session, account.c.name, account.c.role)
        .join(account, session.c.account_id == account.c.id)
        .where(session.c.digest == _digest(secret), account.c.disabled_at.is_(None))
    )
    row = connection.execute(query).mappings().one_or_none()
    at = _stored(now)
    if row is None or at - row["seen_at"] > idle or at - row["created_at"] > longest:
        return None
    reader = Reader(row["name"], Role(row["role"]))
    return Session(reader, row["csrf"]), at - row["seen_at"] > SEEN_EVERY


def seen(tx: Connection, secret: str, now: datetime) -> None:
    """Keep that a login was used."""
    own = session.c.digest == _digest(secret)
    tx.execute(update(session).where(own).values(seen_at=_stored(now)))


def sweep(tx: Connection, now: datetime, idle: timedelta) -> None:
    """Remove logins that are over."""
    tx.execute(delete(session).where(session.c.seen_at < _stored(now) - idle))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _stored(at: datetime) -> datetime:
    """Return UTC without a zone, as the columns hold it."""
    return at.astimezone(UTC).replace(tzinfo=None)


def _account(row: RowMapping) -> Account:
    return Account(
        row["id"],
        row["name"],
        Role(row["role"]),
        row["created_at"].replace(tzinfo=UTC),
        row["disabled_at"] and row["disabled_at"].replace(tzinfo=UTC),
    )
