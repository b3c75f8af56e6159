"""What reviewers wait for, and whether many can decide at once: `catenary bench review`.

Everything is real: a workspace, the server in a process of its own, Chromium on its pages, people
with sessions. Each round works on a copy of the workspace, which is built once.
"""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from catenary.domain.errors import StoreError
from catenary.jobs.benches import (
    bench_folder,
    review_browser,
    review_build,
    review_people,
    review_server,
)
from catenary.jobs.benches.review_browser import Often, Times
from catenary.jobs.benches.review_build import Sizes
from catenary.jobs.benches.review_people import Together

FIGURES = "figures.json"
_WORK = "work"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is measured.

    Attributes:
        folder: Holds what is built, and gets the figures.
        sizes: Of what is built.
        often: How often each thing is done in the browser.
        decisions: Of all people together, as fast as they can.
        with_browser: Whether there is a browser to measure in.
    """

    folder: Path
    sizes: Sizes = Sizes()  # noqa: RUF009 - frozen
    often: Often = Often()  # noqa: RUF009 - frozen
    decisions: int = 2000
    with_browser: bool = True


@dataclass(frozen=True, slots=True)
class Reviewed:
    """All figures, with what they are of.

    Attributes:
        day: ISO day, UTC.
        machine: Processor and load at the start.
        command: That measures the same.
        sizes: Of the workspace.
        times: Measured in the browser.
        together: Of people at once; empty until they have decided.
    """

    day: str
    machine: str
    command: str
    sizes: Sizes
    times: list[Times] = field(default_factory=list)
    together: list[Together] = field(default_factory=list)


def often(items: int, pause_s: float) -> Often:
    """Return how often each thing is done, for so many decisions in triage.

    >>> often(200, 0.5) == Often(), often(4, 0.0).sheets
    (True, 1)
    """
    usual, share = Often(), min(1.0, items / Often().items)
    fewer = {
        name: max(1, round(share * getattr(usual, name)))
        for name in ("first", "values", "sheets", "pictures")
    }
    return Often(items, **fewer, pause_ms=round(1000 * pause_s))


def bench(wish: Wish, tell: Callable[[str], None]) -> Reviewed:
    """Build what is missing, and measure.

    Args:
        wish: What is measured.
        tell: Called with a line about each step and figure.

    Raises:
        ConfigError: If the folder is of other sizes, or browser or pages are missing.
        StoreError: If the folder cannot be written, or the server does not start.
    """
    if wish.with_browser:
        review_browser.program()  # before anything is built in vain
    built = review_build.build(wish.folder, wish.sizes, tell)
    found = Reviewed(datetime.now(UTC).date().isoformat(), _machine(), _command(wish), wish.sizes)
    people = review_build.people(wish.sizes)
    work = _copied(built.path, wish.folder / _WORK)
    with review_server.served(work) as address:
        if wish.with_browser:
            login = (people[0].name, review_build.PASSWORD)

            def keep(one: Times) -> None:
                found.times.append(one)
                tell(line(one))

            with review_browser.opened() as browser:
                review_browser.measure(browser, address, login, wish.often, keep)
        together = review_people.decide(address, work, people, wish.decisions)
        found.together.append(together)
        tell(sentence(together))
    shutil.rmtree(work)
    text = json.dumps(record(found), ensure_ascii=False, indent=1)
    bench_folder.write(wish.folder / FIGURES, f"{text}\n")
    return found


def _copied(built: Path, work: Path) -> Path:
    """Copy a workspace that nobody has open: deciding changes it."""
    try:
        if work.exists():
            shutil.rmtree(work)
        return Path(shutil.copytree(built, work))
    except OSError as error:
        raise StoreError(
            f"cannot copy {built} to {work}: {error.strerror or error}; free some space"
        ) from error


def _machine() -> str:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{os.cpu_count()} x {platform.machine()}, load {load}"


def _command(wish: Wish) -> str:
    sizes = wish.sizes
    options = {
        "--frames": sizes.frames,
        "--findings": sizes.findings,
        "--defects": sizes.defects,
        "--megapixels": f"{sizes.megapixels:g}",
        "--reviewers": sizes.people,
        "--items": wish.often.items,
        "--decisions": wish.decisions,
        "--pause": f"{wish.often.pause_ms / 1000:g}",
    }
    told = " ".join(f"{name} {value}" for name, value in options.items())
    return f"catenary bench review -o FOLDER {told}{'' if wish.with_browser else ' --no-browser'}"


def record(found: Reviewed) -> dict[str, Any]:
    """Return all figures for ``--json``."""
    told = asdict(found)
    for one, times in zip(told["times"], found.times, strict=True):
        one |= _spread(times)
    for one, together in zip(told["together"], found.together, strict=True):
        one |= {"rate": together.rate, "is_sound": together.is_sound}
    return told | {"python": sys.version.split()[0]}


def _spread(one: Times) -> dict[str, float]:
    values = np.percentile(one.ms, (50, 95, 100))
    names = ("median_ms", "p95_ms", "most_ms")
    return {name: round(float(value), 1) for name, value in zip(names, values, strict=True)}


def line(one: Times) -> str:
    """Return a figure as a line for people."""
    told = _spread(one)
    return (
        f"{one.what}: median {told['median_ms']:.0f}, 95 % below {told['p95_ms']:.0f}, at most "
        f"{told['most_ms']:.0f} ms ({len(one.ms)} times)"
    )


def sentence(one: Together) -> str:
    """Return what many people did, as a line for people."""
    checked = one.checked
    return (
        f"{one.people} people at once: {one.decisions:,} decisions, {one.rate:.0f} a second, "
        f"answered in {one.answer.median_ms:.0f} ms (95 % below {one.answer.p95_ms:.0f}), leases "
        f"in {one.lease.median_ms:.0f} ms (95 % below {one.lease.p95_ms:.0f}); refused "
        f"{one.refused}, held by two {checked.shared}, lost {checked.lost}, double "
        f"{checked.double}, of nobody {checked.unasked}; trail of {one.trail_rows:,} rows, "
        f"{one.trail_broken} broken"
    )


def lines(found: Reviewed) -> Iterator[str]:
    """Yield a Markdown table with day, machine and command."""
    sizes = found.sizes
    yield f"{found.day}, {found.machine}"
    yield f"`{found.command}`"
    yield (
        f"{sizes.findings:,} open findings and {sizes.defects:,} defects over {sizes.frames:,} "
        f"photographs of {sizes.megapixels:g} MP ({sizes.pictures} different files a run)"
    )
    yield ""
    if found.times:
        yield "| | times | median, ms | 95 % below | at most | wanted | |"
        yield "|---|---|---|---|---|---|---|"
    for one in found.times:
        told = _spread(one)
        spread = " | ".join(f"{told[name]:.0f}" for name in ("median_ms", "p95_ms", "most_ms"))
        wanted = "" if one.wanted_ms is None else f"{one.wanted_ms:.0f}"
        is_met = one.wanted_ms is None or told["p95_ms"] <= one.wanted_ms
        yield f"| {one.what} | {len(one.ms)} | {spread} | {wanted} | {'' if is_met else 'missed'} |"
    yield ""
    for together in found.together:
        yield sentence(together)
