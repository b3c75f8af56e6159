"""A small workspace to review: drawn photographs of droppers, and a server over it."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import uvicorn
from argon2 import PasswordHasher

from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import Frame, FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.review import Role
from catenary.imaging.crops import cut
from catenary.jobs import evidence
from catenary.jobs.reviewing import review_queue
from catenary.jobs.reviewing.accounts import Passwords
from catenary.jobs.reviewing.review_settings import ReviewSettings
from catenary.review import app, serve
from catenary.review.site import Site
from catenary.store import accounts, findings, ledger
from catenary.store.database import Database, open_workspace_db
from catenary.store.findings import CropFile
from catenary.store.workspace import Workspace

RUN = "2026-03-06_示例线_上行"
EARLIER_RUN = "2025-12-05_示例线_上行"
STORED = "stored"  # folder of evidence pictures
ATTACK = "<img src=x onerror=window.wasHit=1>"
PASSWORD = "night photographs"  # noqa: S105 - of people who exist in tests only
WIDTH, HEIGHT = 600, 480
MASTS = 56
DROPPER = Box(280.0, 100.0, 340.0, 420.0)
_VERSIONS = Versions("drawn-1", "1@abc", "1")
FIRST_READING = ReviewSettings(
    sample_share=0.0, vigilance_share=0.0, second_confirmed=0.0, second_rejected=0.0
)


@dataclass(frozen=True)
class Railway:
    """A server that runs, and what it serves."""

    address: str
    site: Site


def photograph(folder: Path, masts: int) -> None:
    """Draw both runs into a folder: the same masts, a photograph each."""
    noise = np.random.default_rng(0).integers(20, 40, (HEIGHT, WIDTH), dtype=np.uint8)
    (folder / STORED).mkdir()
    for run in (EARLIER_RUN, RUN):
        (folder / run).mkdir()
        for number in range(masts):
            grey = noise.copy()
            cv2.line(grey, (0, 110), (WIDTH, 90), 150, 5)
            # The dropper, broken at half by the time of the later run.
            end = 415 if run == EARLIER_RUN else 230 + number
            cv2.line(grey, (310, 105), (308, end), 120, 3)
            cv2.imwrite(str(folder / run / image_id(number)), grey)
            if has_picture(run, number):
                frame = Frame(_ref(run, number), grey)
                evidence.picture(frame, DROPPER, folder / STORED, image_id(number))


@contextmanager
def served(
    folder: Path,
    pictures: Path,
    masts: int,
    people: dict[str, Role],
    settings: ReviewSettings = FIRST_READING,
) -> Iterator[Railway]:
    """Serve both runs: a broken dropper on each mast of the later one."""
    workspace = Workspace(folder / "workspace")
    workspace.create()
    shutil.copytree(pictures / STORED, workspace.evidence(RUN))
    db = open_workspace_db(workspace.database)
    try:
        _enter(db, pictures / EARLIER_RUN, masts, 0)
        _enter(db, pictures / RUN, masts, masts)
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        with db.write() as tx:
            for person, role in people.items():
                accounts.add(tx, person, role, passwords.hashed(PASSWORD), datetime.now(UTC))
        site = serve.site_of(db, workspace, settings, passwords)
        review_queue.fill(db, workspace, 0.0, 14.0)
        with _listening(site) as address:
            yield Railway(address, site)
        site.photos.close()
        site.exports.close()
    finally:
        db.close()


def _enter(db: Database, source: Path, masts: int, found: int) -> None:
    date = source.name[:10]
    refs = [_ref(source.name, number) for number in range(masts)]
    record = ledger.RunRecord(
        source.name, str(source), "plain", _VERSIONS, {"dropper": 0.4}, "示例线", "up", date
    )
    done = FrameResult(Outcome.DONE, width=WIDTH, height=HEIGHT, seconds=0.1)
    with db.write() as tx:
        run = ledger.register(tx, record)
        ledger.plan(tx, run, refs)
        for ref in refs:
            ledger.finish(tx, run, ref.image_id, done)
        raised = [_broken(image_id(number), 0.95 - number / 200) for number in range(found)]
        stored = [_stored(number) for number in range(found)]
        findings.insert_all(tx, run, list(zip(raised, stored, strict=True)))


def has_picture(run: str, number: int) -> bool:
    """Tell whether a finding has a stored picture: every second one of the later run."""
    return run == RUN and number % 2 == 0


def _stored(number: int) -> CropFile | None:
    if not has_picture(RUN, number):
        return None
    crop = cut(np.zeros((HEIGHT, WIDTH), np.uint8), DROPPER, evidence.MARGIN)
    return CropFile(image_id(number), crop.x0, crop.y0)


def image_id(number: int) -> str:
    return f"{number:04d}.jpg"


def _ref(run: str, number: int) -> ImageRef:
    mast = Mast("示例线", Direction.UP, "东站", ATTACK if number == 0 else f"D{number:03d}")
    taken = datetime(2026, 3, 6, 1, 5, number % 60)  # noqa: DTZ001 - local wall clock
    name = image_id(number)
    return ImageRef(run, name, name, name, "03", "dropper", mast, 1050.0 + number, taken)


def _broken(image_id: str, probability: float) -> Finding:
    told = Evidence(
        "dropper_continuity/2",
        "broken",
        Verdict.DEFECT,
        0.9,
        (Measurement("longest_gap", 0.4, "1", 0.08),),
        (
            Polyline("wire", ((310.0, 105.0), (308.0, 240.0))),
            Polyline("gap", ((308.0, 240.0), (308.0, 415.0))),
        ),
    )
    return Finding(
        image_id,
        Component("dropper", DROPPER, 0.97, 90.0),
        Verdict.DEFECT,
        "broken",
        probability,
        1,
        (told,),
        _VERSIONS,
        "",
    )


@contextmanager
def _listening(site: Site) -> Iterator[str]:
    settings = uvicorn.Config(app.create_app(site), port=0, log_level="warning")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(10)
