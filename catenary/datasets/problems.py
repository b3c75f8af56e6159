"""What forbids or hinders to train on labelled images; each check looks for one kind of problem."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catenary.datasets import leaks
from catenary.datasets.labels import Label, LabelledImage, Rejected, Rejection
from catenary.domain.finding import NORMAL

_TINY_PX = 4.0  # shorter side; our starting value
_SAME_BOX = 0.95  # intersection over union of one part labelled twice; our starting value
_SAME_PART = 0.5  # intersection over union of a rejection and the label that it denies; ours too
_FEW = 10  # labels of a condition; our starting value
_SHOWN = 12  # images named with a problem


class Level(StrEnum):
    """How bad a problem is."""

    ERROR = "error"  # not fit to train on
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem.

    Attributes:
        code: Short stable name.
        level: Error or warning.
        message: In words, with counts.
        images: Indices of images that show it, the first few.
    """

    code: str
    level: Level
    message: str
    images: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What reading one image's file told.

    Attributes:
        error: Why it cannot be read, in words; empty when it can.
        width: Pixels; 0 when unreadable.
        height: Pixels; 0 when unreadable.
        file_hash: Of the bytes; empty when missing.
        pixel_hash: Of the decoded grey pixels; empty when unreadable.
        quality: ``"usable"``, or why it is not: ``"too_dark"``, ``"blurred"`` ...
    """

    error: str = ""
    width: int = 0
    height: int = 0
    file_hash: str = ""
    pixel_hash: str = ""
    quality: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An image of the audited sets.

    Attributes:
        part: Split part, or the set it belongs to.
        image: With its labels.
        examined: What its file told.
    """

    part: str
    image: LabelledImage
    examined: Examined


