"""Split labelled sets into training, calibration and test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.datasets import formats
from catenary.datasets import split as splits
from catenary.datasets.audit import told_apart
from catenary.datasets.labels import LabelledImage
from catenary.datasets.split import Split
from catenary.domain.errors import ConfigError
from catenary.jobs.data import audit

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Wish:
    """How to split.

    Attributes:
        shares: Part to share of the labels.
        by: ``"auto"``, ``"section"``, ``"mast"`` or ``"image"``.
        former: Split file to go on with, or None.
        with_copies: Look for copies among the images and keep them on one side.
    """

    shares: Mapping[str, float]
    by: str = AUTO
    former: Path | None = None
    with_copies: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """A split that was written.

    Attributes:
        split: As written.
        notes: What the user must know, in words.
        counts: Part to counts of images and of labels by component and condition.
    """

    split: Split
    notes: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]


def parse_shares(text: str) -> dict[str, float]:
    """Return part to share.

    Raises:
        ConfigError: If it is not ``name=share`` with commas, or the shares do not sum to 1.

    >>> parse_shares("train=0.8,test=0.2")
    {'train': 0.8, 'test': 0.2}
    """
    shares: dict[str, float] = {}
    for entry in text.split(","):
        name, _, share = entry.strip().partition("=")
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise ConfigError(f"a share is written name=0.7, got {entry!r}") from error
    is_whole = abs(sum(shares.values()) - 1) < 1e-6
    if len(shares) != text.count(",") + 1 or not is_whole or min(shares.values()) <= 0:
        raise ConfigError(f"shares must have different names, be above 0 and sum to 1, got {text}")
    return shares


def split(labels: Sequence[Path], output: Path, wish: Wish, progress: audit.Progress) -> Done:
    """Split labelled sets and write the split.

    Args:
        labels: Files or folders; all of them are split together.
        output: File to write; may be the former split, not another existing file.
        wish: How.
        progress: Called with what is done, how many are done and how many there are.

    Raises:
        ConfigError: If labels or former split are not valid, or the file exists.
    """
    if output.exists() and (wish.former is None or output.resolve() != wish.former.resolve()):
        raise ConfigError(f"{output} is there already; go on with it by --from {output}")
    former = splits.read(wish.former) if wish.former else None
    sets = [formats.read(path).labelled for path in labels]
    images = [image for labelled in sets for image in labelled.images]
    if not images:
        raise ConfigError("the label files hold no image")
    by, why = _by(images, wish, former)
    pairs: list[tuple[int, int]] = []
    if wish.with_copies:
        looked = [one for labelled in sets for one in audit.look(labelled, progress)]
        pairs, _ = told_apart(images, audit.find_copies(looked, progress))
    made = splits.made(images, by, wish.shares, pairs, former)
    splits.write(made, output)
    counts = splits.counted(images, made)
    return Done(made, [*([why] if why else []), *_notes(counts, made)], counts)


def _by(images: Sequence[LabelledImage], wish: Wish, former: Split | None) -> tuple[str, str]:
    if former is not None:
        if wish.by not in (AUTO, former.by):
            raise ConfigError(
                f"the former split is by {former.by}, so this one cannot be by {wish.by}"
            )
        return former.by, ""
    if wish.by != AUTO:
        return wish.by, ""
    return splits.split_by(images, len(wish.shares))


def _notes(counts: Mapping[str, Mapping[str, int]], made: Split) -> Iterator[str]:
    total = sum(row["images"] for row in counts.values())
    for name, row in counts.items():
        if not row["images"]:
            yield f"{name} has no image: there are too few units to split by {made.by}"
    kinds = sorted({kind for row in counts.values() for kind in row if kind != "images"})
    for kind in kinds:
        lacking = [name for name, row in counts.items() if not row.get(kind)]
        if lacking and total:
            yield f"no label of {kind} in {', '.join(lacking)}"


def lines(done: Done) -> Iterator[str]:
    """Yield what was split, in words."""
    yield f"split by {done.split.by}, fingerprint {done.split.fingerprint}"
    yield from (f"note: {note}" for note in done.notes)
    for name, row in done.counts.items():
        kinds = ", ".join(
            f"{kind} {count}" for kind, count in sorted(row.items()) if kind != "images"
        )
        yield f"  {name}: {row['images']} images; {kinds}"
