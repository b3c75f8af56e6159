"""Raise at thresholds that a bundle's card promises a bound on misses for.

A promise on one condition holds when every part of its component is raised from that threshold
upwards, whatever condition is named. So the lowest promised threshold of a component counts, and a
promise only ever lowers the bundle's own: conditions without one are not raised later than before.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from catenary.domain.errors import ConfigError
from catenary.evaluation.predictions import DEFAULT_THRESHOLD
from catenary.models.bundle import Card, Promises


def thresholds(card: Card, folder: Path) -> dict[str, float]:
    """Return component id to the probability from which it is raised.

    Raises:
        ConfigError: If the card promises nothing.
    """
    raised = dict(card.thresholds)
    for name, threshold in _kept(_promises(card, folder)).items():
        kind = name.partition(".")[0]
        raised[kind] = min(raised.get(kind, DEFAULT_THRESHOLD), threshold)
    return raised


def lines(card: Card, folder: Path) -> Iterator[str]:
    """Yield what a scan at these thresholds promises, and what it does not.

    Raises:
        ConfigError: If the card promises nothing.
    """
    promises = _promises(card, folder)
    raised = thresholds(card, folder)
    yield (
        f"Promised by {card.version}: at most {100 * promises.miss:g} % of the defects of each of"
        f" these conditions missed, with {100 * promises.confidence:g} % confidence"
    )
    for name in _kept(promises):
        point, kind = promises.points[name], name.partition(".")[0]
        yield (
            f"  {name}: raised from probability {raised[kind]:.3f}"
            f" (rests on {point.defects} defects)"
        )
    conditions = [f"{k}.{one}" for k, names in card.conditions.items() for one in names[1:]]
    if others := [one for one in conditions if one not in _kept(promises)]:
        yield f"  not promised: {', '.join(others)}"
    yield f"  Assumes: {promises.assumes}"


def _promises(card: Card, folder: Path) -> Promises:
    made = card.promises
    if made is None:
        raise ConfigError(
            f"{folder} promises nothing; leave out --promise, or promise something with"
            f" `catenary bundle calibrate {folder} LABELS --guarantee OTHER`"
        )
    if not _kept(made):
        why = "; ".join(f"{name}: {one.reason}" for name, one in made.points.items())
        raise ConfigError(
            f"{folder} can promise nothing ({why or 'its labels showed no defect'}); leave out"
            " --promise, or calibrate it on more defects"
        )
    return made


def _kept(promises: Promises) -> Mapping[str, float]:
    """Return the promised thresholds by ``"component.condition"``."""
    points = promises.points.items()
    return {name: one.threshold for name, one in points if one.threshold is not None}
