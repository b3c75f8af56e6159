"""Scans in processes of their own that can be killed, with a judge that costs nothing."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from catenary import cli, config
from catenary.domain.finding import Component, Evidence, Finding, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import Frame, ImageRef
from catenary.imaging import packed
from catenary.jobs.scanning import assemble
from catenary.pipeline.judge import Judgement
from catenary.store import database, shards
from catenary.store.workspace import Workspace
from tests import forked

SPOTS = ((30, 22), (70, 45), (100, 78))  # of a mast's clevises in the first camera, px
CAMERAS = {"01": (0, 0, 1.0), "02": (8, 6, 0.85)}  # shift px, scale
BATCH = 4
KIND = "clevis"
CONDITION = next(
    iter(config.load_taxonomy(config.bundled("configs/taxonomy.yaml")).components[KIND].conditions)
)


def picture(number: int) -> bytes:
    """Return a small night photograph; every hundredth is too dark, another is cut short."""
    random = np.random.default_rng(number)
    pixels = random.integers(0, 12, (110, 140), np.uint8)
    if number % 25 != 7:
        cv2.line(pixels, (10, 100), (130, 12), 200, 5)
        cv2.rectangle(pixels, (40, 40), (90, 52), 220, -1)
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    return data[: len(data) // 2] if number % 25 == 11 else data


def write_run(folder: Path, masts: int) -> Path:
    """Write a run of mast folders, two photographs a mast."""
    run = folder / "2026-03-06_示例线_上行_东站-西站"
    for number in range(masts * len(CAMERAS)):
        mast, camera = number // len(CAMERAS), list(CAMERAS)[number % len(CAMERAS)]
        place = run / "东站" / f"K{mast}+000_{mast:03d}"
        place.mkdir(parents=True, exist_ok=True)
        name = f"0105{mast % 60:02d}{mast:03d}_{place.name}_0_{camera}.jpg"
        (place / name).write_bytes(picture(number))
    return run


class CheapJudge:
    """Says of three parts a photograph what mast and camera decide; lists what it saw."""

    def __init__(self, seen: Path) -> None:
        self.versions = Versions("fake@0", "1", "1")
        self.thresholds = {KIND: 0.5}
        self._seen = seen

    def __call__(self, frame: Frame) -> Judgement:
        with self._seen.open("a") as file:
            file.write(frame.ref.image_id + "\n")
        return Judgement(tuple(_findings(frame.ref)), (), {"judge": 0.001})


def _findings(ref: ImageRef) -> Iterator[Finding]:
    assert ref.mast is not None
    random = np.random.default_rng(int(ref.mast.number))
    across, down, scale = CAMERAS[ref.camera]
    sway = random.uniform(-8, 8, 2)
    for spot in SPOTS:
        x, y = (np.array(spot) + sway + random.uniform(-2, 2, 2)) * scale + (across, down)
        chance = random.uniform()
        verdict = Verdict.DEFECT if chance < 0.2 else Verdict.NORMAL
        if chance > 0.9 or (chance < 0.1 and ref.camera == "02"):
            verdict = Verdict.CANNOT_JUDGE
        yield _finding(ref.image_id, Box(x, y, x + 12.5, y + 14.0), verdict)


def _finding(image_id: str, box: Box, verdict: Verdict) -> Finding:
    is_judged, is_bad = verdict is not Verdict.CANNOT_JUDGE, verdict is Verdict.DEFECT
    score = (0.9 if is_bad else 0.1) if is_judged else None
    reason = "" if is_judged else "crop 9 x 7 px, need 24 x 24"
    return Finding(
        image_id,
        Component(KIND, box, 0.8),
        verdict,
        "normal" if verdict is Verdict.NORMAL else CONDITION,
        score,
        1 if is_bad else None,
        (Evidence("fake/1", CONDITION, verdict, score, reason=reason),),
        Versions("fake@0", "1", "1"),
        reason,
    )


def scanning(
    run: Path, workspace: Path, before: Callable[[], None] | None = None, wait_minutes: int = 0
):
    """Start ``catenary scan`` in a process of its own; ``before`` is called in it first."""
    arguments = (run, workspace, before, wait_minutes)
    process = forked.PROCESSES.Process(target=_scan, args=arguments, daemon=True)
    process.start()
    return process


def scan(run: Path, workspace: Path, before: Callable[[], None] | None = None) -> int | None:
    """Scan to the end; return the exit code (3: some photographs could not be read)."""
    process = scanning(run, workspace, before)
    process.join()
    return process.exitcode


def _scan(run: Path, workspace: Path, before: Callable[[], None] | None, wait_minutes: int) -> None:
    told = os.open(workspace.with_name("told.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(told, 1)
    os.dup2(told, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    seen = workspace.with_name("seen.txt")
    assemble.judge = lambda _: CheapJudge(seen)  # type: ignore[assignment, return-value]
    sys.argv = ["catenary", "scan", str(run), "--workspace", str(workspace)]
    sys.argv += ["--set", f"batch={BATCH}", "--wait", str(wait_minutes)]
    if before:
        before()
    cli.main()


def told(workspace: Path) -> str:
    """Return what the scans into a workspace printed."""
    return workspace.with_name("told.txt").read_text()


def seen(workspace: Path) -> list[str]:
    """Return the photographs that were judged, in order, with repetitions."""
    path = workspace.with_name("seen.txt")
    return path.read_text().splitlines() if path.exists() else []


@dataclass(frozen=True, slots=True)
class Everything:
    """What a scan leaves that stands, without row numbers and times.

    Pictures are named as by a first judgement: one made again after a loss is numbered. In which
    pack they lie depends on where a kill parted the batches.
    """

    frames: list[tuple]
    findings: list[tuple]
    masts: list[tuple]
    views: list[tuple]
    components: list[tuple]
    pictures: dict[str, bytes]
    files: set[str]  # shards and packs that no batch recorded


_FRAME = "seq, image_id, file_name, location, camera, mast_number, outcome, reason, width, height"
_FINDING = "x0, y0, x1, y1, component, verdict, condition, probability, grade, reason, evidence"
_QUERIES = {
    "frames": f"SELECT {_FRAME} FROM frame ORDER BY seq",
    "findings": f"SELECT seq, {_FINDING.replace('reason', 'finding.reason')}, crop, crop_x0 "
    "FROM finding JOIN frame ON frame.id = frame_id WHERE superseded_at IS NULL "
    "ORDER BY seq, x0, y0",
    "masts": "SELECT mast_number, frames, frame_ids FROM joined_mast ORDER BY mast_number",
    "views": "SELECT name, part.verdict, part.condition, part.probability, grade, confidence, seq,"
    " part_view.x0, part_view.verdict, finding_id IS NULL, part_view.crop FROM part JOIN part_view"
    " ON part_id = part.id JOIN frame ON frame.id = frame_id ORDER BY name, seq",
}


def everything(path: Path, url: str = "") -> Everything:
    """Return what lies in a workspace of one run."""
    workspace = Workspace(path, url)
    db = database.open_workspace_db(workspace.database)
    with db.read() as connection:
        ask = connection.exec_driver_sql
        tables = {
            name: sorted(map(_as_first, ask(query)), key=str) for name, query in _QUERIES.items()
        }
        standing = "SELECT crop FROM finding WHERE superseded_at IS NULL"
        crops = {*ask(standing).scalars(), *ask("SELECT crop FROM part_view").scalars()} - {None}
        name = str(ask("SELECT name FROM run").scalar_one())
        recorded = set(ask("SELECT file_name FROM shard").scalars())
        recorded |= set(ask("SELECT file_name FROM evidence_pack").scalars())
        if not url:
            assert ask("PRAGMA integrity_check").fetchone() == ("ok",)
            assert ask("PRAGMA foreign_key_check").fetchall() == []
        rows = [
            (one.image_id, one.x0, one.y0, one.x1, one.y1, one.verdict, one.probability)
            for one in shards.components_of_run(connection, workspace, 1)
        ]
    db.close()
    pictures = {_as_first((crop,))[0]: packed.read(workspace.picture(name, crop)) for crop in crops}
    lying = [*workspace.detections(name).iterdir(), *workspace.evidence(name).glob("*[!g]")]
    files = {one.name for one in lying} - recorded
    return Everything(**tables, components=sorted(rows), pictures=pictures, files=files)


def _as_first(row: Sequence) -> tuple:
    return tuple(_PLACE.sub("", v) if isinstance(v, str) else v for v in row)


_PLACE = re.compile(r"^[0-9a-z-]+\.zip/|-r\d+(?=-\d+\.jpg$)")  # in its pack, and its number
