"""Render a labelled set from a settings file, on request also as a run of a 4C car."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from catenary import config
from catenary.domain.image import ImageRef
from catenary.jobs.data.deliver import RunForm, Task, frames_table, joined, write_run
from catenary.simulation.settings import SimulationSettings
from catenary.simulation.write import Frames, Simulated, simulate, write_whole

FORMS = tuple(str(form) for form in RunForm)
FRAMES = "frames.csv"
_RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished set, and the folders of the runs that it was also written as."""

    simulated: Simulated
    runs: tuple[Path, ...]


def render(
    settings_file: Path,
    folder: Path,
    overrides: tuple[str, ...],
    workers: int,
    progress: Callable[[int, int], None],
    forms: Sequence[str] = (),
) -> Rendered:
    """Render the frames and labels that a settings file describes.

    Args:
        settings_file: YAML of `SimulationSettings`.
        folder: Filled, or gone on with when it holds part of the same set.
        overrides: ``key=value`` settings.
        workers: Processes that render.
        progress: Called with frames done and frames in all.
        forms: Of `FORMS`: the frames are written once more as ``runs/<form>/<task>``, and
            ``frames.csv`` tells which photograph of each run is which frame.

    Raises:
        ConfigError: If the settings are not valid, with every mistake, or do not fit a form.
        StoreError: If it cannot be written; the same command goes on.
    """
    settings = config.load(settings_file, SimulationSettings, overrides)
    task = _task(settings)
    runs = [
        (form, folder / _RUNS / form / task.folder_name(form))
        for form in dict.fromkeys(map(RunForm, forms))
    ]
    done = simulate(settings, folder, workers, progress)
    if runs:
        _deliver(folder, settings.count, runs)
    return Rendered(done, tuple(run for _, run in runs))


def _task(settings: SimulationSettings) -> Task:
    """Name the task as if the car had run from the first section to the last since midnight."""
    first, last = settings.sections[0].split("-")[0], settings.sections[-1].split("-")[-1]
    start = datetime.fromisoformat(f"{settings.date}T00:00:00")
    return Task(settings.line, settings.direction, f"{first}-{last}", start)


def _deliver(folder: Path, count: int, runs: Sequence[tuple[RunForm, Path]]) -> None:
    def refs() -> Iterator[ImageRef]:
        return (image.ref for image in Frames(folder, range(count)))

    for form, run in runs:
        write_run(refs(), folder, run, form)
    pairs = (
        (run.relative_to(folder).as_posix(), *pair)
        for _, run in runs
        for pair in joined(refs(), run)
    )
    write_whole(folder / FRAMES, frames_table(pairs))
