"""Scan a run into a workspace, and tell what a workspace holds."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

from catenary import config
from catenary.domain.errors import CatenaryError
from catenary.domain.finding import Finding, Verdict
from catenary.domain.image import Frame, ImageRef
from catenary.imaging.crops import Crop, cut
from catenary.jobs import assemble
from catenary.jobs.report import CROP_MARGIN_SHARE, write_report
from catenary.pipeline.scan import ScannedFrame, scan
from catenary.runs import discover
from catenary.store import database, findings, ledger, shards
from catenary.store.database import Database
from catenary.store.ledger import Failure, RunSummary
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

Progress = Callable[[int, int], None]

log = logging.getLogger(__name__)

SAMPLE_RUN = "samples/demo/run"
LEAST_FREE_BYTES = 200_000_000  # below this a scan stops before the disk is full
COMMIT_SECONDS = 10.0  # a batch is written after this time even when it is not full


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo` leaves behind."""

    summary: RunSummary
    report: Path


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with the frames that could not be judged."""

    summary: RunSummary
    failures: tuple[Failure, ...]


def demo(folder: Path, progress: Progress) -> Demo:
    """Scan the bundled sample run and write its HTML report."""
    source = config.bundled(SAMPLE_RUN)
    summary = scan_run(str(source), folder, assemble.Recipe(), 2, progress, retry_failed=False)
    report = folder / f"{summary.name}.html"
    write_report(folder, summary.name, "html", report, with_components=False)
    return Demo(summary, report.resolve())
