"""A report of a drawn run: dark night pictures with parts whose truth is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from catenary import config
from catenary.domain.finding import Component, Evidence, Finding, Measurement, Verdict, Versions
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef, Outcome
from catenary.domain.place import Direction, Mast
from catenary.domain.refusal import Unjudged
from catenary.reports.data import (
    BadFrame,
    Counts,
    CropImage,
    Names,
    NormalComponent,
    ReportData,
    ReportFinding,
    ReportPart,
    ReportRun,
    ReportView,
    alone,
)

VERSIONS = Versions("demo-sim-1+4f2a91c0", "1@9b1e22", "1")
TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
ORIGIN = (2400, 1100)
BROKEN = Names("吊弦", "dropper", "断裂", "broken")
PIN = Names("开口销", "split pin", "缺失", "missing")
SHED = Names("绝缘子", "insulator", "伞裙破损", "shed broken")


def ref(number: int, name: str = "") -> ImageRef:
    return ImageRef(
        "沪蓉_浦口站-全椒站_下行",
        f"2203062326508{number:04d}",
        f"C3_1.subDb#{number}",
        name or f"232650844_K1347_D{number:03d}_2_13.jpg",
        "13",
        "dropper",
        Mast("沪蓉", Direction.DOWN, "浦口-全椒", f"D{number:03d}"),
        1347953.0 + 52 * number,
        datetime(2022, 3, 6, 23, 26, 50 + number % 9),  # noqa: DTZ001 - local wall clock
    )


def dropper(number: int, probability: float = 0.93, crop: CropImage | None = None) -> ReportFinding:
    x, y = ORIGIN
    evidence = (
        Evidence(
            "dropper_continuity/1",
            "broken",
            Verdict.DEFECT,
            0.91,
            (
                Measurement("longest_gap", 0.2134, "1", 0.08),
                Measurement("tilt_from_axis", 2.4, "deg", 8.0),
                Measurement("wire_width", 5.12, "px"),
            ),
            (
                Polyline("wire", ((x + 68.0, y + 40.0), (x + 70.0, y + 330.0))),
                Polyline("gap", ((x + 70.0, y + 330.0), (x + 72.0, y + 520.0))),
                Polyline("clamp", ((x + 68.0, y + 40.0),)),
            ),
        ),
        Evidence(
            "classifier/1",
            "broken",
            Verdict.DEFECT,
            0.88,
            (Measurement("broken", 0.86, "1"), Measurement("slack", 0.02, "1")),
        ),
    )
    finding = Finding(
        ref(number).image_id,
        Component("dropper", Box(x + 40.0, y + 30.0, x + 100.0, y + 860.0), 0.97, 90.0),
        Verdict.DEFECT,
        "broken",
        probability,
        1,
        evidence,
        VERSIONS,
    )
    return ReportFinding(ref(number), finding, BROKEN, crop)


def pin(number: int, crop: CropImage | None = None) -> ReportFinding:
    x, y = ORIGIN
    evidence = Evidence(
        "split_pin_presence/2",
        "missing",
        Verdict.DEFECT,
        0.64,
        (Measurement("wire_contrast", 0.12, "1", 0.35), Measurement("hole_darkness", 0.2, "1")),
        (Polyline("axis", ((x + 60.0, y + 90.0), (x + 120.0, y + 90.0))),),
    )
    box = Box(x + 50.0, y + 50.0, x + 130.0, y + 130.0)
    finding = Finding(
        ref(number).image_id,
        Component("split_pin", box, 0.71),
        Verdict.DEFECT,
        "missing",
        0.58,
        2,
        (evidence,),
        VERSIONS,
    )
    return ReportFinding(ref(number), finding, PIN, crop)


def hidden_shed(number: int, crop: CropImage | None = None) -> ReportFinding:
    x, y = ORIGIN
    evidence = Evidence(
        "insulator_shed_spacing/4",
        "shed_broken",
        Verdict.CANNOT_JUDGE,
        None,
        (Measurement("period", 2.1, "px", 3.0),),
        reason=Unjudged.FINE_SHEDS,
    )
    finding = Finding(
        ref(number).image_id,
        Component("insulator", Box(x + 20.0, y + 20.0, x + 300.0, y + 160.0), 0.66),
        Verdict.CANNOT_JUDGE,
        "shed_broken",
        None,
        None,
        (evidence,),
        VERSIONS,
        Unjudged.FINE_SHEDS,
    )
    return ReportFinding(ref(number), finding, SHED, crop)


def report(
    findings: Sequence[ReportFinding],
    components: Sequence[NormalComponent] = (),
    pending: int = 0,
) -> ReportData:
    return ReportData(
        ReportRun(
            "沪蓉_浦口站-全椒站_下行",
            "/data/2022-03-06/2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行",
            "workstation",
            "沪蓉",
            "down",
            "2022-03-06",
        ),
        VERSIONS,
        TAXONOMY,
        {"dropper": 0.41, "split_pin": 0.552, "insulator": 0.5},
        Counts(1180, 2, 1, pending, {"too_dark": 2}, {"truncated": 1}),
        tuple(findings),
        (
            BadFrame(ref(71), Outcome.UNUSABLE, "too_dark", "mean 3 grey levels, need 12"),
            BadFrame(ref(72), Outcome.UNUSABLE, "too_dark", "mean 2 grey levels, need 12"),
            BadFrame(ref(73), Outcome.FAILED, "truncated", "ends after 12 of 900 kB"),
        ),
        datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
        components,
    )


def seen_by(one: ReportFinding, camera: str) -> ReportFinding:
    """Return the same finding in a photograph of another camera."""
    shot = replace(one.ref, camera=camera, image_id=f"{one.ref.image_id}-{camera}")
    return replace(one, ref=shot, finding=replace(one.finding, image_id=shot.image_id))


def joined(crops: Sequence[CropImage | None] = (None, None)) -> ReportData:
    """Return a report of one dropper that two cameras raise and a third denies."""
    first = seen_by(dropper(46, 0.9, crops[0]), "05")
    second = seen_by(dropper(46, 0.7, crops[0]), "06")
    denied = ReportView(
        replace(first.ref, camera="21", image_id="other"),
        Verdict.NORMAL,
        Names("吊弦", "dropper", "正常", "normal"),
        0.04,
        first.finding.component.box,
        crops[1],
    )
    part = ReportPart("0123456789ab", first, 1, (alone(first), alone(second), denied), 0.98)
    return replace(report([first, second]), joined=(part,))


def normal(number: int, probability: float | None = 0.01) -> NormalComponent:
    one = ref(number)
    box = (10.0, 20.0, 30.0, 40.0)
    return NormalComponent(one.image_id, one.file_name, "insulator", box, probability)


def draw_dropper(path: Path) -> CropImage:
    """Draw a dropper 140 x 900 px, its wire gone between rows 330 and 520."""
    canvas, pen = _night(140, 900)
    pen.line((68, 40, 70, 330), fill=170, width=5)
    pen.line((72, 520, 74, 850), fill=165, width=5)
    pen.rectangle((50, 20, 90, 44), fill=200)
    pen.rectangle((54, 846, 94, 872), fill=190)
    return _saved(canvas, path)


def draw_pin(path: Path) -> CropImage:
    """Draw a bolt head 180 x 180 px."""
    canvas, pen = _night(180, 180)
    pen.regular_polygon((90, 90, 42), 6, fill=150, outline=210)
    pen.ellipse((78, 78, 102, 102), fill=40)
    return _saved(canvas, path)


def draw_insulator(path: Path) -> CropImage:
    """Draw an insulator 320 x 180 px with eight sheds."""
    canvas, pen = _night(320, 180)
    pen.rectangle((10, 80, 310, 100), fill=120)
    for x in range(30, 310, 36):
        pen.ellipse((x, 40, x + 20, 140), fill=175, outline=90)
    return _saved(canvas, path)


def _night(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    noise = np.random.default_rng(0).normal(28.0, 6.0, (height, width)).clip(0, 255)
    canvas = Image.fromarray(noise.astype(np.uint8))
    return canvas, ImageDraw.Draw(canvas)


def _saved(canvas: Image.Image, path: Path) -> CropImage:
    canvas.save(path, quality=92)
    return CropImage(path, *ORIGIN)
