"""Runs, photographs and findings for tests of the store."""

from dataclasses import replace
from datetime import datetime

from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import FrameResult, ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.store.ledger import RunRecord
from catenary.store.shards import ComponentRow

VERSIONS = Versions("demo-1", "1@abc", "1")
DONE = FrameResult(Outcome.DONE, width=6576, height=4384, seconds=0.5)


def record(name: str = "沪蓉_下行", source: str = "/data/沪蓉_下行") -> RunRecord:
    return RunRecord(
        name, source, "plain", VERSIONS, {"dropper": 0.4}, "沪蓉", "down", "2022-03-06"
    )


def ref(number: int) -> ImageRef:
    mast = Mast("沪蓉", Direction.DOWN, "浦口-全椒", f"D{number // 4:03d}") if number % 3 else None
    return ImageRef(
        "沪蓉_下行",
        f"{number:06d}",
        f"站区/{number}.jpg",
        f"{number}.jpg",
        "03",
        "dropper",
        mast,
        1347953.0 + number,
        datetime(2022, 3, 6, 23, 26, 50, number % 1000),  # noqa: DTZ001 - local wall clock
    )


def refs(count: int, first: int = 0) -> list[ImageRef]:
    return [ref(number) for number in range(first, first + count)]


def broken_dropper(image_id: str, probability: float = 0.9) -> Finding:
    evidence = Evidence(
        "dropper_continuity/1",
        "broken",
        Verdict.DEFECT,
        0.8,
        (Measurement("longest_gap", 0.21, "1", 0.08),),
        (Polyline("wire", ((10.5, 20.0), (11.0, 90.25))), Polyline("clamp", ((10.0, 5.0),))),
    )
    return Finding(
        image_id,
        Component("dropper", Box(10.0, 20.0, 40.0, 220.5), 0.97, 88.5),
        Verdict.DEFECT,
        "broken",
        probability,
        1,
        (evidence,),
        VERSIONS,
        "no wire over 21 % of the dropper",
    )


def hidden_pin(image_id: str) -> Finding:
    evidence = Evidence(
        "split_pin/1", "missing", Verdict.CANNOT_JUDGE, None, reason="crop 9 x 7 px, need 24 x 24"
    )
    return Finding(
        image_id,
        Component("split_pin", Box(1.0, 2.0, 10.0, 9.0), 0.5),
        Verdict.CANNOT_JUDGE,
        "missing",
        None,
        None,
        (evidence,),
        VERSIONS,
        "too small",
    )


def component(image_id: str, **changes: float | str | None) -> ComponentRow:
    row = ComponentRow(
        image_id,
        f"{image_id}.jpg",
        "insulator",
        1.5,
        2.25,
        30.0,
        90.5,
        0.75,
        "normal",
        "normal",
        0.125,
    )
    return replace(row, **changes)
