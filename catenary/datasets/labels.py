"""Labelled images as values: what is true of a frame, whoever drew or measured it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catenary.datasets.masks import Mask
from catenary.domain.finding import NORMAL
from catenary.domain.geometry import Box, Polyline
from catenary.domain.image import ImageRef


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A named point of a part, inside the picture.

    Attributes:
        name: What it is, e.g. ``"upper_clamp"``; once in a label.
        x: Full-frame pixels.
        y: Full-frame pixels.
        is_visible: False where something else stands in front of it.
    """

    name: str
    x: float
    y: float
    is_visible: bool = True


@dataclass(frozen=True, slots=True)
class Label:
    """One true component of an image, or a wire that runs through it (then ignored).

    Attributes:
        component: Taxonomy component id.
        box: Full-frame pixels of the visible part, clipped to the image.
        condition: ``"normal"`` or a taxonomy condition.
        severity: Size of the defect in [0, 1]; 0 when normal.
        visibility: Visible share of the part in [0, 1] (inside the picture, not hidden).
        part_id: Identity of the physical part, the same in every view, e.g.
            ``"京广线/up/站A/D046#dropper-2"``; empty when unknown.
        is_ignored: True where neither a hit nor a false alarm should be counted
            (too small, too far, mostly hidden).
        is_evident: False where this picture does not show what is wrong with the part, e.g. the
            break lies outside it: neither a hit nor a miss is counted.
        lines: Polylines of at least two points, in full-frame pixels, clipped to the image.
        keypoints: In the order of their names; those outside the image are left out.
        corners: The oriented box: four (x, y) in full-frame pixels, clockwise as seen, the first
            side a long one; empty when unknown. May reach over the image's edge.
        occlusion: Share in [0, 1] of the part inside the image that other things hide.
        mask: Pixels that show the part, or None when unknown.
    """

    component: str
    box: Box
    condition: str = NORMAL
    severity: float = 0.0
    visibility: float = 1.0
    part_id: str = ""
    is_ignored: bool = False
    is_evident: bool = True
    lines: tuple[Polyline, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    corners: tuple[tuple[float, float], ...] = ()
    occlusion: float = 0.0
    mask: Mask | None = None

    def __post_init__(self) -> None:
        """Refuse keypoints that COCO could not hold, and boxes without four corners."""
        names = [point.name for point in self.keypoints]
        if names != sorted(set(names)):
            raise ValueError(f"keypoints need different names in order, got {names}")
        if len(self.corners) not in (0, 4):
            raise ValueError(f"an oriented box needs 4 corners, got {len(self.corners)}")


class Rejected(StrEnum):
    """Why a finding was refused."""

    NO_PART = "no_part"  # there is no such component
    NORMAL = "normal"  # the part is there and healthy


@dataclass(frozen=True, slots=True)
class Rejection:
    """A finding that was looked at and refused: no truth, but worth learning from.

    Attributes:
        component: Taxonomy component id of what was found.
        box: Full-frame pixels of what was found, clipped to the image.
        reason: Why it was refused.
    """

    component: str
    box: Box
    reason: Rejected


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image with all its labels.

    Attributes:
        ref: Identity; ``file_name`` is the path relative to the set's folder.
        width: Pixels.
        height: Pixels.
        labels: Every component that can be seen.
        source: Image id of the photograph that this one is a changed copy of; empty when it is
            none. Copies of one photograph belong on one side of a split.
        rejections: Findings that were refused. They stand apart from the labels, so that nothing
            takes one for a part.
        is_complete: False where only some of the parts that can be seen are labelled, e.g. those
            that a reviewer decided on: what lies on no label then says nothing.
    """

    ref: ImageRef
    width: int
    height: int
    labels: tuple[Label, ...]
    source: str = ""
    rejections: tuple[Rejection, ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A folder of images with their labels.

    Attributes:
        root: Folder the file names are relative to.
        images: In file order.
    """

    root: Path
    images: tuple[LabelledImage, ...]
