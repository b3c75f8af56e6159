"""Commands: parse, call a job, print. Heavy rooms are imported when a command runs."""

import logging
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console

from catenary import __version__
from catenary.cli import benches, bundles, data, learning, review, runs, scan
from catenary.cli.terminal import FAILED, INTERRUPTED, WRONG_USE, say
from catenary.domain.errors import CatenaryError
from catenary.jobs.scanning import log_format

__all__ = ["FAILED", "WRONG_USE", "app", "main"]

log = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for part in (scan, runs, review, learning):
    app.add_typer(part.commands)
app.add_typer(benches.commands, name="bench")
app.add_typer(bundles.commands, name="bundle")
app.add_typer(data.commands, name="data")


def main() -> None:
    """Run the command line; an expected error is one line and exit code 1."""
    show_trace = "--debug" in sys.argv
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as by Ctrl-C, batch written
    try:
        app()
    except CatenaryError as error:
        if show_trace:
            raise
        if log_format.is_json():
            log.error("%s", error, extra={"event": "error"})
        else:
            # Not markup: it would lose what stands in brackets, as in catenary[ray].
            told = f"catenary: {error}"
            Console(stderr=True).print(told, markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from error
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _print_version(is_asked: bool) -> None:
    if is_asked:
        say(f"catenary {__version__}")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log to stderr.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of errors.")] = False,
    log_form: Annotated[
        str,
        typer.Option(
            "--log-format",
            help="text, or json: one object a line on stderr, what --verbose tells included.",
            envvar="CATENARY_LOG_FORMAT",
        ),
    ] = "text",
) -> None:
    """Find defects of railway overhead lines in 4C inspection photographs."""
    if log_form not in ("text", "json"):
        raise typer.BadParameter(f"--log-format must be text or json, got {log_form!r}")
    is_told = verbose or log_form == "json"
    level = logging.DEBUG if debug else logging.INFO if is_told else logging.WARNING
    logging.basicConfig(level=level, handlers=[log_format.handler(log_form)])
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))  # tells of every plugin
