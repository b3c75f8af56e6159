"""Scenes, injected defects, training and evaluation."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import Device, Json, Model, Precision, Setting
from catenary.cli.terminal import print_json, progress, say

commands = typer.Typer()


@commands.command()
def simulate(
    config: Annotated[Path, typer.Argument(help="Simulation settings (YAML).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to fill.")],
    setting: Setting = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 2,
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--as", help="Also write a run: workstation, mast-folders or plain; repeatable."
        ),
    ] = None,
) -> None:
    """Render labelled night scenes; goes on where an interrupted run stopped."""
    from catenary.jobs.data import simulate as job

    forms = tuple(form or ())
    if unknown := [one for one in forms if one not in job.FORMS]:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(job.FORMS)}")
    with progress("render") as step:
        rendered = job.render(config, output, tuple(setting or ()), workers, step, forms)
    done = rendered.simulated
    made = f"{done.rendered} rendered now" if done.rendered else "complete, nothing left to render"
    say(f"{done.frames} frames, {done.labels} labels ({made}): {output / 'labels.json'}")
    for run in rendered.runs:
        say(f"Next: catenary scan {shlex.quote(str(run))}")


@commands.command()
def inject(
    labels: Annotated[Path, typer.Argument(help="COCO labels of normal parts; images beside.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to fill.")],
    config: Annotated[
        Path | None, typer.Option(help="What to make; configs/injection.yaml when not given.")
    ] = None,
    setting: Setting = None,
) -> None:
    """Put labelled defects, and as many controls, into photographs of normal parts."""
    from catenary import config as settings
    from catenary.jobs.data import inject as job

    path = config or settings.bundled("configs/injection.yaml")
    with progress("inject") as step:
        done = job.inject_set(path, labels, output, tuple(setting or ()), step)
    for (component, condition), count in sorted(done.made.items()):
        say(f"{component} {condition}: {count}")
    for reason, count in done.left_out.most_common():
        say(f"left out, {reason}: {count}")
    say(f"{len(done.labelled.images)} photographs: {output / 'labels.json'}")


@commands.command()
def train(
    config: Annotated[Path, typer.Argument(help="Training settings (YAML).")],
    setting: Setting = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted training.")
    ] = False,
) -> None:
    """Train the network that the settings name: detector, classifier, refiner or anomaly."""
    from catenary.jobs.learning import learn as job

    folder = job.train(config, tuple(setting or ()), resume)
    if job.is_first_process():  # of several devices
        say(f"Trained: {folder}")


@commands.command()
def evaluate(  # noqa: PLR0913 - every option of the command is a parameter
    labels: Annotated[Path, typer.Argument(help="COCO labels; images beside them.")],
    model: Model = None,
    device: Device = "auto",
    precision: Precision = "bf16",
    config: Annotated[Path | None, typer.Option(help="Scan settings.")] = None,
    setting: Setting = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Read what an earlier scan said instead of scanning.")
    ] = None,
    save_predictions: Annotated[
        Path | None, typer.Option(help="Keep what the model said, as JSON.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Predictions of another model on the same labels.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Report to write: one HTML file.")] = None,
    data_kind: Annotated[
        str, typer.Option(help="simulated, semi-real or real; shown at the top of the report.")
    ] = "not stated",
    alarms_per_1000: Annotated[
        float | None,
        typer.Option(min=0, help="A further budget: false alarms of a component per 1,000 images."),
    ] = None,
    by_section: Annotated[
        bool, typer.Option("--by-section", help="Show every section, and the worst one.")
    ] = False,
    split: Annotated[
        Path | None, typer.Option(help="Split file: evaluate one part of the labels only.")
    ] = None,
    part: Annotated[str, typer.Option(help="Part of the split.")] = "test",
    as_json: Json = False,
) -> None:
    """State how well a model finds parts and defects of a labelled set, with intervals."""
    from catenary.evaluation.predictions import DataKind
    from catenary.jobs.evaluating import evaluate as job
    from catenary.jobs.evaluating import text as evaluation_text
    from catenary.jobs.scanning import assemble

    if data_kind not in set(DataKind):
        raise typer.BadParameter(f"--data-kind must be {', '.join(DataKind)}, got {data_kind!r}")
    recipe = assemble.Recipe(model, device, precision, config, tuple(setting or ()))
    request = job.Request(
        labels,
        DataKind(data_kind),
        predictions,
        save_predictions,
        compare,
        html,
        alarms_per_1000,
        split,
        part,
    )
    with progress("evaluate") as step:
        done = job.evaluate(request, recipe, step)
    if as_json:
        print_json(evaluation_text.record(done))
        return
    say(*evaluation_text.lines(done, by_section))
    if html:
        say(f"Report: {html.resolve()}")
