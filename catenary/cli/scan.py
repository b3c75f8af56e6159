"""Scan a run, or the sample run."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catenary.cli.options import (
    DEFAULT_WORKSPACE,
    Database,
    Device,
    Json,
    Model,
    Precision,
    Setting,
    Workspace,
    place_of,
)
from catenary.cli.terminal import (
    leave,
    one_of,
    print_json,
    print_run,
    progress,
    say,
    told_if_stopped,
)

if TYPE_CHECKING:
    from catenary.store.again import Again
    from catenary.store.summary import RunSummary

commands = typer.Typer()


@commands.command()
def demo(workspace: Workspace = DEFAULT_WORKSPACE, database: Database = "") -> None:
    """Scan the bundled sample run and write its HTML report."""
    from catenary.jobs.scanning import scan as job

    say("Scanning the bundled sample run (simulated frames)")
    with progress("scan") as step:
        end = job.demo(place_of(workspace, database), step)
    print_run(end.summary)
    say(f"\nWorkspace: {workspace.resolve()}")
    say(f"Open the findings in a browser: {end.report}")
    where = f"--workspace {shlex.quote(str(workspace))}"  # the database may hold a password
    say(f"Excel list: catenary report {end.summary.name} {where} --format xlsx -o defects.xlsx")
    say(f"Decide on them: catenary review {where}")
    leave(end.summary.failed)


@commands.command()
def scan(  # noqa: PLR0913 - every option of the command is a parameter
    source: Annotated[str, typer.Argument(help="Folder or file of a run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    model: Model = None,
    device: Device = "auto",
    precision: Precision = "bf16",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Photographs judged at once; else one a core, 8 at most, or three a GPU."
        ),
    ] = None,
    readers: Annotated[
        int | None, typer.Option(min=1, help="Threads that read and decode; chosen by cores.")
    ] = None,
    rule_processes: Annotated[
        int | None,
        typer.Option(
            min=0, help="Processes that judge by the rules, 0 for threads; chosen by the device."
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least detector score of every component."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Scan settings; configs/scan.yaml when not given.")
    ] = None,
    setting: Setting = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="As --again failed.")
    ] = False,
    again: Annotated[
        list[str] | None,
        typer.Option(
            help="Scan finished frames again: changed, outdated (judged by another model, rules or "
            "taxonomy), failed, all; none takes it back. New frames are always scanned; repeatable."
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option("--as", help="Name of the run, for a second set of results of one source."),
    ] = "",
    wait: Annotated[
        float, typer.Option(min=0, help="Minutes to wait for a lost source or a busy database.")
    ] = 60.0,
    promise: Annotated[
        bool,
        typer.Option(
            "--promise", help="Raise at the thresholds for which the bundle bounds the misses."
        ),
    ] = False,
    serve_metrics: Annotated[
        str,
        typer.Option(
            "--metrics", help="PORT, or HOST:PORT: answer Prometheus; on this machine only by PORT."
        ),
    ] = "",
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Judge in threads of this process, or by workers of a Ray cluster."),
    ] = "local",
    ray_address: Annotated[
        str,
        typer.Option(help="HOST:PORT of the Ray cluster to join, or auto; else one is started."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Scan a run, or go on with one; exit code 3 when some frames could not be read."""
    from catenary.jobs.scanning import assemble
    from catenary.jobs.scanning import runs as listing
    from catenary.jobs.scanning import scan as job

    overrides = tuple(setting or ())
    if min_score is not None:
        overrides += (f"cascade.min_score={min_score}",)
    if rule_processes is not None:
        overrides += (f"rule_processes={rule_processes}",)
    recipe = assemble.Recipe(model, device, precision, config, overrides, promise)
    wanted = _policies(again or ())
    served = _address(serve_metrics)
    if ray_address and engine != "ray":
        raise typer.BadParameter("goes with --engine ray", param_hint="--ray-address")
    options = job.Options(
        workers, readers, retry_failed, 60 * wait, wanted, name, served,
        job.EngineName(engine), ray_address,
    )  # fmt: skip
    kept = "what is finished is kept, the same command goes on with what is left"
    with told_if_stopped(kept), progress("scan") as step:
        summary = job.scan_run(source, place_of(workspace, database), recipe, options, step)
    if as_json:
        print_json([listing.run_record(summary)])
    else:
        print_run(summary)
        _say_which_failed(summary, workspace)
    leave(summary.failed)


def _say_which_failed(summary: "RunSummary", workspace: Path) -> None:
    if summary.failed:
        name, place = shlex.quote(summary.name), shlex.quote(str(workspace))
        say(f"which could not be read, and why: catenary runs show {name} --workspace {place}")


def _policies(names: Iterable[str]) -> tuple["Again", ...]:
    from catenary.store.again import Again

    wanted = tuple(names)
    for name in wanted:
        one_of(name, Again, "--again")
    return tuple(map(Again, wanted))


def _address(text: str) -> tuple[str, int] | None:
    from catenary.jobs.scanning import metrics

    try:
        return metrics.address(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metrics") from error
