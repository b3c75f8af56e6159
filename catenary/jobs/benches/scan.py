"""Images a second of the scan beside its peers, on the same files and cores, in turn.

Every entrant is a process of its own that stays; each round asks all of them one after another, so
that ratios are of neighbouring minutes and another load of the machine falls on all alike.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from catenary.domain.errors import ConfigError
from catenary.imaging import decode
from catenary.jobs.benches import scan_peer
from catenary.jobs.scanning import assemble

OURS = "cascade"
# SAHI and Ultralytics (AGPL-3.0) with what they need beside what we have; no torch of their own.
PEER_PACKAGES = (
    "sahi==0.12.8",
    "ultralytics==8.4.190",
    "ultralytics-thop",
    "shapely",
    "matplotlib",
    "contourpy",
    "cycler",
    "fonttools",
    "kiwisolver",
    "pyparsing",
    "polars",
    "polars-runtime-32",
    "fire",
    "termcolor",
)
PEERS = ("yolo11n", "yolo11s")
_WARMING_MP = 1.0  # before the first round


@dataclass(frozen=True, slots=True)
class Wish:
    """What is measured.

    Attributes:
        images: Photographs.
        megapixels: Sizes to which they are brought; those within a tenth are left as they are.
        rounds: How often each entrant is asked.
        frames: Photographs a round that ours are asked for; dense half of them, torchvision's loop
            a quarter, decoding twice as many, peers one.
        peers: Folder of the environment of SAHI and Ultralytics, made where it is missing; None
            to leave them out.
        device: Where networks run, as a scan is told; peers run on the first of several GPUs.
        settings: ``key=value`` settings of ours, as a scan is told.
    """

    images: tuple[Path, ...]
    megapixels: tuple[float, ...] = (5.0, 29.0)
    rounds: int = 3
    frames: int = 4
    peers: Path | None = None
    device: str = "cpu"
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to measure nothing."""
        if not self.images or not self.megapixels:
            raise ConfigError("name images and sizes to measure")
        if min(self.rounds, self.frames, *self.megapixels) <= 0:
            raise ConfigError("rounds, frames and megapixels must be greater than 0")


@dataclass(frozen=True, slots=True)
class Figure:
    """One entrant at one size.

    Attributes:
        name: Of the entrant.
        megapixels: Of the photographs, asked for.
        rates: Images a second in each round.
        processor_s: Seconds of processor time an image, which other load changes less.
        stages: Milliseconds an image by stage.
        peak_mib: Peak resident memory of its process until then, MiB.
    """

    name: str
    megapixels: float
    rates: tuple[float, ...]
    processor_s: float
    stages: dict[str, float]
    peak_mib: float


@dataclass(slots=True)
class _Tally:
    seconds: list[float] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    processor_s: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    peak_mib: float = 0.0


