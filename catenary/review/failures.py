"""Errors become answers here and nowhere else."""

import logging
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catenary.domain.errors import (
    CatenaryError,
    RunBusyError,
    SourceError,
    StoreError,
    UnreadableImageError,
)
from catenary.domain.review import RefusedError
from catenary.review.tell import Teller

log = logging.getLogger(__name__)

_REFUSED = {
    "not_found": HTTPStatus.NOT_FOUND,
    "no_mast": HTTPStatus.NOT_FOUND,
    "several_masts": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "account_name": HTTPStatus.UNPROCESSABLE_ENTITY,
    "same_password": HTTPStatus.UNPROCESSABLE_ENTITY,
    "own_account": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no_defect": HTTPStatus.UNPROCESSABLE_ENTITY,
    "other_part": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_early": HTTPStatus.UNPROCESSABLE_ENTITY,
    "stale": HTTPStatus.CONFLICT,
    "leased": HTTPStatus.CONFLICT,
    "nothing_to_undo": HTTPStatus.CONFLICT,
    "role": HTTPStatus.FORBIDDEN,
    "taken": HTTPStatus.CONFLICT,
    "last_admin": HTTPStatus.CONFLICT,
    "own_reading": HTTPStatus.FORBIDDEN,
    "not_yours": HTTPStatus.FORBIDDEN,
}
_CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not_found",
    HTTPStatus.BAD_REQUEST: "invalid",
}


class HttpError(CatenaryError):
    """An answer that is no success.

    Attributes:
        status: HTTP status.
        code: Stable reason, see docs/review.md.
        headers: More headers.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        """Keep status and code beside the sentence for people."""
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}


def body(
    code: str,
    message: str,
    *,
    number: str | None = None,
    current: Sequence[Any] | None = None,
    details: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """Return the JSON of an error."""
    told = {"code": code, "message": message, "id": number, "current": current}
    return {"error": told | {"details": list(details)}}


def install(app: FastAPI, teller: Teller) -> None:
    """Make an application answer all errors in our form."""

    def refused(request: Request, error: Exception) -> JSONResponse:
        told = error if isinstance(error, RefusedError) else RefusedError("invalid", str(error))
        current = None
        if _REFUSED[told.code] is HTTPStatus.CONFLICT and told.items:
            items = teller.items_now(told.items, getattr(request.state, "reader", None))
            current = [one.model_dump(mode="json") for one in items]
        return JSONResponse(body(told.code, str(told), current=current), _REFUSED[told.code])

    def ours(_request: Request, error: Exception) -> JSONResponse:
        status, code = _status(error)
        headers = error.headers if isinstance(error, HttpError) else None
        return JSONResponse(body(code, str(error)), status, headers)

    def invalid(_request: Request, error: Exception) -> JSONResponse:
        details = _details(error) if isinstance(error, RequestValidationError) else []
        if any(one["field"] == "" for one in details):
            told = body("not_json", "the body is not JSON", details=details)
            return JSONResponse(told, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        told = body("invalid", "some fields are wrong", details=details)
        return JSONResponse(told, HTTPStatus.UNPROCESSABLE_ENTITY)

    def http(_request: Request, error: Exception) -> JSONResponse:
        status = (
            HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus(400)
        )
        return JSONResponse(body(_CODES.get(status, "invalid"), status.phrase), status)

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(CatenaryError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _status(error: Exception) -> tuple[HTTPStatus, str]:
    match error:
        case HttpError():
            return error.status, error.code
        case UnreadableImageError():
            return HTTPStatus.NOT_FOUND, "picture_unreadable"
        case SourceError():
            return HTTPStatus.SERVICE_UNAVAILABLE, "source_gone"
        case RunBusyError():
            return HTTPStatus.CONFLICT, "run_busy"
        case StoreError():
            return HTTPStatus.SERVICE_UNAVAILABLE, "store_gone"
        case _:
            return HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"


def _details(error: RequestValidationError) -> list[dict[str, str]]:
    """Return which fields are wrong; a field without a name is the whole body, no JSON."""
    found = []
    for one in error.errors():
        if one["type"] == "json_invalid":
            return [{"field": "", "message": str(one["msg"])}]
        place = [str(each) for each in one["loc"] if each not in ("body", "query", "path")]
        found.append({"field": ".".join(place) or "body", "message": str(one["msg"])})
    return found


class Unexpected:
    """Answers bugs with a number, under which the log has the trace."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # a bug: whoever asked is told its number, the log has the trace
            number = secrets.token_hex(4)
            log.exception("bug id=%s method=%s path=%s", number, scope["method"], scope["path"])
            if not has_begun:
                told = body(
                    "internal", f"an error of the server; its log has {number}", number=number
                )
                answer = JSONResponse(told, HTTPStatus.INTERNAL_SERVER_ERROR)
                await answer(scope, receive, send)
