"""The site, put together: read this list to find a route."""

from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI

from catenary import __version__
from catenary.review import (
    accounts,
    answers,
    defects,
    failures,
    frames,
    guard,
    items,
    masts,
    people,
    queue,
    reference,
    reports,
    static,
)
from catenary.review.site import Site

_ERRORS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)


def create_app(site: Site, names: Iterable[str] = (), dist: Path = static.DIST) -> FastAPI:
    """Return the application.

    Args:
        site: All that the routes work with.
        names: Host names it answers to, beside ``localhost`` and plain addresses.
        dist: Folder of the built front end.
    """
    app = FastAPI(
        title="catenary review",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # they would fetch scripts from elsewhere
        redoc_url=None,
        responses={status: {"model": answers.Error} for status in _ERRORS},
    )
    for router in (
        people.router(site),
        accounts.router(site),
        queue.router(site),
        items.router(site),
        frames.router(site),
        masts.router(site),
        defects.router(site),
        reference.router(site),
        reports.router(site),
    ):
        app.include_router(router)
    static.install(app, dist)
    failures.install(app, site.teller)
    app.add_middleware(failures.Unexpected)
    app.add_middleware(guard.Guard, names=tuple(names))
    return app
