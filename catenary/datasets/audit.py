"""Judge whether labelled sets are fit to train on; reads no file itself."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catenary.datasets import problems
from catenary.datasets.labels import LabelledImage
from catenary.datasets.near_duplicates import PART, Copy, groups
from catenary.datasets.problems import Level, Member, Problem

SIZES = ((16, "under 16 px"), (32, "16-32 px"), (64, "32-64 px"), (128, "64-128 px"))
LARGEST = "128 px and more"


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
    found = [
        *told,
        *problems.of_files(members),
        *problems.of_boxes(members),
        *problems.of_rejections(members),
        *problems.of_left_out(left_out or {}),
        *problems.of_copies(members, copied, exact),
        *problems.of_look_alikes(members, doubtful),
        *problems.of_leaks(members),
        *problems.of_distribution(members),
        *problems.of_quality(members),
    ]
    found.sort(key=lambda problem: problem.level is not Level.ERROR)
    return Audit(
        members,
        found,
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
        row.update(f"{no.component} rejected as {no.reason}" for no in one.image.rejections)
        row.update([] if one.image.is_complete else ["images labelled in part"])
    return dict(counts)


def _sizes(members: Sequence[Member]) -> dict[str, Counter[str]]:
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in members:
        for label in one.image.labels:
            side = problems.short_side(label)
            name = next((words for limit, words in SIZES if side < limit), LARGEST)
            sizes[label.component][name] += 1
    return dict(sizes)