def of_files(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield images that cannot be read, or do not fit their labels."""
    unreadable = [index for index, one in enumerate(members) if one.examined.error]
    yield from _problem("unreadable", Level.ERROR, "images cannot be read", unreadable)
    sizes = [
        index
        for index, one in enumerate(members)
        if one.examined.width
        and (one.examined.width, one.examined.height) != (one.image.width, one.image.height)
    ]
    words = "images have another size than their labels say, so the boxes lie elsewhere"
    yield from _problem("other_size", Level.ERROR, words, sizes)
    if members and not any(one.image.labels or one.image.rejections for one in members):
        yield Problem("no_labels", Level.ERROR, "no image has a label")


def of_boxes(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield boxes too small to learn from, and parts labelled twice."""
    tiny, twice, torn = [], [], []
    for index, one in enumerate(members):
        labels = [label for label in one.image.labels if not label.is_ignored]
        if any(short_side(label) < _TINY_PX for label in labels):
            tiny.append(index)
        pairs = list(_overlapping(labels))
        if any(first.condition == second.condition for first, second in pairs):
            twice.append(index)
        if any(first.condition != second.condition for first, second in pairs):
            torn.append(index)
    words = f"images have boxes under {_TINY_PX:.0f} px"
    yield from _problem("tiny", Level.WARNING, words, tiny)
    words = "images have a part labelled twice"
    yield from _problem("labelled_twice", Level.WARNING, words, twice)
    words = "images have a part labelled with two conditions at once"
    yield from _problem("contradiction", Level.ERROR, words, torn)


def of_rejections(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield findings that were rejected where a label says that they are right."""
    torn = [
        index
        for index, one in enumerate(members)
        if any(_is_denied(label, no) for no in one.image.rejections for label in one.image.labels)
    ]
    words = "images have a finding rejected where a label says that it is right"
    yield from _problem("rejected_truth", Level.ERROR, words, torn)
    partly = [index for index, one in enumerate(members) if not one.image.is_complete]
    words = "images are labelled in part only: learnt from, but no truth to measure on"
    yield from _problem("labelled_in_part", Level.WARNING, words, partly)


def _is_denied(label: Label, rejection: Rejection) -> bool:
    is_doubtful = label.is_ignored or not label.is_evident
    if is_doubtful or label.component != rejection.component:
        return False
    is_wrong = rejection.reason is Rejected.NO_PART or label.condition != NORMAL
    return is_wrong and label.box.iou(rejection.box) >= _SAME_PART


def of_left_out(left_out: Mapping[str, int]) -> Iterator[Problem]:
    """Yield what the label files say and we have no place for."""
    for what, count in left_out.items():
        yield Problem("left_out", Level.WARNING, f"not read, or cut: {what} ({count})")


def _overlapping(labels: Sequence[Label]) -> Iterator[tuple[Label, Label]]:
    for index, first in enumerate(labels):
        for second in labels[index + 1 :]:
            if first.component == second.component and first.box.iou(second.box) >= _SAME_BOX:
                yield first, second


def of_copies(
    members: Sequence[Member], copied: Sequence[Sequence[int]], exact: Sequence[tuple[int, int]]
) -> Iterator[Problem]:
    """Yield copies of photographs, in two parts or in one."""
    across = [group for group in copied if len({members[index].part for index in group}) > 1]
    words = f"images are copies of images in another part ({len(across)} groups)"
    yield from _problem("copies_across", Level.ERROR, words, [one for g in across for one in g])
    if exact:
        both = sorted({index for pair in exact for index in pair})
        bytes_too = sum(
            members[one].examined.file_hash == members[other].examined.file_hash
            for one, other in exact
        )
        words = f"images have the same pixels as another ({bytes_too} pairs the same bytes)"
        yield from _problem("same_pixels", Level.WARNING, words, both)
    extra = sum(len(group) - 1 for group in copied)
    if extra:
        words = (
            f"{extra} images are copies of others, flipped, recoloured, blurred, zoomed or the "
            f"same ({len(copied)} groups): count them as one"
        )
        shown = [one for group in copied for one in group][:_SHOWN]
        yield Problem("copies", Level.WARNING, words, tuple(shown))


def of_look_alikes(
    members: Sequence[Member], doubtful: Sequence[tuple[int, int]]
) -> Iterator[Problem]:
    """Yield pairs that may be two masts of one build."""
    across = [pair for pair in doubtful if len({members[index].part for index in pair}) > 1]
    shown = [index for pair in across for index in pair]
    words = "images look like a part of an image of another mast, in another part: look at them"
    yield from _problem("look_alike", Level.WARNING, words, shown)


_LEAKS = (
    (leaks.MAST, Level.ERROR, "masts stand in more than one part: figures would be too good"),
    (leaks.SOURCE_IMAGE, Level.ERROR, "photographs have changed copies in more than one part"),
    (
        leaks.SECTION,
        Level.WARNING,
        "sections stand in several parts: figures hold for these alone",
    ),
    (leaks.DAY, Level.WARNING, "days were photographed for more than one part: same light and rig"),
)


def of_leaks(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield what stands on two sides of a split."""
    parts = [one.part for one in members]
    for code, level, words in _LEAKS:
        torn = leaks.torn(leaks.traits([one.image for one in members], code), parts)
        if torn:
            named = ", ".join(list(torn)[:5])
            shown = [index for own in torn.values() for index in _one_a_part(members, own)]
            message = f"{len(torn)} {words}: {named}"
            yield Problem(f"{code}_leak", level, message, tuple(shown[:_SHOWN]))


def _one_a_part(members: Sequence[Member], indices: Sequence[int]) -> Iterable[int]:
    first: dict[str, int] = {}
    for index in indices:
        first.setdefault(members[index].part, index)
    return first.values()


def of_distribution(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield conditions with few labels, and parts that lack some."""
    if members and not any(one.image.ref.mast for one in members):
        words = "no image tells its mast: a split by mast or section cannot be made or checked"
        yield Problem("no_masts", Level.WARNING, words)
    everywhere: Counter[str] = Counter()
    by_part: defaultdict[str, set[str]] = defaultdict(set)
    for one in members:
        kinds = [f"{label.component} {label.condition}" for label in one.image.labels]
        everywhere.update(kinds)
        by_part[one.part] |= set(kinds)
    for kind, count in everywhere.items():
        if count < _FEW and not kind.endswith(f" {NORMAL}"):
            yield Problem("few", Level.WARNING, f"only {count} labels of {kind}")
        lacking = sorted(part for part, kinds in by_part.items() if kind not in kinds)
        if lacking:
            words = f"no label of {kind} in {', '.join(lacking)}"
            yield Problem("lacking", Level.WARNING, words)


def of_quality(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield images too poor to judge."""
    poor = [
        index
        for index, one in enumerate(members)
        if one.examined.quality and one.examined.quality != "usable"
    ]
    yield from _problem("poor", Level.WARNING, "images are too poor to judge", poor)


def _problem(code: str, level: Level, words: str, images: Sequence[int]) -> Iterator[Problem]:
    if images:
        yield Problem(code, level, f"{len(images)} {words}", tuple(images[:_SHOWN]))


def short_side(label: Label) -> float:
    """Return the shorter side of a label's box, px."""
    return min(label.box.width, label.box.height)
