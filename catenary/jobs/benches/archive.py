"""How a scan behaves with the number of photographs: `catenary bench archive`.

Everything but the network is real: runs of links to a few small photographs, the reader, the
ledger, decoding, batches, shards, resuming. The judge says the same of every photograph.
"""

import multiprocessing
import os
import platform
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from catenary.domain.errors import StoreError
from catenary.domain.finding import Component, Evidence, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import Frame, FrameResult, ImageRef, Outcome
from catenary.jobs.benches import archive_rows
from catenary.jobs.benches.archive_rows import RUN, VERSIONS, Asked, Inserted
from catenary.jobs.scanning import assemble, scan, writing
from catenary.pipeline.judge import Judge, Judgement
from catenary.store import database, ledger, shards
from catenary.store.database import Database
from catenary.store.ledger import Origin
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

_A_MAST = 40  # photographs
_PICTURES = 8  # files that all links lead to
_BEGUN = 64  # photographs after which a start is over
_A_SHARD = 16


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured.

    Attributes:
        frames: Sizes of the runs that are begun.
        scanned: Photographs of the run that is scanned to its end.
        rows: Rows of the ledger and findings that are inserted.
        held: Rows that the database holds before them; each in turn.
        database: URL of an empty database for these rows; a file when empty.
    """

    frames: tuple[int, ...] = (100, 10_000, 100_000, 1_000_000)
    scanned: int = 20_000
    rows: int = 200_000
    held: tuple[int, ...] = (0, 1_000_000)
    database: str = field(default="", repr=False)  # may hold a password

    def __post_init__(self) -> None:
        """Refuse sizes that measure nothing."""
        if min(*self.frames, self.scanned, self.rows) < _BEGUN:
            raise ValueError(f"every size must be at least {_BEGUN}, got {self}")
        if list(self.held) != sorted(self.held) or min(self.held) < 0:
            raise ValueError(f"the rows that are held must rise, got {self.held}")


@dataclass(frozen=True, slots=True)
class Start:
    """How a scan of a run begins.

    Attributes:
        frames: Photographs of the run.
        first_s: Seconds until the first photograph was judged; no network is loaded.
        planned_s: Seconds until all were planned.
        peak_mb: Largest resident memory of the process until then.
    """

    frames: int
    first_s: float
    planned_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """How a run goes on of which half is finished; see `Start`."""

    frames: int
    shards: int
    first_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scan to its end.

    Attributes:
        frames: Photographs.
        rates: Photographs a second, by tenths of the run.
        memory_mb: Resident memory at the end of each tenth.
        join_s: Seconds from the last photograph to the end.
    """

    frames: int
    rates: tuple[float, ...]
    memory_mb: tuple[float, ...]
    join_s: float


@dataclass(frozen=True, slots=True)
class Archive:
    """All figures, with the machine and the day."""

    machine: str
    day: str
    starts: list[Start] = field(default_factory=list)
    resumed: list[Resumed] = field(default_factory=list)
    scanned: list[Scanned] = field(default_factory=list)
    inserted: list[Inserted] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


