"""Routes of accounts: an admin looks after all of them, everybody after their own password."""

import logging
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from catenary.domain.review import RefusedError, Right
from catenary.jobs.reviewing.accounts import SHORTEST
from catenary.review import answers
from catenary.review.failures import HttpError
from catenary.review.people import (
    COOKIE,
    Caller,
    needs,
    present,
    reader_of,
    require_patience,
    session_answer,
)
from catenary.review.site import Site
from catenary.review.wishes import AccountAsked, OwnPasswordAsked, PasswordAsked, RoleAsked, Row
from catenary.store import accounts
from catenary.store.accounts import Account

log = logging.getLogger(__name__)


def router(site: Site) -> APIRouter:
    """Return the routes of accounts."""
    routes = APIRouter(prefix="/api", tags=["accounts"])
    admin = Annotated[Caller, Depends(needs(site, Right.PEOPLE))]
    anybody = Annotated[Caller, Depends(present(site))]

    @routes.get("/accounts")
    def all_accounts(_who: admin) -> answers.Accounts:
        """List the accounts."""
        with site.db.read() as connection:
            told = [_told(one) for one in accounts.all_of(connection)]
        return answers.Accounts(accounts=told, shortest_password=SHORTEST)

    @routes.post("/accounts", status_code=HTTPStatus.CREATED)
    def add(who: admin, asked: AccountAsked) -> answers.ChangedAccount:
        """Add an account."""
        by, hashed = _admin(who), site.passwords.hashed(asked.password)
        with site.db.write() as tx:
            added = accounts.add(tx, asked.name, asked.role, hashed, site.clock(), by)
            return _changed(tx, added)

    @routes.post("/accounts/{account_id}/role")
    def change_role(who: admin, account_id: Row, asked: RoleAsked) -> answers.ChangedAccount:
        """Give an account another role."""
        by = _admin(who)
        with site.db.write() as tx:
            seen = replace(accounts.by_id(tx, account_id), role=asked.was)
            accounts.set_role(tx, seen, asked.role, site.clock(), by)
            return _changed(tx, account_id)

    @routes.post("/accounts/{account_id}/password")
    def reset(who: admin, account_id: Row, asked: PasswordAsked) -> answers.ChangedAccount:
        """Give an account a password that its owner has to replace; its logins end."""
        by, hashed = _admin(who), site.passwords.hashed(asked.password)
        with site.db.write() as tx:
            accounts.set_password(tx, _other(tx, account_id, by), hashed, site.clock(), by)
            return _changed(tx, account_id)

    @routes.post("/accounts/{account_id}/disable")
    def disable(who: admin, account_id: Row) -> answers.ChangedAccount:
        """Let an account log in no more; its logins end."""
        by = _admin(who)
        with site.db.write() as tx:
            accounts.disable(tx, accounts.by_id(tx, account_id).name, site.clock(), by)
            return _changed(tx, account_id)

    @routes.post("/accounts/{account_id}/enable")
    def enable(who: admin, account_id: Row) -> answers.ChangedAccount:
        """Let a disabled account log in again."""
        by = _admin(who)
        with site.db.write() as tx:
            accounts.enable(tx, accounts.by_id(tx, account_id).name, site.clock(), by)
            return _changed(tx, account_id)

    @routes.post("/session/password")
    def change_own(who: anybody, asked: OwnPasswordAsked, request: Request) -> answers.Session:
        """Change the own password; other logins of the account end."""
        return _change_own(site, who, asked, request.cookies.get(COOKIE, ""))

    return routes


def _change_own(site: Site, who: Caller, asked: OwnPasswordAsked, secret: str) -> answers.Session:
    own, now = reader_of(who), site.clock()
    name = own.name.casefold()
    require_patience(site.attempts.wait(name, now))
    with site.db.read() as connection:
        found = accounts.find(connection, own.name)
    if found is None:
        raise RefusedError("not_found", "there is no account here whose password could be changed")
    if not site.passwords.matches(found[1], asked.old):
        site.attempts.failed(name, now)
        log.warning("a password was not changed: the old one was wrong")
        raise HttpError(HTTPStatus.FORBIDDEN, "wrong_password", "the old password is wrong")
    if asked.new == asked.old:
        raise RefusedError("same_password", "the new password is the old one")
    site.attempts.succeeded(name)
    hashed = site.passwords.hashed(asked.new)
    with site.db.write() as tx:
        accounts.set_password(tx, found[0], hashed, now, own.name, secret)
    return session_answer(site, Caller(own, who.csrf, has_accounts=True))


def _admin(who: Caller) -> str:
    """Return who changes accounts; refuse while there are none.

    The first one is added by the command: whoever may run it has the workspace in their hands
    anyway, which cannot be said of every program of this machine that reaches the server.
    """
    if not who.has_accounts:
        told = "there are no accounts; add the first with `catenary users add NAME --role admin`"
        raise HttpError(HTTPStatus.CONFLICT, "no_accounts", told)
    return reader_of(who).name


def _other(connection: Connection, account_id: int, by: str) -> Account:
    """Return somebody else's account."""
    found = accounts.by_id(connection, account_id)
    if found.name == by:
        raise RefusedError("own_account", "change your own password with the old one")
    return found


def _changed(connection: Connection, account_id: int) -> answers.ChangedAccount:
    return answers.ChangedAccount(account=_told(accounts.by_id(connection, account_id)))


def _told(one: Account) -> answers.AccountOut:
    return answers.AccountOut(
        id=one.id,
        name=one.name,
        role=one.role,
        created_at=one.created_at,
        disabled_at=one.disabled_at,
        must_change=one.must_change,
    )
