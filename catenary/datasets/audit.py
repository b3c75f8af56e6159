"""Judge whether labelled sets are fit to train on; reads no file itself."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from catenary.datasets.labels import Label, LabelledImage
from catenary.datasets.near_duplicates import PART, Copy, groups
from catenary.domain.finding import NORMAL

_TINY_PX = 4.0  # shorter side; our starting value
_SAME_BOX = 0.95  # intersection over union of one part labelled twice; our starting value
_FEW = 10  # labels of a condition; our starting value
_SHOWN = 12  # images named with a problem
SIZES = ((16, "under 16 px"), (32, "16-32 px"), (64, "32-64 px"), (128, "64-128 px"))
LARGEST = "128 px and more"


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


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Attributes:
        members: All images, in order.
        problems: Errors first.
        copies: Groups of images that are copies of one another.
        counts: Part to counts of images, components and conditions.
        sizes: Component to how many labels have a shorter side in each range.
        quality: Image quality to number of images.
        left_out: What the label files say and we have no place for, with counts.
    """

    members: Sequence[Member]
    problems: Sequence[Problem]
    copies: Sequence[Sequence[int]]
    counts: Mapping[str, Mapping[str, int]]
    sizes: Mapping[str, Mapping[str, int]]
    quality: Mapping[str, int]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_fit(self) -> bool:
        """Whether nothing forbids to train on the sets."""
        return not any(problem.level is Level.ERROR for problem in self.problems)


def audited(
    members: Sequence[Member],
    copies: Iterable[Copy],
    told: Iterable[Problem] = (),
    left_out: Mapping[str, int] | None = None,
) -> Audit:
    """Return the audit of images with their labels.

    Args:
        members: All images; where no image tells a part, all have the same.
        copies: Photographs that look alike.
        told: Problems found while reading, e.g. names that mean nothing.
        left_out: See `Audit`.
    """
    exact = list(_same_pixels(members))
    sure, doubtful = told_apart([one.image for one in members], copies)
    alike = groups(len(members), [*exact, *sure])
    copied = [group for group in alike if len(group) > 1]
    problems = [
        *told,
        *_files(members),
        *_boxes(members),
        *_left_out(left_out or {}),
        *_copies(members, copied, exact),
        *_look_alikes(members, doubtful),
        *_leaks(members),
        *_distribution(members),
        *_quality(members),
    ]
    problems.sort(key=lambda problem: problem.level is not Level.ERROR)
    return Audit(
        members,
        problems,
        copied,
        _counts(members),
        _sizes(members),
        Counter(one.examined.quality for one in members if one.examined.quality),
        left_out or {},
    )


