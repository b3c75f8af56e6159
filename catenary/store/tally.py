"""Counts for every filter at once, each under all filters but its own, from rows read once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of the values of some filters.

    Attributes:
        total: Under all filters.
        counts: Name of a filter to value to count, under all filters but its own.
        passed: Places in the rows of those that are under all filters.
    """

    total: int
    counts: Mapping[str, Mapping[Any, int]]
    passed: tuple[int, ...]


def of(
    names: Sequence[str], rows: Iterable[Sequence[Any]], wanted: Mapping[str, frozenset[Any]]
) -> Tally:
    """Count in one pass: a row that one filter alone keeps out counts for that filter's values.

    Args:
        names: Filters, in the order of the columns.
        rows: Values of the filters, then how many have them; more columns are not looked at.
        wanted: Values that pass, of those filters that are set.

    >>> told = of(["kind", "grade"], [("pin", 1, 5), ("pin", 2, 3), ("bolt", 1, 2)],
    ...           {"kind": frozenset(["pin"])})
    >>> told.total, dict(told.counts["kind"]), dict(told.counts["grade"])
    (8, {'pin': 8, 'bolt': 2}, {1: 5, 2: 3})
    """
    width, total, passed = len(names), 0, []
    asked = [(names.index(name), values) for name, values in wanted.items()]
    counts: list[dict[Any, int]] = [defaultdict(int) for _ in names]
    for place, row in enumerate(rows):
        count = row[width]
        missed = [at for at, values in asked if row[at] not in values]
        if not missed:
            total += count
            passed.append(place)
            for at in range(width):
                counts[at][row[at]] += count
        elif len(missed) == 1:
            counts[missed[0]][row[missed[0]]] += count
    return Tally(total, dict(zip(names, counts, strict=True)), tuple(passed))


def ranked(counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    """Return values with their counts, most first."""
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
