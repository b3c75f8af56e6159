"""Accounts and their logins."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from catenary.domain.review import LOCAL, PROGRAM, Reader, RefusedError, Role
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
        must_change: Whether somebody else chose its password, so that it has to choose another.
    """

    id: int
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    must_change: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A login.

    Attributes:
        reader: Who.
        csrf: Token that each change must show.
        must_change: As of the account.
    """

    reader: Reader
    csrf: str
    must_change: bool = False


def exist(connection: Connection) -> bool:
    """Tell whether there is any account, disabled ones included."""
    return connection.execute(select(account.c.id).limit(1)).first() is not None


def add(
    tx: Connection, name: str, role: Role, password: str, now: datetime, by: str = LOCAL.name
) -> int:
    """Add an account; return its row.

    Args:
        tx: Also gets the row of the trail.
        name: 1 to 50 printable characters without outer blanks.
        role: What it is for.
        password: Hashed already.
        now: UTC with its zone.
        by: Who adds it. A password that an admin chose in the browser has to be replaced by its
            owner; whoever types the command may well be the owner.

    Raises:
        RefusedError: ``"account_name"`` where the name cannot be, ``"taken"`` where it is.
    """
    is_fit = 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()
    if not is_fit or name.lower() in (LOCAL.name, PROGRAM.name):
        wanted = f"1 to {_LONGEST_NAME} printable characters"
        raise RefusedError("account_name", f"an account cannot be called {name!r}; take {wanted}")
    same = func.lower(account.c.name) == name.lower()
    if tx.execute(select(account.c.id).where(same)).first() is not None:
        told = f"there is an account {name!r} already; choose another name"
        raise RefusedError("taken", told)
    row = {
        "name": name,
        "role": str(role),
        "password": password,
        "must_change": by != LOCAL.name,
        "created_at": _stored(now),
    }
    added = tx.execute(insert(account).values(row).returning(account.c.id))
    audit.append(tx, now, by, "user_add", {"name": name, "role": str(role)})
    return int(added.scalar_one())


def disable(tx: Connection, name: str, now: datetime, by: str = LOCAL.name) -> None:
    """Let an account log in no more, and end its sessions; its decisions stay.

    Raises:
        RefusedError: ``"not_found"`` where there is no such account or it is disabled already,
            ``"last_admin"`` where nobody would be left to look after accounts.
    """
    wanted = (account.c.name == name, account.c.disabled_at.is_(None))
    row = tx.execute(select(account).where(*wanted)).mappings().one_or_none()
    if row is None:
        told = f"there is no account {name!r} that could be disabled; see users list"
        raise RefusedError("not_found", told)
    _require_another_admin(tx, _account(row))
    tx.execute(update(account).where(account.c.id == row["id"]).values(disabled_at=_stored(now)))
    tx.execute(delete(session).where(session.c.account_id == row["id"]))
    audit.append(tx, now, by, "user_disable", {"name": name})


def enable(tx: Connection, name: str, now: datetime, by: str) -> None:
    """Let a disabled account log in again, with the password it had.

    Raises:
        RefusedError: ``"not_found"`` where no disabled account has that name.
    """
    wanted = (account.c.name == name, account.c.disabled_at.is_not(None))
    if tx.execute(update(account).where(*wanted).values(disabled_at=None)).rowcount != 1:
        raise RefusedError("not_found", f"there is no disabled account {name!r}")
    audit.append(tx, now, by, "user_enable", {"name": name})


def set_role(tx: Connection, who: Account, role: Role, now: datetime, by: str) -> None:
    """Give an account another role, which its logins have at once.

    Raises:
        RefusedError: ``"stale"`` where the role is no longer that of ``who``, ``"last_admin"``
            where nobody would be left to look after accounts.
    """
    if role is not Role.ADMIN:
        _require_another_admin(tx, who)
    own = (account.c.id == who.id, account.c.role == str(who.role))
    if tx.execute(update(account).where(*own).values(role=str(role))).rowcount != 1:
        raise RefusedError("stale", f"somebody changed the role of {who.name!r} meanwhile")
    told = {"name": who.name, "before": str(who.role), "after": str(role)}
    audit.append(tx, now, by, "user_role", told)


def set_password(
    tx: Connection, who: Account, password: str, now: datetime, by: str, kept: str = ""
) -> None:
    """Give an account another password, and end its logins.

    Args:
        tx: Also gets the row of the trail.
        who: Whose.
        password: Hashed already.
        now: UTC with its zone.
        by: Who does it; after anybody but its owner, the owner has to choose another.
        kept: Secret of the login that goes on; empty for none.
    """
    changed = {"password": password, "must_change": by != who.name}
    tx.execute(update(account).where(account.c.id == who.id).values(changed))
    others = (session.c.account_id == who.id, session.c.digest != _digest(kept))
    tx.execute(delete(session).where(*others))
    audit.append(tx, now, by, "user_password", {"name": who.name})


def _require_another_admin(tx: Connection, who: Account) -> None:
    """Refuse to lose the last admin; rows are locked, so that two admins cannot end each other."""
    admins = (account.c.role == str(Role.ADMIN), account.c.disabled_at.is_(None))
    query = select(account.c.id).where(*admins).order_by(account.c.id).with_for_update()
    if set(tx.execute(query).scalars()) == {who.id}:
        raise RefusedError("last_admin", f"{who.name!r} is the last admin; make another one first")


def all_of(connection: Connection) -> list[Account]:
    """Return every account, oldest first."""
    rows = connection.execute(select(account).order_by(account.c.id)).mappings()
    return [_account(row) for row in rows]


def by_id(connection: Connection, account_id: int) -> Account:
    """Return an account.

    Raises:
        RefusedError: ``"not_found"`` where there is none.
    """
    query = select(account).where(account.c.id == account_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise RefusedError("not_found", f"there is no account {account_id}")
    return _account(row)


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
        select(session, account.c.name, account.c.role, account.c.must_change)
        .join(account, session.c.account_id == account.c.id)
        .where(session.c.digest == _digest(secret), account.c.disabled_at.is_(None))
    )
    row = connection.execute(query).mappings().one_or_none()
    at = _stored(now)
    if row is None or at - row["seen_at"] > idle or at - row["created_at"] > longest:
        return None
    reader = Reader(row["name"], Role(row["role"]))
    found = Session(reader, row["csrf"], row["must_change"])
    return found, at - row["seen_at"] > SEEN_EVERY


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
        row["must_change"],
    )