def bench(folder: Path, sizes: Sizes, tell: Callable[[str], None]) -> Archive:
    """Measure; each scan in a process of its own, so that its memory is its own.

    Args:
        folder: New folder to work in; runs and workspaces in it are removed as they are done with.
        sizes: What is measured.
        tell: Called with a line about each figure as soon as it is there.

    Raises:
        StoreError: If the folder is in use or cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder} is in use; name a new folder for the bench")
    folder.mkdir(parents=True, exist_ok=True)
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    machine = f"{os.cpu_count()} x {platform.machine()}, load {load}"
    found = Archive(machine, datetime.now(UTC).date().isoformat())
    pictures = _pictures(folder / "pictures")
    for frames in sizes.frames:
        run = _linked(folder / str(frames) / RUN, pictures, frames)
        _kept(found.starts, _apart(_start, run), tell)
        _kept(found.resumed, _apart(_resume, run), tell)
        shutil.rmtree(run.parent)
    run = _linked(folder / "scanned" / RUN, pictures, sizes.scanned)
    _kept(found.scanned, _apart(_scan_all, run), tell)
    shutil.rmtree(run.parent)
    for one in archive_rows.measure(
        Workspace(folder / "rows", sizes.database), sizes.held, sizes.rows
    ):
        _kept(found.inserted if isinstance(one, Inserted) else found.asked, one, tell)
    shutil.rmtree(folder / "rows")
    return found


def record(found: Archive) -> dict[str, Any]:
    """Return all figures for ``--json``."""
    return asdict(found)


def _kept(those: list[Any], one: object, tell: Callable[[str], None]) -> None:
    those.append(one)
    tell(line(one))


def line(one: object) -> str:
    """Return a figure as a line for people."""
    match one:
        case Start():
            return (
                f"{one.frames:>9,} photographs: first judged after {one.first_s:.2f} s, "
                f"all planned after {one.planned_s:.1f} s, peak {one.peak_mb:.0f} MB"
            )
        case Resumed():
            return (
                f"{one.frames:>9,} photographs, half finished, {one.shards:,} shards: next judged "
                f"after {one.first_s:.2f} s, peak {one.peak_mb:.0f} MB"
            )
        case Scanned():
            return (
                f"{one.frames:>9,} photographs scanned: {_tenths(one.rates)} /s by tenths, memory "
                f"{_tenths(one.memory_mb)} MB, views joined in {one.join_s:.1f} s"
            )
        case Inserted():
            return (
                f"{one.rows:>9,} rows of {one.what} onto {one.held:,}: {_tenths(one.rates)} rows/s "
                f"by tenths, {one.processor_rate:,.0f} a processor second, "
                f"database {one.file_mb:.0f} MB"
            )
        case Asked():
            return (
                f"{one.held:>9,} rows held, {one.what}: median {one.median_ms:.1f} ms, "
                f"95 % below {one.p95_ms:.1f} ms, processor {one.processor_ms:.1f} ms"
            )
    raise TypeError(f"no figure of this bench: {one!r}")


def _tenths(values: Sequence[float]) -> str:
    return " ".join(f"{value:,.0f}" for value in values)


def _pictures(folder: Path) -> list[Path]:
    """Write the few photographs that all links lead to."""
    folder.mkdir()
    paths = []
    for number in range(_PICTURES):
        pixels = np.random.default_rng(number).integers(0, 12, (240, 320), np.uint8)
        cv2.line(pixels, (20, 220), (300, 30 + number), 200, 5)
        path = folder / f"{number}.jpg"
        path.write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
        paths.append(path.absolute())
    return paths


def _linked(run: Path, pictures: Sequence[Path], frames: int) -> Path:
    """Make a run of mast folders whose photographs are links."""
    for mast in range(-(-frames // _A_MAST)):
        place = run / "A" / f"K{mast // 20}+{mast % 20 * 50:03d}_{mast:06d}"
        place.mkdir(parents=True)
        for number in range(mast * _A_MAST, min(frames, (mast + 1) * _A_MAST)):
            clock = f"{number // 360_000 % 24:02d}{number // 6000 % 60:02d}{number // 100 % 60:02d}"
            name = f"{clock}{number % 100:03d}_{place.name}_0_{number % _A_MAST:02d}.jpg"
            os.symlink(pictures[number % _PICTURES], place / name)  # noqa: PTH211 - a million times
    return run


def _apart(work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the work gives
    """Return what a function gives that runs in a fresh process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_sent, args=(sender, work, arguments)
    )
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError as error:
        raise StoreError(f"the process that measures {work.__name__} ended early") from error
    finally:
        process.join()


def _sent(sender: Any, work: Callable[..., Any], arguments: tuple[object, ...]) -> None:  # noqa: ANN401 - a pipe
    sender.send(work(*arguments))


class _SameJudge:
    """Says the same of every photograph: two sound parts, and of every fiftieth a defect."""

    def __init__(self) -> None:
        self.versions, self.thresholds = VERSIONS, {"dropper": 0.5}
        self.judged = 0
        self.first_at = 0.0

    def __call__(self, frame: Frame) -> Judgement:
        self.judged += 1
        self.first_at = self.first_at or time.perf_counter()
        kinds = [Verdict.NORMAL, Verdict.DEFECT if self.judged % 50 == 0 else Verdict.NORMAL]
        told = tuple(_finding(frame.ref.image_id, one, n) for n, one in enumerate(kinds))
        return Judgement(told, (), {})


