"""Add, list and disable accounts of the reviewers, and reset their passwords."""

from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from catenary.domain.errors import StoreError
from catenary.domain.review import LOCAL, RefusedError, Role
from catenary.jobs import workspaces
from catenary.store import accounts
from catenary.store.accounts import Account
from catenary.store.workspace import Workspace

SHORTEST = 10  # characters of a password. Source: our starting value; NIST SP 800-63B asks for 8
LONGEST = 200  # more only costs the server time


class Passwords:
    """Hashes passwords with argon2id and compares them, as slowly for a name nobody has."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Take the library's own costs, or others (tests take cheap ones)."""
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("nobody")

    def hashed(self, password: str) -> str:
        """Return a password as it is stored.

        Raises:
            StoreError: If it is too short or too long.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise StoreError(
                f"a password has {SHORTEST} to {LONGEST} characters, got {len(password)}"
            )
        return self._hasher.hash(password)

    def matches(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password is the hashed one; never for None, in the same time."""
        try:
            self._hasher.verify(hashed or self._nobody, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None


def add(place: Path | Workspace, name: str, role: Role, password: str) -> None:
    """Add an account to a workspace.

    Raises:
        StoreError: If there is no workspace, or the password cannot be.
        RefusedError: If the name cannot be, or is taken.
    """
    hashed = Passwords().hashed(password)
    with workspaces.existing(place) as (db, _), db.write() as tx:
        accounts.add(tx, name, role, hashed, datetime.now(UTC))


def disable(place: Path | Workspace, name: str) -> None:
    """Let an account log in no more; its decisions stay.

    Raises:
        StoreError: If there is no workspace.
        RefusedError: If there is no such account, or it is the last admin.
    """
    with workspaces.existing(place) as (db, _), db.write() as tx:
        accounts.disable(tx, name, datetime.now(UTC))


def reset(place: Path | Workspace, name: str, password: str) -> None:
    """Give an account a password that its owner has to replace; its logins end.

    Raises:
        StoreError: If there is no workspace, or the password cannot be.
        RefusedError: If no such account can log in.
    """
    hashed = Passwords().hashed(password)
    with workspaces.existing(place) as (db, _), db.write() as tx:
        found = accounts.find(tx, name)
        if found is None:
            raise RefusedError("not_found", f"no account {name!r} can log in; see users list")
        accounts.set_password(tx, found[0], hashed, datetime.now(UTC), LOCAL.name)


def list_all(place: Path | Workspace) -> list[Account]:
    """Return the accounts of a workspace, oldest first.

    Raises:
        StoreError: If there is no workspace.
    """
    with workspaces.existing(place) as (db, _), db.read() as connection:
        return accounts.all_of(connection)
