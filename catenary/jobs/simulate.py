"""Render a labelled set from a settings file."""

from collections.abc import Callable
from pathlib import Path

from catenary import config
from catenary.simulation.settings import SimulationSettings
from catenary.simulation.write import Simulated, simulate


def render(
    settings_file: Path,
    folder: Path,
    overrides: tuple[str, ...],
    workers: int,
    progress: Callable[[int, int], None],
) -> Simulated:
    """Render the frames and labels that a settings file describes.

    Args:
        settings_file: YAML of `SimulationSettings`.
        folder: Filled, or gone on with when it holds part of the same set.
        overrides: ``key=value`` settings.
        workers: Processes that render.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If the settings are not valid, with every mistake.
    """
    settings = config.load(settings_file, SimulationSettings, overrides)
    return simulate(settings, folder, workers, progress)
