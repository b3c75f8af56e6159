"""The workspace that `catenary bench review` measures on: two runs of one line, made once.

The earlier run is decided: each finding was confirmed by two readers and is a defect of the closed
loop. The later run waits. Everything goes through the functions that a scan and a server use, so
that the trail holds; only the photographs are few, and named often.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from argon2 import PasswordHasher
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from catenary import config
from catenary.domain.defect_loop import Conclusion, Deadlines, Step, StepWish
from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import Frame, FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.review import Decision, Reader, Role, SecondReading, State, Wish
from catenary.jobs import evidence, workspaces
from catenary.jobs.benches import bench_folder, review_copies
from catenary.jobs.reviewing import review_queue
from catenary.jobs.reviewing.accounts import Passwords
from catenary.store import accounts, defect_steps, defects, durable, findings, ledger, reviews
from catenary.store.database import Database
from catenary.store.defect_steps import By
from catenary.store.findings import CropFile
from catenary.store.ledger import RunRecord
from catenary.store.reviews import Ask, Rules
from catenary.store.schema import defect, finding, review_item
from catenary.store.workspace import Workspace

EARLIER, LATER = "2025-12-05_bench_上行_A-B", "2026-03-06_bench_上行_A-B"
PASSWORD = "night photographs"  # noqa: S105 - of people who exist in the bench alone
LINES = ("bench A", "bench B")
_VERSIONS = Versions("bench@0", "1", "1")
_FORM = 1  # of what is built; another one needs another folder
_CHUNK = 2000  # rows a transaction
_DECIDED = 280  # items that are decided as a server does; of each kind some in each state
_AT_ONCE = 20  # of them in a transaction
_COPIED = 10_000  # decisions copied in a transaction
_A_MAST = 40  # photographs
_CAMERAS = 20
_A_SECTION = 200  # masts
_AGEING_DAYS = 14.0
_MONTHS = timedelta(days=60)  # in which all defects were registered
_RATIO = (3, 2)  # width to height
# Component, condition, grade, and how many of ten findings.
_KINDS = (
    ("dropper", "broken", 1, 2),
    ("dropper", "slack", 2, 2),
    ("split_pin", "missing", 1, 2),
    ("insulator", "shed_broken", 1, 1),
    ("insulator", "contaminated", 2, 1),
    ("bolt", "nut_missing", 1, 1),
    ("steady_arm", "bent", 2, 1),
)
_OF_TEN = tuple(n for n, (*_, often) in enumerate(_KINDS) for _ in range(often))
_VIEWS = ("dropper", "cantilever", "insulator", "overview")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is built.

    Attributes:
        frames: Photographs of both runs together.
        findings: Open ones, of the later run.
        defects: Of the closed loop, from the earlier run.
        megapixels: Of a photograph.
        pictures: Different files of photographs; all others are named like one of them.
        people: Reviewers with accounts.
    """

    frames: int = 1_000_000
    findings: int = 100_000
    defects: int = 100_000
    megapixels: float = 29.0
    pictures: int = 8
    people: int = 20

    def __post_init__(self) -> None:
        """Refuse more findings than photographs, and what measures nothing."""
        if min(asdict(self).values()) <= 0 or self.frames < 2 * max(self.findings, self.defects):
            raise ValueError(
                f"every size must be above 0, findings and defects half of frames at most: {self}"
            )


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in."""

    name: str
    role: Role


def people(sizes: Sizes) -> list[Person]:
    """Return who reviews: one in ten leads, three in ten read again, the others read first."""
    roles = [Role.LEAD, *[Role.SECOND] * 3, *[Role.REVIEWER] * 6]
    return [Person(f"bench-{n + 1:02d}", roles[n % 10]) for n in range(sizes.people)]


def build(folder: Path, sizes: Sizes, tell: Callable[[str], None]) -> Workspace:
    """Make the workspace, or go on where it was left; nothing is done when all is there.

    Args:
        folder: Gets ``pictures`` and ``built``.
        sizes: Of it; a folder of other sizes is refused.
        tell: Called with a line about each step.

    Raises:
        ConfigError: If the folder holds a workspace of other sizes.
        StoreError: If it cannot be written.
    """
    bench_folder.keep_plan(folder, {"form": _FORM, **asdict(sizes)}, "a workspace")
    workspace = Workspace(folder / "built")
    workspace.create()
    _draw(folder / "pictures", workspace, sizes)
    with workspaces.opened(workspace) as db:
        runs = {
            name: _enter(db, folder / "pictures" / name, sizes, raised, tell)
            for name, raised in ((EARLIER, sizes.defects), (LATER, sizes.findings))
        }
        if review_queue.fill(db, workspace, 0.0, _AGEING_DAYS):
            tell("queue filled")
        _confirm(db, runs[EARLIER], sizes.defects, tell)
        _admit(db, people(sizes))
    return workspace


def _draw(pictures: Path, workspace: Workspace, sizes: Sizes) -> None:
    """Write the photographs, and of each an evidence picture of each kind of part."""
    height, width = shape(sizes)
    for run in (EARLIER, LATER):
        (pictures / run).mkdir(parents=True, exist_ok=True)
        (workspace.evidence(run)).mkdir(parents=True, exist_ok=True)
        for number in range(sizes.pictures):
            path = pictures / run / picture_name(number)
            if path.is_file():
                continue
            pixels = _drawn(height, width, number, is_broken=run == LATER)
            frame = Frame(ImageRef(run, path.name, path.name, path.name), pixels)
            for kind in range(len(_KINDS)):
                box = _box(sizes, kind)
                evidence.picture(frame, box, workspace.evidence(run), _crop_name(number, kind))
            _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
            durable.write(path, data.tobytes())  # last: it tells that its crops are there


def shape(sizes: Sizes) -> tuple[int, int]:
    """Return height and width of a photograph.

    >>> shape(Sizes())
    (4397, 6595)
    """
    height = round((sizes.megapixels * 1e6 * _RATIO[1] / _RATIO[0]) ** 0.5)
    return height, height * _RATIO[0] // _RATIO[1]


def picture_name(number: int) -> str:
    """Return the file of a photograph."""
    return f"{number:03d}.jpg"


def _crop_name(picture: int, kind: int) -> str:
    return f"{picture:03d}-{kind}.jpg"


def _drawn(height: int, width: int, seed: int, *, is_broken: bool) -> NDArray[np.uint8]:
    """Draw soft clutter with grain, which compresses as night photographs do, and a wire a part."""
    lot = np.random.default_rng(seed)
    coarse = lot.integers(0, 120, (height // 4 + 1, width // 4 + 1), np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels = cv2.add(pixels, lot.integers(0, 12, (height, width), np.uint8))
    for kind in range(len(_KINDS)):
        x0, y0, x1, y1 = (int(one) for one in _corners(height, width, kind))
        end = y0 + (y1 - y0) // 2 if is_broken else y1
        cv2.line(pixels, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, end), 230, max(width // 1000, 1))
    return np.asarray(pixels, np.uint8)


def _corners(height: int, width: int, kind: int) -> tuple[float, float, float, float]:
    """Return where a kind of part is in every photograph: side by side, upright."""
    x0, y0 = width * (0.08 + 0.12 * kind), height * 0.4
    return x0, y0, x0 + max(width * 0.04, 2), y0 + max(height * 0.12, 4)


def _box(sizes: Sizes, kind: int) -> Box:
    return Box(*(float(round(one)) for one in _corners(*shape(sizes), kind)))


def _enter(
    db: Database, source: Path, sizes: Sizes, raised: int, tell: Callable[[str], None]
) -> int:
    """Enter a run: photographs, outcomes and findings, each from where it was left."""
    frames, name = sizes.frames // 2, source.name
    record = RunRecord(
        name,
        str(source.absolute()),
        "plain",
        _VERSIONS,
        {"dropper": 0.4},
        LINES[0],
        "up",
        name[:10],
    )
    with db.write() as tx:
        run_id = ledger.register(tx, record)
        counted = ledger.counts(tx, run_id)
        found = tx.execute(select(func.count()).where(finding.c.run_id == run_id)).scalar_one()
    step = frames // raised  # photographs from one finding to the next; cameras take turns
    height, width = shape(sizes)
    done = FrameResult(Outcome.DONE, width=width, height=height, seconds=0.1)
    for span in _spans(counted.total(), frames):
        with db.write() as tx:
            ledger.plan(tx, run_id, (ref(name, n, sizes.pictures) for n in span))
    for span in _spans(counted.total() - counted[None], frames):
        told = [(image_id(n), done, ledger.Origin()) for n in span]
        with db.write() as tx:
            ledger.finish_all(tx, run_id, told)
    for span in _spans(found, raised):
        pairs = [_found(sizes, n, n * step + n % step) for n in span]
        with db.write() as tx:
            findings.insert_all(tx, run_id, pairs)
    if counted.total() < frames or counted[None] or found < raised:
        tell(f"{name}: {frames:,} photographs, {raised:,} findings")
    return run_id


def _spans(start: int, stop: int) -> Iterator[range]:
    for first in range(start, stop, _CHUNK):
        yield range(first, min(first + _CHUNK, stop))


def image_id(number: int) -> str:
    """Return the id of a photograph of either run.

    >>> image_id(81)
    '000002/01.jpg'
    """
    return f"{number // _A_MAST:06d}/{number % _A_MAST:02d}.jpg"


def ref(run: str, number: int, pictures: int) -> ImageRef:
    """Return a photograph of a run; its bytes are those of one of a few files."""
    mast, camera = number // _A_MAST, number % _CAMERAS
    section = mast // _A_SECTION
    return ImageRef(
        run,
        image_id(number),
        picture_name(number % pictures),
        image_id(number),
        f"{camera + 1:02d}",
        _VIEWS[camera % len(_VIEWS)],
        Mast(LINES[section % 2], Direction.UP, f"S{section:03d}", f"{mast:05d}"),
        50.0 * mast,
    )


def _found(sizes: Sizes, number: int, frame: int) -> tuple[Finding, CropFile]:
    """Return a finding; its probability and its kind lie evenly over the run."""
    kind = _OF_TEN[number * 7 % len(_OF_TEN)]
    component, condition, grade, _ = _KINDS[kind]
    box = _box(sizes, kind)
    probability = 0.4 + 0.59 * (number * 7919 % 100_003) / 100_003
    x, middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    traces = (
        Polyline("wire", ((x, box.y0), (x, middle))),
        Polyline("gap", ((x, middle), (x, box.y1))),
    )
    gap = Measurement("longest_gap", 0.4, "1", 0.08)
    told = Evidence("bench/1", condition, Verdict.DEFECT, probability, (gap,), traces)
    one = Finding(
        image_id(frame),
        Component(component, box, 0.9, 90.0),
        Verdict.DEFECT,
        condition,
        probability,
        grade,
        (told,),
        _VERSIONS,
    )
    margin = evidence.MARGIN * max(box.x1 - box.x0, box.y1 - box.y0)
    name = _crop_name(frame % sizes.pictures, kind)
    return one, CropFile(name, max(0, int(box.x0 - margin)), max(0, int(box.y0 - margin)))


def _confirm(db: Database, run_id: int, wanted: int, tell: Callable[[str], None]) -> None:
    """Let two readers confirm a run, and a lead go on with half of the defects.

    A few are decided as a server decides; the others are copies of these.
    """
    with db.read() as connection:
        before = done = connection.execute(select(func.count()).select_from(defect)).scalar_one()
    known = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    rules = Rules(known, SecondReading(True, 1.0, 0.0), _AGEING_DAYS, Deadlines())
    while done < min(wanted, _DECIDED):
        # Over two months, so that the deadlines of some have passed.
        at = datetime.now(UTC) - _MONTHS * (1 - done / _DECIDED)
        with db.write() as tx:
            done += _confirm_some(tx, run_id, rules, at)
    while done < wanted:
        with db.write() as tx:
            done += review_copies.confirm(tx, run_id, _COPIED)
    if before < wanted:
        tell(f"{wanted:,} defects confirmed by two readers")


def _confirm_some(tx: Connection, run_id: int, rules: Rules, now: datetime) -> int:
    waiting = (review_item.c.run_id == run_id, review_item.c.state == str(State.OPEN))
    query = select(review_item.c.id).where(*waiting).order_by(review_item.c.id).limit(_AT_ONCE)
    ids = list(tx.execute(query).scalars())
    wish = Wish(Decision.CONFIRM)
    for version, name in enumerate(("first-reader", "second-reader")):
        asks = [Ask(one, version, wish) for one in ids]
        reviews.decide(tx, asks, Reader(name, Role.SECOND), rules, now)
    by = By(Reader("bench-lead", Role.LEAD), now, rules.deadlines)
    for one in list(defects.of_items(tx, ids).values())[::2]:
        sent = defect_steps.make(tx, one.id, one.version, StepWish(Step.DISPATCH), by)
        if one.id % 4 == 1:
            repaired = StepWish(Step.REPAIR, conclusion=Conclusion.REPAIRED)
            defect_steps.make(tx, sent.id, sent.version, repaired, by)
    return len(ids)


def _admit(db: Database, wanted: list[Person]) -> None:
    with db.read() as connection:
        there = {one.name for one in accounts.all_of(connection)}
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashed = cheap.hashed(PASSWORD)
    with db.write() as tx:
        for one in wanted:
            if one.name not in there:
                accounts.add(tx, one.name, one.role, hashed, datetime.now(UTC))
