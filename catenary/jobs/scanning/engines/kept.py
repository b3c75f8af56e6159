"""What is kept of a scanned photograph: all that will be written, and no pixels but evidence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from catenary.domain.finding import Component, Finding, Verdict
from catenary.domain.image import FrameResult, ImageRef
from catenary.jobs import evidence
from catenary.jobs.evidence import Picture
from catenary.pipeline.scan import ScannedFrame
from catenary.store.ledger import Origin
from catenary.store.shards import ComponentRow


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding that is not normal, with what is shown of it."""

    finding: Finding
    picture: Picture


@dataclass(frozen=True, slots=True)
class Kept:
    """A photograph after the scan; small enough to be sent from machine to machine.

    Attributes:
        ref: Which photograph.
        result: How it ended.
        origin: Of which bytes; the scan is not named yet.
        raised: Findings that are not normal.
        rows: Every located component.
        stage_seconds: Wall time by stage name.
    """

    ref: ImageRef
    result: FrameResult
    origin: Origin = field(default_factory=Origin)
    raised: tuple[Raised, ...] = ()
    rows: tuple[ComponentRow, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)


def keep(scanned: ScannedFrame, origin: Origin) -> Kept:
    """Return what is kept of a photograph; its pixels can go then."""
    raised: tuple[Raised, ...] = ()
    if (frame := scanned.frame) is not None:
        raised = tuple(
            Raised(one, evidence.picture_of(frame, one.component.box))
            for one in scanned.findings
            if one.verdict is not Verdict.NORMAL
        )
    rows = tuple(_component_rows(scanned))
    return Kept(scanned.ref, scanned.result, origin, raised, rows, dict(scanned.stage_seconds))


def _component_rows(scanned: ScannedFrame) -> Iterator[ComponentRow]:
    for one in scanned.findings:
        told = (str(one.verdict), one.condition, one.probability)
        yield _component_row(scanned.ref, one.component, told)
    for component in scanned.located:
        yield _component_row(scanned.ref, component, ("", "", None))


def _component_row(
    ref: ImageRef, component: Component, told: tuple[str, str, float | None]
) -> ComponentRow:
    box = component.box
    corners = (box.x0, box.y0, box.x1, box.y1)
    return ComponentRow(
        ref.image_id, ref.file_name, component.kind, *corners, component.score, *told
    )
