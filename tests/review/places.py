"""A workspace with photographs on disk, and what a browser does."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from httpx2 import Response
from starlette.testclient import TestClient

from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, Outcome
from catenary.domain.review import Role
from catenary.imaging.crops import cut
from catenary.runs import discover
from catenary.store import findings, ledger, queue_fill, shards
from catenary.store.database import Database
from catenary.store.findings import CropFile
from catenary.store.ledger import RunRecord
from catenary.store.workspace import Workspace
from tests.store import records
from tests.store.queues import AGEING_DAYS, NOON

ROLES = tuple(Role)
PASSWORD = "correct horse battery"  # noqa: S105 - of a test
HEIGHT, WIDTH = 700, 1100
FRAMES = 6
RUN = "2026-03-06_示例线_上行"


def workspace(folder: Path) -> Workspace:
    place = Workspace(folder / "ws")
    place.create()
    return place


def pixels(number: int) -> np.ndarray:
    """Return a photograph whose grey levels tell where and which it is."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x // 8 + y // 8 + 10 * number) % 200 + 20).astype(np.uint8)


def write_run(folder: Path) -> None:
    folder.mkdir()
    rows = ["file_name,image_id,camera,view,line,direction,section,mast,kilometre_m"]
    for number in range(FRAMES):
        name = f"{number:06d}.png"
        cv2.imwrite(str(folder / name), pixels(number))
        mast = f"D{number // 3:03d}"
        place = f"示例线,up,东站,{mast},{1000 + number}"
        rows.append(f"{name},{number:06d},{number % 3 + 1:02d},dropper,{place}")
    (folder / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")


def fill(db: Database, place: Workspace, folder: Path) -> None:
    """Scan a run by hand: a broken dropper in each photograph but the last, which has a pin."""
    write_run(folder)
    source = discover.open_source(folder)
    record = RunRecord(
        RUN, str(folder), "plain", records.VERSIONS, {}, "示例线", "up", "2026-03-06"
    )
    done = FrameResult(Outcome.DONE, width=WIDTH, height=HEIGHT)
    with db.write() as tx:
        run_id = ledger.register(tx, record)
        ledger.plan(tx, run_id, source.frames())
        for number in range(FRAMES):
            ledger.finish(tx, run_id, f"{number:06d}", done)
        findings.insert_all(tx, run_id, [found(place, number) for number in range(FRAMES)])
        rows = [records.component(f"{number:06d}", x0=300.0 + number, x1=360.0, y1=300.0)
                for number in range(FRAMES)]  # fmt: skip
        shards.record(tx, run_id, shards.write(place.detections(RUN), "000000", rows))
    queue_fill.fill(db, run_id, rows[:1], NOON, AGEING_DAYS)


def found(place: Workspace, number: int):
    if number == FRAMES - 1:
        return records.hidden_pin(f"{number:06d}"), None
    box = Box(10.0 + 20 * number, 20.0, 40.0 + 20 * number, 220.5)
    one = records.broken_dropper(f"{number:06d}", 0.9 - number / 16)
    moved = replace(one, component=Component("dropper", box, 0.97))
    crop = cut(pixels(number), box, 0.35)
    folder = place.evidence(RUN)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{number}.jpg"), crop.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return moved, CropFile(f"{number}.jpg", crop.x0, crop.y0)


@dataclass(slots=True)
class Browser:
    """Keeps cookies and token as a browser with our page does."""

    client: TestClient
    token: str = ""

    def __post_init__(self) -> None:
        self.token = self.client.get("/api/session").json()["csrf_token"]

    def get(self, path: str, **params: object):
        return self.client.get(path, params=params)

    def post(self, path: str, body: object):
        return self.client.post(path, json=body, headers={"X-CSRF-Token": self.token})

    def delete(self, path: str):
        answer = self.client.delete(path, headers={"X-CSRF-Token": self.token})
        self.token = answer.json().get("csrf_token", self.token)
        return answer

    def log_in(self, name: str, password: str = PASSWORD):
        answer = self.post("/api/session", {"name": name, "password": password})
        self.token = answer.json().get("csrf_token", self.token)
        return answer

    def decide(self, item: int, version: int = 0, decision: str = "confirm", **more: object):
        body = {"decision": decision, "version": version, **more}
        return self.post(f"/api/items/{item}/decisions", body)


def code(answer: Response) -> str:
    return answer.json()["error"]["code"]