def told_apart(
    images: Sequence[LabelledImage], copies: Iterable[Copy]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs that are copies, and those that may be two masts of one build.

    A zoomed or cropped copy has the mast of its photograph. Two masts that look alike once one is
    zoomed are seldom one photograph: 4 such pairs were taken for copies in 500 simulated frames.
    """
    sure: list[tuple[int, int]] = []
    doubtful: list[tuple[int, int]] = []
    for copy in copies:
        first, second = images[copy.first].ref.mast, images[copy.second].ref.mast
        is_doubtful = copy.how == PART and first and second and first != second
        (doubtful if is_doubtful else sure).append((copy.first, copy.second))
    return sure, doubtful


def _files(members: Sequence[Member]) -> Iterator[Problem]:
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
    if members and not any(one.image.labels for one in members):
        yield Problem("no_labels", Level.ERROR, "no image has a label")


def _boxes(members: Sequence[Member]) -> Iterator[Problem]:
    tiny, twice, torn = [], [], []
    for index, one in enumerate(members):
        labels = [label for label in one.image.labels if not label.is_ignored]
        if any(_short_side(label) < _TINY_PX for label in labels):
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


def _left_out(left_out: Mapping[str, int]) -> Iterator[Problem]:
    for what, count in left_out.items():
        yield Problem("left_out", Level.WARNING, f"not read, or cut: {what} ({count})")


def _overlapping(labels: Sequence[Label]) -> Iterator[tuple[Label, Label]]:
    for index, first in enumerate(labels):
        for second in labels[index + 1 :]:
            if first.component == second.component and first.box.iou(second.box) >= _SAME_BOX:
                yield first, second


def _copies(
    members: Sequence[Member], copied: Sequence[Sequence[int]], exact: Sequence[tuple[int, int]]
) -> Iterator[Problem]:
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


def _look_alikes(
    members: Sequence[Member], doubtful: Sequence[tuple[int, int]]
) -> Iterator[Problem]:
    across = [pair for pair in doubtful if len({members[index].part for index in pair}) > 1]
    shown = [index for pair in across for index in pair]
    words = "images look like a part of an image of another mast, in another part: look at them"
    yield from _problem("look_alike", Level.WARNING, words, shown)


_LEAKS = (
    ("mast", Level.ERROR, "masts stand in more than one part: figures would be too good"),
    ("source_image", Level.ERROR, "photographs have changed copies in more than one part"),
    ("section", Level.WARNING, "sections stand in more than one part: figures hold for these only"),
    ("day", Level.WARNING, "days were photographed for more than one part: same light and rig"),
)


def _leaks(members: Sequence[Member]) -> Iterator[Problem]:
    """Yield what stands on two sides of a split."""
    if len({one.part for one in members}) < 2:
        return
    sources = {_source(one.image) for one in members if one.image.source}
    for code, level, words in _LEAKS:
        where: defaultdict[str, list[int]] = defaultdict(list)
        for index, one in enumerate(members):
            trait = _trait(one.image, code, sources)
            if trait is not None:
                where[trait].append(index)
        torn = {
            trait: own
            for trait, own in where.items()
            if len({members[index].part for index in own}) > 1
        }
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


def _source(image: LabelledImage) -> str:
    return f"{image.ref.run}/{image.source or image.ref.image_id}"


def _trait(image: LabelledImage, code: str, sources: Collection[str]) -> str | None:
    mast, taken = image.ref.mast, image.ref.taken_at
    if code == "source_image":
        # Only where copies are told: plain sets in one folder all number their images from 1.
        return _source(image) if _source(image) in sources else None
    if code == "day":
        return taken.date().isoformat() if taken else None
    if mast is None:
        return None
    return str(mast) if code == "mast" else f"{mast.line}/{mast.direction}/{mast.section}"


def _distribution(members: Sequence[Member]) -> Iterator[Problem]:
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


def _quality(members: Sequence[Member]) -> Iterator[Problem]:
    poor = [
        index
        for index, one in enumerate(members)
        if one.examined.quality and one.examined.quality != "usable"
    ]
    yield from _problem("poor", Level.WARNING, "images are too poor to judge", poor)


def _problem(code: str, level: Level, words: str, images: Sequence[int]) -> Iterator[Problem]:
    if images:
        yield Problem(code, level, f"{len(images)} {words}", tuple(images[:_SHOWN]))


def _same_pixels(members: Sequence[Member]) -> Iterator[tuple[int, int]]:
    """Yield each image with the first one of the same pixels."""
    first: dict[str, int] = {}
    for index, one in enumerate(members):
        if one.examined.pixel_hash:
            known = first.setdefault(one.examined.pixel_hash, index)
            if known != index:
                yield known, index


def _counts(members: Sequence[Member]) -> dict[str, Counter[str]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in members:
        row = counts[one.part]
        row["images"] += 1
        row["images without labels"] += not one.image.labels
        row.update(f"{label.component} {label.condition}" for label in one.image.labels)
    return dict(counts)


def _sizes(members: Sequence[Member]) -> dict[str, Counter[str]]:
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in members:
        for label in one.image.labels:
            side = _short_side(label)
            name = next((words for limit, words in SIZES if side < limit), LARGEST)
            sizes[label.component][name] += 1
    return dict(sizes)


def _short_side(label: Label) -> float:
    return min(label.box.width, label.box.height)
