"""What commands print, how they show progress, and how they end."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from catenary.jobs.scanning import log_format

if TYPE_CHECKING:
    from catenary.store.summary import RunSummary

FAILED, WRONG_USE, SOME_UNREADABLE, INTERRUPTED = 1, 2, 3, 130  # wrong use: given by click


def say(*lines: str) -> None:
    """Print lines as they are: file names are not markup, and a path is never wrapped."""
    for line in lines:
        typer.echo(line)


def print_json(content: object) -> None:
    """Print what scripts read."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2, default=str))


def print_run(summary: "RunSummary") -> None:
    """Print the counts of a run."""
    from catenary.jobs.scanning import runs as job

    say(*job.summary_lines(summary))


def leave(failed: int) -> None:
    """End with exit code 3 when some photographs could not be read."""
    if failed:
        raise typer.Exit(SOME_UNREADABLE)


def one_of(value: str, known: Iterable[str], option: str) -> None:
    """Refuse a value that an option does not know, naming those it does."""
    if value not in set(known):
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(known)}", param_hint=option)


@contextmanager
def progress(title: str) -> Iterator[Callable[..., None]]:
    """Show done, total, rate, time left and a note; nothing when not on a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal or log_format.is_json()
    ) as bar:
        task = bar.add_task(title, total=None, rate="", note="")

        def step(done: int, total: int, limit: str = "") -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            rate = f"{speed:.1f} /s" if speed else ""
            note = f"limited by {limit}" if limit else ""
            bar.update(task, completed=done, total=total, rate=rate, note=note)

        yield step


@contextmanager
def told_if_stopped(words: str) -> Iterator[None]:
    """Say what Ctrl-C or SIGTERM leaves: a bar that ends half way does not tell."""
    try:
        yield
    except KeyboardInterrupt:
        if not log_format.is_json():  # the log says it
            typer.echo(f"catenary: stopped; {words}", err=True)
        raise


@contextmanager
def steps(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work in several steps."""
    with progress(title) as step:
        yield lambda _name, done, total: step(done, total)
