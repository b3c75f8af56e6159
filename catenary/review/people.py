"""Who asks, and what they may: logins, roles and the token against forged requests."""

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catenary import __version__
from catenary.domain.review import LOCAL, Reader, Right
from catenary.review import answers
from catenary.review.failures import HttpError
from catenary.review.site import Site
from catenary.store import accounts

COOKIE = "catenary_session"
_TOKEN = "X-CSRF-Token"  # noqa: S105 - the name of a header
_SAFE = {"GET", "HEAD"}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        reader: Name and role; None without a login.
        csrf: Token that their changes must show.
        has_accounts: Whether the workspace has accounts.
        must_change: Whether they have to choose a password before anything else.
    """

    reader: Reader | None
    csrf: str
    has_accounts: bool
    must_change: bool = False


class Login(BaseModel):
    """What is asked to log in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=100)]
    password: Annotated[str, Field(max_length=200)]


def caller(site: Site, request: Request) -> Caller:
    """Return who asks, by their cookie."""
    secret, now = request.cookies.get(COOKIE, ""), site.clock()
    with site.db.read() as connection:
        if not accounts.exist(connection):
            return Caller(LOCAL, site.secret, has_accounts=False)
        settings = site.settings
        found = (
            accounts.session_of(connection, secret, now, settings.idle, settings.longest)
            if secret
            else None
        )
    if found is None:
        return Caller(None, site.secret, has_accounts=True)
    session, is_due = found
    if is_due:
        with site.db.write() as tx:
            accounts.seen(tx, secret, now)
    return Caller(session.reader, session.csrf, True, session.must_change)


def present(site: Site) -> Callable[[Request], Caller]:
    """Return a dependency that lets everybody pass who has logged in."""

    def passed(request: Request) -> Caller:
        found = caller(site, request)
        if found.reader is None:
            raise HttpError(HTTPStatus.UNAUTHORIZED, "login_needed", "log in first")
        if request.method not in _SAFE:
            _require_token(request, found)
        request.state.reader = found.reader
        return found

    return passed


def needs(site: Site, right: Right) -> Callable[[Request], Caller]:
    """Return a dependency that lets only those pass who have a right."""
    is_present = present(site)

    def passed(request: Request) -> Caller:
        found = is_present(request)
        if found.must_change:
            told = "somebody else chose your password; choose your own first"
            raise HttpError(HTTPStatus.FORBIDDEN, "password_needed", told)
        if not reader_of(found).may(right):
            told = f"the role {reader_of(found).role} may not do this"
            raise HttpError(HTTPStatus.FORBIDDEN, "role", told)
        return found

    return passed


def reader_of(found: Caller) -> Reader:
    """Return the reader of a caller that `needs` let pass."""
    if found.reader is None:
        raise HttpError(HTTPStatus.UNAUTHORIZED, "login_needed", "log in first")
    return found.reader


def _require_token(request: Request, found: Caller) -> None:
    """Refuse a change that another page made the browser send."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        told = "the request comes from another page"
        raise HttpError(HTTPStatus.FORBIDDEN, "csrf", told)
    shown = request.headers.get(_TOKEN, "")
    if not hmac.compare_digest(shown.encode(), found.csrf.encode()):
        told = f"the header {_TOKEN} is missing or out of date; get /api/session again"
        raise HttpError(HTTPStatus.FORBIDDEN, "csrf", told)


def router(site: Site) -> APIRouter:
    """Return the routes of the session."""
    routes = APIRouter(prefix="/api/session", tags=["session"])

    @routes.get("")
    def who(request: Request) -> answers.Session:
        """Tell who is logged in."""
        return session_answer(site, caller(site, request))

    @routes.post("")
    def log_in(login: Login, request: Request, response: Response) -> answers.Session:
        """Log in; a login that was there ends, so that none can be planted."""
        _require_token(request, caller(site, request))
        now = site.clock()
        address = request.client.host if request.client else ""
        name = login.name.casefold()
        require_patience(max(site.attempts.wait(name, now), site.addresses.wait(address, now)))
        with site.db.read() as connection:
            found = accounts.find(connection, login.name)
        if not site.passwords.matches(found[1] if found else None, login.password) or not found:
            site.attempts.failed(name, now)
            site.addresses.failed(address, now)
            log.warning("login failed address=%s", address)
            told = "name or password is wrong, or the account is disabled"
            raise HttpError(HTTPStatus.UNAUTHORIZED, "login_failed", told)
        site.attempts.succeeded(name)
        with site.db.write() as tx:
            if former := request.cookies.get(COOKIE):
                accounts.close_session(tx, former, now)
            accounts.sweep(tx, now, site.settings.idle)
            secret = accounts.open_session(tx, found[0], now)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=int(site.settings.longest.total_seconds()),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return _after_login(site, secret)

    @routes.delete("")
    def log_out(
        request: Request,
        response: Response,
        _caller: Annotated[Caller, Depends(present(site))],
    ) -> answers.Session:
        """Log out."""
        with site.db.write() as tx:
            accounts.close_session(tx, request.cookies.get(COOKIE, ""), site.clock())
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        with site.db.read() as connection:
            has_accounts = accounts.exist(connection)
        nobody = Caller(None if has_accounts else LOCAL, site.secret, has_accounts)
        return session_answer(site, nobody)

    return routes


def require_patience(wait: timedelta) -> None:
    """Refuse who has to wait before they may try a password again."""
    if wait > timedelta(0):
        seconds = int(wait.total_seconds()) + 1
        raise HttpError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "slow_down",
            f"too many failed logins; wait {seconds} s",
            {"Retry-After": str(seconds)},
        )


def _after_login(site: Site, secret: str) -> answers.Session:
    settings = site.settings
    with site.db.read() as connection:
        found = accounts.session_of(
            connection, secret, site.clock(), settings.idle, settings.longest
        )
    if found is None:
        raise HttpError(HTTPStatus.UNAUTHORIZED, "login_failed", "the account was just disabled")
    session = found[0]
    return session_answer(site, Caller(session.reader, session.csrf, True, session.must_change))


def session_answer(site: Site, found: Caller) -> answers.Session:
    """Return what the page is told of who asks."""
    reader, settings = found.reader, site.settings
    return answers.Session(
        user=None if reader is None else answers.User(name=reader.name, role=reader.role),
        accounts=found.has_accounts,
        csrf_token=found.csrf,
        can=[str(one) for one in Right if reader is not None and reader.may(one)],
        must_change=found.must_change,
        break_after_minutes=settings.break_after_minutes,
        break_minutes=settings.break_minutes,
        lease_minutes=settings.lease_minutes,
        version=__version__,
    )