def _finding(image_id: str, verdict: Verdict, number: int = 0) -> Finding:
    is_bad = verdict is Verdict.DEFECT
    score = 0.5 + 0.4 * (hash(image_id) % 1_000_003) / 1_000_003 if is_bad else 0.1
    return Finding(
        image_id,
        Component("dropper", Box(20.0 + 90 * number, 30, 60.0 + 90 * number, 200), 0.9),
        verdict,
        "broken" if is_bad else "normal",
        score,
        1 if is_bad else None,
        (Evidence("bench/1", "broken", verdict, score),),
        VERSIONS,
    )


class _EnoughError(Exception):
    """A start is over."""


def _start(run: Path) -> Start:
    """Begin a scan; go on until all is planned."""
    frames = _count(run)
    judge, started = _SameJudge(), time.perf_counter()
    reached = _begun(run, frames, judge)
    return Start(reached, judge.first_at - started, time.perf_counter() - started, _peak_mb())


def _count(run: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(run))


def _begun(run: Path, wanted: int, judge: _SameJudge) -> int:
    """Scan until some are judged and all are planned; return how many these are."""
    reached = 0

    def step(done: int, total: int, _note: str = "") -> None:
        nonlocal reached
        reached = total
        if done >= min(wanted, _BEGUN) and total >= wanted:
            raise _EnoughError

    with suppress(_EnoughError):
        _scan(run, step, judge)
    return reached


def _scan(run: Path, step: writing.Progress, judge: _SameJudge) -> None:
    by, folder = cast("Judge", judge), run.with_name("ws")
    scan.scan_run(str(run), folder, assemble.Recipe(), scan.Options(), step, by)


def _resume(run: Path) -> Resumed:
    """Go on with a run of which half is finished."""
    workspace = Workspace(run.with_name("ws"))
    frames = _count(run)
    db = database.open_workspace_db(workspace.database)
    count = _finish_half(db, workspace, frames)
    db.close()
    judge, started = _SameJudge(), time.perf_counter()

    def step(_done: int, _total: int, _note: str = "") -> None:
        raise _EnoughError

    with suppress(_EnoughError):
        _scan(run, step, judge)
    return Resumed(frames, count, judge.first_at - started, _peak_mb())


def _finish_half(db: Database, workspace: Workspace, frames: int) -> int:
    """Write down that half of a run is finished, with its shards; return how many these are."""
    done = FrameResult(Outcome.DONE, width=320, height=240, seconds=0.001)
    with db.read() as connection:
        left = frames // 2 - (frames - ledger.counts(connection, 1)[None])
    folder, batch, count = workspace.detections(RUN), [], 0
    for ref in ledger.pending(db, 1, max(0, left)):
        batch.append(ref)
        if len(batch) == 50 * _A_SHARD:
            count += _finish(db, folder, batch, done)
            batch = []
    return count + _finish(db, folder, batch, done)


def _finish(db: Database, folder: Path, batch: Sequence[ImageRef], done: FrameResult) -> int:
    written = []
    for start in range(0, len(batch), _A_SHARD):
        rows = [row for ref in batch[start : start + _A_SHARD] for row in _rows(ref)]
        written.append(shards.write(folder, f"bench-{rows[0].image_id[-12:-4]}", rows))
    with db.write() as tx:
        ledger.finish_all(tx, 1, [(ref.image_id, done, Origin()) for ref in batch])
        for one in written:
            shards.record(tx, 1, one)
    return len(written)


def _rows(ref: ImageRef) -> Iterator[ComponentRow]:
    for number in range(2):
        box = (20.0 + 90 * number, 30.0, 60.0 + 90 * number, 200.0)
        yield ComponentRow(
            ref.image_id, ref.file_name, "dropper", *box, 0.9, "normal", "normal", 0.1
        )


def _scan_all(run: Path) -> Scanned:
    """Scan a run to its end, measured by tenths."""
    frames = _count(run)
    marks = [time.perf_counter()]
    memory: list[float] = []
    ends = {round(frames * tenth / 10) for tenth in range(1, 11)}

    def step(done: int, _total: int, _note: str = "") -> None:
        if done in ends:
            marks.append(time.perf_counter())
            memory.append(_now_mb())

    _scan(run, step, _SameJudge())
    join_s = time.perf_counter() - marks[-1]
    spans = [later - earlier for earlier, later in pairwise(marks)]
    rates = tuple(frames / 10 / span for span in spans)
    return Scanned(frames, rates, tuple(memory), join_s)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _now_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
