"""What every request must pass, and every answer carries."""

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catenary.review import failures

MAX_BODY = 256 * 1024  # bytes; 200 decisions with notes are below
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Checks the Host header and the size of bodies, and adds the headers of safety."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        """Wrap an application.

        Args:
            app: Application.
            names: Host names it answers to, beside ``localhost`` and every plain address: an
                attack by a rebound name needs a name.
        """
        self._app = app
        self._names = {name.casefold() for name in names} | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, with_headers)
            return
        await _Bounded(self._app)(scope, receive, with_headers)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if not self._answers_to(host):
            told = f"this server does not answer to the name {host[:100]!r}; see --name"
            return JSONResponse(failures.body("bad_host", told), HTTPStatus.BAD_REQUEST)
        return None

    def _answers_to(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        plain = name.removeprefix("[").removesuffix("]")
        try:
            ipaddress.ip_address(plain)
        except ValueError:
            return plain.casefold() in self._names
        return True


class _Bounded:
    """Reads a body up to the limit and hands it on whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        content = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the browser has gone
            content += message.get("body", b"")
            if len(content) > MAX_BODY:
                told = f"a request may have {MAX_BODY // 1024} KiB"
                answer = JSONResponse(
                    failures.body("too_large", told), HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                )
                await answer(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        told_once = False

        async def replayed() -> Message:
            nonlocal told_once
            if told_once:
                return await receive()
            told_once = True
            return {"type": "http.request", "body": content, "more_body": False}

        await self._app(scope, replayed, send)