class _Entrant:
    """A process that scans the images of a line and answers with a line."""

    def __init__(self, name: str, command: Sequence[str], frames: int) -> None:
        self.name, self.frames = name, frames
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, paths: Sequence[Path]) -> dict[str, object]:
        """Return what it says of these images.

        Raises:
            ConfigError: If it ended.
        """
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process was started without pipes")
        with suppress(BrokenPipeError):  # it ended: there will be no line either
            process.stdin.write(json.dumps([str(one) for one in paths]) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise ConfigError(f"{self.name} ended with exit code {process.wait()}; see above")
        told: dict[str, object] = json.loads(line)
        return told

    def leave(self) -> None:
        """End it."""
        with suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()


def measure(wish: Wish, progress: Callable[[int, int], None]) -> list[Figure]:
    """Ask all entrants in turn.

    Raises:
        ConfigError: If an image cannot be read, or an entrant cannot run.
    """
    entrants: list[_Entrant] = []
    with tempfile.TemporaryDirectory(prefix="catenary-bench-") as folder:
        sized = {size: _brought_to(wish, size, Path(folder)) for size in wish.megapixels}
        first = _brought_to(wish, _WARMING_MP, Path(folder))[:1]
        try:
            for entrant in _entrants(wish):
                entrants.append(entrant)
                entrant.ask(first)  # pays for the start
            return _asked(wish, entrants, sized, progress)
        finally:
            for entrant in entrants:
                entrant.leave()


def _asked(
    wish: Wish,
    entrants: Sequence[_Entrant],
    sized: dict[float, list[Path]],
    progress: Callable[[int, int], None],
) -> list[Figure]:
    figures = []
    total, done = len(sized) * wish.rounds * len(entrants), 0
    for size, paths in sized.items():
        tallies = {entrant.name: _Tally() for entrant in entrants}
        if assemble.device(wish.device).type == "cuda":
            for entrant in entrants:  # cuDNN prepares layers for each size: seconds, once
                entrant.ask(_chosen(paths, entrant, wish.rounds))
        for number in range(wish.rounds):
            for entrant in entrants:
                chosen = _chosen(paths, entrant, number)
                _count(tallies[entrant.name], entrant.ask(chosen), len(chosen))
                done += 1
                progress(done, total)
        figures += [_figure(name, size, tally) for name, tally in tallies.items()]
    return figures


def _chosen(paths: Sequence[Path], entrant: _Entrant, number: int) -> list[Path]:
    """Return the photographs that an entrant is asked for in a round."""
    first = number * entrant.frames
    return [paths[(first + one) % len(paths)] for one in range(entrant.frames)]


def _count(tally: _Tally, told: dict[str, object], images: int) -> None:
    tally.seconds.append(float(str(told["seconds"])))
    tally.images.append(images)
    tally.processor_s += float(str(told["processor_s"]))
    tally.peak_mib = float(str(told["peak_mib"]))
    stages = told["stages"]
    for stage, spent in stages.items() if isinstance(stages, dict) else ():
        tally.stages[stage] = tally.stages.get(stage, 0.0) + spent


def _figure(name: str, size: float, tally: _Tally) -> Figure:
    rates = tuple(n / spent for n, spent in zip(tally.images, tally.seconds, strict=True))
    count = sum(tally.images)
    stages = {stage: 1000 * spent / count for stage, spent in tally.stages.items()}
    return Figure(name, size, rates, tally.processor_s / count, stages, tally.peak_mib)


def _entrants(wish: Wish) -> Iterator[_Entrant]:
    """Start all, one after another; peers last."""
    ours = [sys.executable, "-m", "catenary.jobs.benches.scan_entrant"]
    first = str(assemble.device(wish.device))
    own = wish.frames
    shares = ((OURS, own), ("dense", own / 2), ("torchvision", own / 4), ("decode", 2 * own))
    for name, frames in ((name, max(1, round(share))) for name, share in shares):
        yield _Entrant(name, [*ours, name, wish.device, *wish.settings], frames)
    if wish.peers is None:
        return
    python = _peers_python(wish.peers)
    for name in PEERS:
        command = [str(python), scan_peer.__file__, name, first]
        yield _Entrant(f"sahi+{name}", command, 1)


def _peers_python(folder: Path) -> Path:
    """Return the Python of the peers' environment; make it where it is missing.

    It sees our torch, torchvision, numpy and OpenCV, so that 5 GB need not come twice; ours never
    sees what is in it.

    Raises:
        ConfigError: If it cannot be made.
    """
    python = folder / "bin" / "python"
    if python.is_file():
        return python
    venv.create(folder, with_pip=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = folder / "lib" / version / "site-packages" / "beside.pth"
    beside.write_text(f"{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", *PEER_PACKAGES]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        python.unlink()
        raise ConfigError(
            f"the peers could not be installed into {folder}; see above, or leave --peers out"
        )
    return python


def _brought_to(wish: Wish, megapixels: float, folder: Path) -> list[Path]:
    """Return the photographs at a size, those that have another written anew."""
    found = []
    for number, path in enumerate(wish.images):
        try:
            pixels = decode.decode_gray(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from error
        factor = (1e6 * megapixels / pixels.size) ** 0.5
        if abs(factor**2 - 1) <= 0.1:
            found.append(path)
            continue
        method = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        other = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=method)
        place = folder / f"{megapixels:g}-{number}.jpg"
        content = simplejpeg.encode_jpeg(np.ascontiguousarray(other[..., None]), 90, "GRAY")
        place.write_bytes(content)
        found.append(place)
    return found


def ratio(figures: Sequence[Figure], name: str, megapixels: float) -> float:
    """Return how many times as fast ours is as an entrant: the median of the rounds' ratios."""
    rates = {one.name: one.rates for one in figures if one.megapixels == megapixels}
    pairs = zip(rates[OURS], rates[name], strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def lines(wish: Wish, figures: Sequence[Figure]) -> Iterator[str]:
    """Yield a Markdown table with date and machine."""
    count = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    today = datetime.now().astimezone().date().isoformat()
    told = "".join(f", {one}" for one in wish.settings)
    yield f"{today}, {_processor()}, {count} threads, {wish.rounds} rounds, on {wish.device}{told}"
    yield ""
    yield "| | images/s (least to most) | ours is faster by | processor s | MiB | ms by stage |"
    yield "|---|---|---|---|---|---|"
    for one in figures:
        stages = ", ".join(f"{name} {value:.0f}" for name, value in one.stages.items())
        rates = f"{statistics.median(one.rates):.3g} ({min(one.rates):.3g} to {max(one.rates):.3g})"
        times = ratio(figures, one.name, one.megapixels)
        yield (
            f"| {one.name}, {one.megapixels:g} MP | {rates} | {times:.3g} | {one.processor_s:.3g} |"
            f" {one.peak_mib:.0f} | {stages} |"
        )
    yield ""
    yield (
        "Peers, and torchvision's Faster R-CNN (MobileNetV3), have random weights, which says"
        f" nothing of what they find; tiles of {scan_peer.TILE} px with 20 % overlap."
        " Photographs of another size were resized. Images a second and times faster are medians of"
        " all rounds; processor seconds and milliseconds are of all threads, an image; MiB is the"
        " peak resident memory, of all sizes so far."
    )


def _processor() -> str:
    """Return the name of the processor, as Linux tells it."""
    info = Path("/proc/cpuinfo")
    told = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
