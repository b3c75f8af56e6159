"""Open a workspace and serve it."""

import ipaddress
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from catenary import config
from catenary.domain.defect_loop import Deadlines
from catenary.domain.errors import StoreError
from catenary.jobs import workspaces
from catenary.jobs.reviewing import review_queue
from catenary.jobs.reviewing.accounts import Passwords
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review.app import create_app
from catenary.review.attempts import Attempts
from catenary.review.exports import Exports
from catenary.review.mast_index import MastIndex
from catenary.review.photos import Photos
from catenary.review.site import Site
from catenary.review.tell import Teller
from catenary.store import accounts
from catenary.store.database import Database
from catenary.store.defect_counts import DefectCounts
from catenary.store.queue_counts import QueueCounts
from catenary.store.workspace import Workspace

log = logging.getLogger(__name__)

_PEOPLE_AT_ONE_ADDRESS = 10  # behind a proxy or a terminal server; our starting value
_BACKLOG = 128
_LEAST_PAUSE_S = 60.0  # between two looks at what scans found


@dataclass(frozen=True, slots=True)
class Options:
    """What a user chose.

    Attributes:
        host: Address to listen on.
        port: Port; 0 for any that is free.
        names: Host names to answer to, beside that of the machine.
        settings_file: Settings, or None for the shipped ones.
        overrides: ``key=value`` settings.
    """

    host: str = "127.0.0.1"
    port: int = 8400
    names: tuple[str, ...] = ()
    settings_file: Path | None = None
    overrides: tuple[str, ...] = ()


def serve(place: Path | Workspace, options: Options, announce: Callable[[str], None]) -> None:
    """Serve a workspace until stopped.

    Args:
        place: Workspace, or its folder.
        options: What the user chose.
        announce: Told the address as soon as it can be reached.

    Raises:
        StoreError: If there is no workspace, it would be open to a network without accounts, or
            the address is taken.
        ConfigError: If the settings are not valid.
    """
    path = options.settings_file or config.bundled(review_queue.SETTINGS)
    settings = config.load(path, ReviewSettings, options.overrides)
    with opened(place, settings) as site:
        with site.db.read() as connection:
            require_accounts(options.host, accounts.exist(connection))
        _fill(site)
        app = create_app(site, (*options.names, socket.gethostname(), socket.getfqdn()))
        served = uvicorn.Config(
            app,
            log_config=None,  # the program's own
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        with _listening(options) as listener, _filled_again(site):
            host, port = listener.getsockname()[:2]
            announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
            uvicorn.Server(served).run(sockets=[listener])


@contextmanager
def _listening(options: Options) -> Iterator[socket.socket]:
    """Lend a listening socket; the kernel keeps the address for us from here on."""
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StoreError(f"cannot listen on {options.host}: {error.strerror}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)  # whoever comes before the server runs waits a moment
        except OSError as error:
            raise StoreError(
                f"cannot listen on {options.host} port {options.port}: {error.strerror}; "
                "choose another --port or stop the program that has it"
            ) from error
        yield listener


def _fill(site: Site) -> None:
    """Fill the queue, and read what would keep the next one who asks waiting."""
    settings = site.settings
    share, days = settings.sample_share, settings.ageing_days
    review_queue.fill(site.db, site.workspace, share, days, site.deadlines)
    site.queue_counts.refresh()
    site.defect_counts.refresh()
    site.masts.refresh()


@contextmanager
def _filled_again(site: Site) -> Iterator[None]:
    """Fill in now and then what scans find meanwhile, a twentieth of the time at most."""
    stop = threading.Event()

    def go_on() -> None:
        pause = _LEAST_PAUSE_S
        while not stop.wait(pause):
            started = time.monotonic()
            try:
                _fill(site)
            except StoreError as error:
                log.warning("the queue is not filled for now: %s", error)
            pause = max(_LEAST_PAUSE_S, 20 * (time.monotonic() - started))

    filler = threading.Thread(target=go_on, name="filler", daemon=True)
    filler.start()
    try:
        yield
    finally:
        stop.set()
        filler.join()


def require_accounts(host: str, has_accounts: bool) -> None:
    """Refuse to be reached by others while whoever comes may decide.

    Raises:
        StoreError: If others can reach the address and there are no accounts.
    """
    if has_accounts or _is_own_machine(host):
        return
    raise StoreError(
        f"{host} can be reached by others, and this workspace has no accounts; add one first with "
        "`catenary users add NAME --role admin`, or leave --host out"
    )


def _is_own_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def opened(place: Path | Workspace, settings: ReviewSettings) -> Iterator[Site]:
    """Open a workspace as a site, and close it again.

    Raises:
        StoreError: If there is no workspace or no database.
    """
    with workspaces.existing(place, is_durable=True) as (db, workspace):
        site = site_of(db, workspace, settings)
        try:
            yield site
        finally:
            site.photos.close()
            site.exports.close()


def site_of(
    db: Database, workspace: Workspace, settings: ReviewSettings, passwords: Passwords | None = None
) -> Site:
    """Put a site together."""
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))

    def clock() -> datetime:
        return datetime.now(UTC)

    wait = timedelta(seconds=settings.login_wait_s)
    return Site(
        db,
        workspace,
        taxonomy,
        settings,
        clock,
        Photos(workspace, settings.decoded_mb, settings.tiles_mb),
        Teller(db, taxonomy, clock, settings.second_reading(has_accounts=True)),
        Attempts(settings.login_failures, wait),
        Attempts(_PEOPLE_AT_ONE_ADDRESS * settings.login_failures, wait),
        passwords or Passwords(),
        secrets.token_urlsafe(32),
        Exports(db, workspace, clock, settings.notice),
        MastIndex(db),
        QueueCounts(db),
        DefectCounts(db),
        config.load(config.bundled(review_queue.DEADLINES), Deadlines),
    )
