"""Scan photographs one after another: read, decode, gate, judge; a bad one is a result."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from catenary.domain.errors import UnreadableImageError
from catenary.domain.finding import Component, Finding
from catenary.domain.image import Frame, FrameResult, ImageRef, Outcome
from catenary.imaging import decode, quality
from catenary.pipeline.judge import Judge
from catenary.pipeline.patience import Patience, Read


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


def scan(
    refs: Iterable[ImageRef],
    read: Read,
    judge: Judge,
    readers: int = 2,
    limits: quality.QualityLimits | None = None,
    patience: Patience | None = None,
) -> Iterator[ScannedFrame]:
    """Judge photographs in order, reading and decoding a few ahead in threads.

    Args:
        refs: What to scan.
        read: Returns the encoded bytes of one photograph; called from several threads.
        judge: The assembled detector, rules and classifier.
        readers: Threads that read and decode; also bounds the frames held in memory.
        limits: Of the quality gate; None for the defaults.
        patience: With a source that goes away; None for none.

    Yields:
        One result a ref, in the order of ``refs``.

    Raises:
        SourceGoneError: If the source is away for longer than that.
    """
    gate = limits or quality.QualityLimits()
    waiting_for = patience or Patience()
    fetch = partial(waiting_for.read, read)
    queue: deque[Future[ScannedFrame]] = deque()
    iterator = iter(refs)
    with ThreadPoolExecutor(readers, thread_name_prefix="reader") as pool:
        try:
            for ref in islice(iterator, readers + 1):
                queue.append(pool.submit(_opened, ref, fetch, gate))
            while queue:
                opened = queue.popleft().result()
                for ref in islice(iterator, 1):
                    queue.append(pool.submit(_opened, ref, fetch, gate))
                yield _judged(opened, judge)
        finally:
            waiting_for.give_up()
            for waiting in queue:
                waiting.cancel()


def _opened(ref: ImageRef, read: Read, limits: quality.QualityLimits) -> ScannedFrame:
    """Read, decode and gate one photograph."""
    started = time.perf_counter()
    try:
        data = read(ref)
        fetched = time.perf_counter()
        pixels = decode.decode_gray(data)
    except UnreadableImageError as error:
        return ScannedFrame(ref, FrameResult(Outcome.FAILED, error.code, str(error)))
    decoded = time.perf_counter()
    gate = quality.assess(pixels, limits)
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
    if opened.frame is None or opened.result.outcome is not Outcome.DONE:
        return opened
    judgement = judge(opened.frame)
    stages = {**opened.stage_seconds, **judgement.stage_seconds}
    result = FrameResult(
        Outcome.DONE,
        width=opened.result.width,
        height=opened.result.height,
        seconds=sum(stages.values()),
    )
    return ScannedFrame(
        opened.ref, result, opened.frame, judgement.findings, judgement.located, stages
    )
