"""Labelled sets."""

from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import (
    DEFAULT_WORKSPACE,
    Classes,
    Database,
    Device,
    Json,
    Model,
    Precision,
    Setting,
    Workspace,
    place_of,
)
from catenary.cli.terminal import FAILED, one_of, print_json, progress, say, steps

commands = typer.Typer(no_args_is_help=True, help="Convert, audit, split and mine labelled sets.")


@commands.command("convert")
def convert_data(  # noqa: PLR0913 - every option of the command is a parameter
    source: Annotated[Path, typer.Argument(help="File or folder with labels; images beside.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to make.")],
    to: Annotated[str, typer.Option("--to", help="Format to write; see docs/formats.md.")] = "coco",
    form: Annotated[str, typer.Option("--from", help="Format of the source, or auto.")] = "auto",
    classes: Classes = None,
    images: Annotated[str, typer.Option(help="copy, link or reference.")] = "copy",
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail when anything would be lost.")
    ] = False,
) -> None:
    """Write a labelled set in another format; what cannot be kept is counted."""
    from catenary.datasets import formats
    from catenary.jobs.data import convert as job

    one_of(to, formats.FORMATS, "--to")
    one_of(form, ("auto", *formats.FORMATS), "--from")
    one_of(images, tuple(job.Placement), "--images")
    conversion = job.Conversion(form, to, classes, job.Placement(images), strict)
    with progress("convert") as step:
        converted = job.convert(source, output, conversion, step)
    say(*job.lines(converted))
    say(f"{output}")


@commands.command("audit")
def audit_data(
    labels: Annotated[list[Path], typer.Argument(help="Labels; several sets are compared.")],
    split: Annotated[Path | None, typer.Option(help="Split whose parts are compared.")] = None,
    classes: Classes = None,
    html: Annotated[Path | None, typer.Option(help="Page with pictures to write.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether labelled sets are fit to train on; exit code 1 when they are not."""
    from catenary.jobs.data import audit as job

    with steps("audit") as step:
        found = job.audit(labels, split, classes, html, step)
    if as_json:
        print_json(job.record(found))
    else:
        say(*job.lines(found))
    if not found.is_fit:
        raise typer.Exit(FAILED)


@commands.command("split")
def split_data(
    labels: Annotated[list[Path], typer.Argument(help="Labels; several sets are split together.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Split to write (JSON).")],
    shares: Annotated[
        str, typer.Option(help="Parts and their shares.")
    ] = "train=0.7,calibration=0.15,test=0.15",
    by: Annotated[str, typer.Option(help="auto, section, mast or image.")] = "auto",
    former: Annotated[
        Path | None, typer.Option("--from", help="Former split: what it assigned stays.")
    ] = None,
    copies: Annotated[
        bool, typer.Option("--copies/--no-copies", help="Look for copies among the images.")
    ] = True,
) -> None:
    """Split by line section, or by mast where sections are few; never by image."""
    from catenary.datasets import split as splits
    from catenary.jobs.data import split as job

    one_of(by, (job.AUTO, *splits.BY), "--by")
    wish = job.Wish(job.parse_shares(shares), by, former, copies)
    with steps("split") as step:
        done = job.split(labels, output, wish, step)
    say(*job.lines(done))


@commands.command("from-reviews")
def data_from_reviews(
    output: Annotated[Path, typer.Option("-o", "--output", help="Labels to write (JSON).")],
    run: Annotated[
        list[str] | None, typer.Argument(help="Names of runs; all when none is given.")
    ] = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    sure: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Detector score from which a rejected place holds a sound part."
        ),
    ] = 0.5,
) -> None:
    """Write what reviewers confirmed, drew, corrected and rejected, to train on."""
    from catenary.jobs.reviewing import from_reviews as job

    wish = job.Wish(tuple(run or ()), sure)
    with progress("from-reviews") as step:
        collected = job.collect(place_of(workspace, database), output, wish, step)
    say(*job.lines(collected))
    say(f"Next: catenary data audit {output}")


@commands.command("mine")
def mine_data(  # noqa: PLR0913 - every option of the command is a parameter
    labels: Annotated[Path, typer.Argument(help="COCO labels of all parts; images beside them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Labels to write (JSON).")],
    model: Model = None,
    device: Device = "auto",
    precision: Precision = "bf16",
    config: Annotated[Path | None, typer.Option(help="Scan settings.")] = None,
    setting: Setting = None,
    limit: Annotated[int, typer.Option(min=1, help="Greatest number of mistakes.")] = 1000,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Least score of a mistake.")] = 0.2,
) -> None:
    """Find where a model is sure and wrong, to train on: boxes on no part, alarms on sound ones."""
    from catenary.jobs.learning import mine as job
    from catenary.jobs.scanning import assemble

    recipe = assemble.Recipe(model, device, precision, config, tuple(setting or ()))
    with progress("mine") as step:
        mined = job.mine(labels, output, job.Wish(limit, min_score), recipe, step)
    say(*job.lines(mined))
    say(f"Next: name {output} beside {labels} under `train:`")
