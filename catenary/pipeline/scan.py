"""Scan photographs: read, decode, gate, judge; a bad one is a result."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from catenary.domain.errors import UnreadableImageError
from catenary.domain.finding import Component, Finding
from catenary.domain.image import Frame, FrameResult, ImageRef, Outcome
from catenary.imaging import decode, quality
from catenary.pipeline.judge import Judge, Judgement
from catenary.pipeline.patience import Patience, Read
from catenary.pipeline.rule_pool import TRIES
from catenary.pipeline.workers import Workers, in_order

LOST = "worker_lost"  # reason of a photograph that processes died of


@dataclass(frozen=True, slots=True, eq=False)
class ScannedFrame:
    """One photograph after the scan.

    Attributes:
        ref: Which photograph.
        result: How it ended.
        frame: Pixels for evidence crops; None when it could not be decoded.
        findings: One a judged component, whatever its verdict.
        located: Components nobody judges.
        stage_seconds: Wall time by stage name.
    """

    ref: ImageRef
    result: FrameResult
    frame: Frame | None = None
    findings: tuple[Finding, ...] = ()
    located: tuple[Component, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a photograph is opened.

    Attributes:
        limits: Of the quality gate.
        decode: Encoded bytes to grey pixels; called from several threads.
    """

    limits: quality.QualityLimits = field(default_factory=quality.QualityLimits)
    decode: Callable[[bytes], NDArray[np.uint8]] = decode.decode_gray


def scan(
    refs: Iterable[ImageRef],
    read: Read,
    judges: Judge | Sequence[Judge],
    workers: Workers | None = None,
    opening: Opening | None = None,
    patience: Patience | None = None,
) -> Generator[ScannedFrame, None, None]:
    """Judge several photographs at once in threads, and tell of them in order.

    Args:
        refs: What to scan.
        read: Returns the encoded bytes of one photograph; called from several threads.
        judges: The assembled detector, rules and classifier; called from several threads. Of
            several, one a GPU, each is called by its own threads.
        workers: How many; also bounds the frames held in memory. None for one that judges.
        opening: How photographs are opened; None for the usual way.
        patience: With a source that goes away; None for none.

    Yields:
        One result a ref, in the order of ``refs``.

    Raises:
        SourceGoneError: If the source is away for longer than that.
    """
    waiting_for = patience or Patience()
    patient = partial(waiting_for.read, read)
    opened = partial(_opened, read=patient, opening=opening or Opening())
    several = judges if isinstance(judges, Sequence) else (judges,)
    judged = [partial(_judged_together, judge=one) for one in several]
    yield from in_order(refs, opened, judged, workers or Workers(), waiting_for.give_up)


def one_by_one(
    refs: Iterable[ImageRef],
    read: Read,
    judge: Judge,
    opening: Opening | None = None,
) -> Iterator[ScannedFrame]:
    """Yield what `scan` does, with no thread: what it is compared with."""
    for ref in refs:
        yield _judged(_opened(ref, read, opening or Opening()), judge)


def _opened(ref: ImageRef, read: Read, opening: Opening) -> ScannedFrame:
    """Read, decode and gate one photograph."""
    started = time.perf_counter()
    try:
        data = read(ref)
        fetched = time.perf_counter()
        pixels = opening.decode(data)
    except UnreadableImageError as error:
        return ScannedFrame(ref, FrameResult(Outcome.FAILED, error.code, str(error)))
    decoded = time.perf_counter()
    gate = quality.assess(pixels, opening.limits)
    stages = {
        "read": fetched - started,
        "decode": decoded - fetched,
        "quality": time.perf_counter() - decoded,
    }
    height, width = pixels.shape
    outcome = Outcome.DONE if gate.is_usable else Outcome.UNUSABLE
    result = FrameResult(outcome, gate.reason, gate.message, width, height, sum(stages.values()))
    return ScannedFrame(ref, result, Frame(ref, pixels), stage_seconds=stages)


def _judged(opened: ScannedFrame, judge: Judge) -> ScannedFrame:
    return _judged_together([opened], judge)[0]


def _judged_together(opened: Sequence[ScannedFrame], judge: Judge) -> list[ScannedFrame]:
    """Judge those that are usable, and return all."""
    usable = [
        (number, one.frame)
        for number, one in enumerate(opened)
        if one.frame is not None and one.result.outcome is Outcome.DONE
    ]
    frames = [frame for _, frame in usable]
    told = list(opened)
    judgements = (
        [judge(frames[0])] if len(frames) == 1 else judge.together(frames) if frames else []
    )
    for (number, frame), judgement in zip(usable, judgements, strict=True):
        told[number] = _told(opened[number], frame, judgement)
    return told


def _told(opened: ScannedFrame, frame: Frame, judgement: Judgement) -> ScannedFrame:
    stages = {**opened.stage_seconds, **judgement.stage_seconds}
    size, spent = (opened.result.width, opened.result.height), sum(stages.values())
    if judgement.is_lost:
        note = f"{TRIES} processes that judge by the rules were lost at it"
        failed = FrameResult(Outcome.FAILED, LOST, note, *size, spent)
        return ScannedFrame(opened.ref, failed, stage_seconds=stages)
    result = FrameResult(Outcome.DONE, "", "", *size, spent)
    return ScannedFrame(opened.ref, result, frame, judgement.findings, judgement.located, stages)
