"""Commands: parse, call a job, print. Heavy rooms are imported when a command runs."""

import json
import logging
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from catenary import __version__
from catenary.domain.errors import CatenaryError

if TYPE_CHECKING:
    from catenary.store.summary import RunSummary

FAILED, WRONG_USE, SOME_UNREADABLE, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bundles = typer.Typer(no_args_is_help=True, help="Make, calibrate and verify model bundles.")
runs = typer.Typer(invoke_without_command=True, help="What was scanned, what is left, what failed.")
data = typer.Typer(no_args_is_help=True, help="Convert, audit, split and mine labelled sets.")
benches = typer.Typer(no_args_is_help=True, help="Measure speed, and what training data give.")
app.add_typer(benches, name="bench")
app.add_typer(bundles, name="bundle")
app.add_typer(data, name="data")
app.add_typer(runs, name="runs")
out = Console()

Workspace = Annotated[
    Path, typer.Option(help="Folder of the results.", envvar="CATENARY_WORKSPACE")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="Override a setting: key=value; repeatable.")
]
Model = Annotated[
    Path | None, typer.Option(help="Model bundle folder; the shipped one when not given.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="bf16 or fp32.")]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Class map (YAML) as configs/class_map.example.yaml; needed for their names."
    ),
]
DEFAULT_WORKSPACE = Path("workspace")


def main() -> None:
    """Run the command line; an expected error is one line and exit code 1."""
    show_trace = "--debug" in sys.argv
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as by Ctrl-C, batch written
    try:
        app()
    except CatenaryError as error:
        if show_trace:
            raise
        Console(stderr=True).print(f"catenary: {error}", highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from error
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _print_version(is_asked: bool) -> None:
    if is_asked:
        out.print(f"catenary {__version__}")
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
) -> None:
    """Find defects of railway overhead lines in 4C inspection photographs."""
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(name)s %(levelname)s %(message)s")


@contextmanager
def _progress(title: str) -> Iterator[Callable[..., None]]:
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
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="", note="")

        def step(done: int, total: int, limit: str = "") -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            rate = f"{speed:.1f} /s" if speed else ""
            note = f"limited by {limit}" if limit else ""
            bar.update(task, completed=done, total=total, rate=rate, note=note)

        yield step


@app.command()
def demo(workspace: Workspace = DEFAULT_WORKSPACE) -> None:
    """Scan the bundled sample run and write its HTML report."""
    from catenary.jobs import scan as job

    out.print("Scanning the bundled sample run (simulated frames)")
    with _progress("scan") as step:
        end = job.demo(workspace, step)
    _print_run(end.summary)
    out.print(f"\nWorkspace: {workspace.resolve()}")
    out.print(f"Open the findings in a browser: {end.report}", soft_wrap=True)
    out.print(f"Excel list: catenary report {end.summary.name} --format xlsx -o defects.xlsx")
    _leave(end.summary.failed)


@app.command()
def scan(  # noqa: PLR0913 - every option of the command is a parameter
    source: Annotated[str, typer.Argument(help="Folder or file of a run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    model: Model = None,
    device: Device = "auto",
    precision: Precision = "bf16",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Photographs judged at once; as many as cores when not given."),
    ] = None,
    readers: Annotated[
        int | None, typer.Option(min=1, help="Threads that read and decode; chosen by cores.")
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
        bool, typer.Option("--retry-failed", help="Try frames again that failed before.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Minutes to wait for a source that goes away.")
    ] = 60.0,
    promise: Annotated[
        bool,
        typer.Option(
            "--promise", help="Raise at the thresholds for which the bundle bounds the misses."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Scan a run, or go on with one; exit code 3 when some frames could not be read."""
    from catenary.jobs import assemble
    from catenary.jobs import scan as job

    overrides = tuple(setting or ())
    if min_score is not None:
        overrides += (f"cascade.min_score={min_score}",)
    recipe = assemble.Recipe(model, device, precision, config, overrides, promise)
    options = job.Options(workers, readers, retry_failed, 60 * wait)
    with _progress("scan") as step:
        summary = job.scan_run(source, workspace, recipe, options, step)
    if as_json:
        _print_json([job.run_record(summary)])
    else:
        _print_run(summary)
    _leave(summary.failed)


@runs.callback()
def list_runs(
    context: typer.Context, workspace: Workspace = DEFAULT_WORKSPACE, as_json: Json = False
) -> None:
    """List the runs of a workspace."""
    from catenary.jobs import scan as job

    if context.invoked_subcommand is not None:
        return
    found = job.list_runs(workspace)
    if as_json:
        _print_json([job.run_record(one) for one in found])
        return
    for one in found:
        out.print(
            f"{one.name}: {one.images} images, {one.done} done, {one.unusable} unusable, "
            f"{one.failed} failed, {one.pending} left, {one.findings} findings",
            soft_wrap=True,
        )


@runs.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: Json = False,
) -> None:
    """Show one run: counts, findings, frames that failed, photographs given to other masts."""
    from catenary.jobs import reassign
    from catenary.jobs import scan as job

    detail = job.show_run(workspace, run)
    if as_json:
        _print_json([job.run_record(detail.summary)])
        return
    _print_run(detail.summary)
    for failure in detail.failures:
        out.print(
            f"  {failure.outcome} {failure.ref.file_name!r}: {failure.reason}: {failure.note}",
            soft_wrap=True,
            markup=False,
        )
    for line in reassign.lines(detail.reassigned):
        out.print(f"  mast reassigned: {line}", soft_wrap=True, highlight=False, markup=False)


@runs.command("reassign")
def reassign_masts(  # noqa: PLR0913 - every option of the command is a parameter
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    to_mast: Annotated[
        str, typer.Option(help="Number, or line/direction/section/number, or none.")
    ],
    by: Annotated[str, typer.Option(help="Who decides, for the trace.")],
    why: Annotated[str, typer.Option(help="Reason, for the trace.")],
    image: Annotated[
        list[str] | None,
        typer.Option(help="Pattern of file names or image ids, e.g. 'K12*'; repeatable."),
    ] = None,
    from_mast: Annotated[
        str | None, typer.Option(help="Only photographs of this mast, or of none.")
    ] = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
) -> None:
    """Give photographs to another mast; who, when and why is kept, a second call takes it back."""
    from catenary.jobs import reassign as job

    wish = job.Wish(tuple(image or ()), from_mast, to_mast, by, why)
    changed = job.reassign(workspace, run, wish)
    for line in job.lines(changed):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(f"{len(changed)} photographs reassigned")


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    form: Annotated[str, typer.Option("--format", help="html, xlsx, csv or coco.")] = "html",
    components: Annotated[
        bool, typer.Option("--components", help="COCO: write normal components too.")
    ] = False,
    workspace: Workspace = DEFAULT_WORKSPACE,
) -> None:
    """Write the findings of a run as one file."""
    from catenary.jobs import report as job

    if form not in job.FORMATS:
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(job.FORMATS)}")
    if components and form != "coco":
        raise typer.BadParameter("--components goes with --format coco")
    job.write_report(workspace, run, form, output, with_components=components)
    out.print(f"{output.resolve()}", soft_wrap=True)


@app.command("compare")
def compare_runs(  # noqa: PLR0913 - every option of the command is a parameter
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    earlier_run: Annotated[str, typer.Argument(help="An earlier run of the same masts.")],
    html: Annotated[Path | None, typer.Option(help="Page with pictures to write.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Table of the changes to write.")] = None,
    mm_per_px: Annotated[
        list[str] | None,
        typer.Option(help="Scale of a camera, CAMERA=VALUE, or VALUE for all others; repeatable."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Look into the photographs too.")
    ] = True,
    setting: Setting = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: Json = False,
) -> None:
    """Say what is new, gone, grown or unchanged on the masts of two runs, beyond the error."""
    from catenary.jobs import compare as job
    from catenary.reports import comparison

    try:
        scales = job.parse_scales(mm_per_px or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mm-per-px") from error
    request = job.Request(run, earlier_run, scales, pictures, html, csv, tuple(setting or ()))
    with _progress("compare") as step:
        found = job.compare(workspace, request, step)
    if as_json:
        _print_json(comparison.record(found))
        return
    for line in comparison.lines(found):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    for path in (html, csv):
        if path:
            out.print(f"{path.resolve()}", soft_wrap=True, highlight=False, markup=False)


@app.command()
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
    from catenary.jobs import simulate as job

    forms = tuple(form or ())
    if unknown := [one for one in forms if one not in job.FORMS]:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(job.FORMS)}")
    with _progress("render") as step:
        rendered = job.render(config, output, tuple(setting or ()), workers, step, forms)
    done = rendered.simulated
    made = f"{done.rendered} rendered now" if done.rendered else "complete, nothing left to render"
    out.print(
        f"{done.frames} frames, {done.labels} labels ({made}): {output / 'labels.json'}",
        soft_wrap=True,
    )
    for run in rendered.runs:
        out.print(f"Next: catenary scan {shlex.quote(str(run))}", soft_wrap=True, markup=False)


@app.command()
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
    from catenary.jobs import inject as job

    path = config or settings.bundled("configs/injection.yaml")
    with _progress("inject") as step:
        done = job.inject_set(path, labels, output, tuple(setting or ()), step)
    for (component, condition), count in sorted(done.made.items()):
        out.print(f"{component} {condition}: {count}")
    for reason, count in done.left_out.most_common():
        out.print(f"left out, {reason}: {count}", markup=False, soft_wrap=True)
    out.print(f"{len(done.labelled.images)} photographs: {output / 'labels.json'}")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="Training settings (YAML).")],
    setting: Setting = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted training.")
    ] = False,
) -> None:
    """Train the network that the settings name: detector, classifier, refiner or anomaly."""
    from catenary.jobs import learn as job

    folder = job.train(config, tuple(setting or ()), resume)
    if job.is_first_process():  # of several devices
        out.print(f"Trained: {folder}")


@app.command()
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
    from catenary.jobs import assemble, evaluation_text
    from catenary.jobs import evaluate as job

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
    with _progress("evaluate") as step:
        done = job.evaluate(request, recipe, step)
    if as_json:
        _print_json(evaluation_text.record(done))
        return
    for line in evaluation_text.lines(done, by_section):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    if html:
        out.print(f"Report: {html.resolve()}", soft_wrap=True)


@bundles.command("make")
def make_bundle(  # noqa: PLR0913 - every option of the command is a parameter
    detector: Annotated[Path, typer.Argument(help="Run folder of a trained detector.")],
    classifier: Annotated[Path, typer.Argument(help="Run folder of a trained classifier.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Bundle folder to make.")],
    refiner: Annotated[
        Path | None, typer.Option(help="Run folder of a trained box refiner, if there is one.")
    ] = None,
    anomaly: Annotated[
        Path | None, typer.Option(help="Run folder of a fitted anomaly scorer, if there is one.")
    ] = None,
    data: Annotated[str, typer.Option(help="Whence the training data are, for the card.")] = "",
    weakness: Annotated[
        list[str] | None,
        typer.Option(help="What it is known to do badly, for the card; repeatable."),
    ] = None,
) -> None:
    """Join trained networks into a bundle."""
    from catenary.jobs import learn as job
    from catenary.training.export import Runs

    runs_made = Runs(detector, classifier, refiner, anomaly)
    job.make_bundle(runs_made, output, data, tuple(weakness or ()))
    out.print(f"Bundle: {output}. Next: catenary bundle calibrate {output} LABELS")


@bundles.command("calibrate")
def calibrate_bundle(  # noqa: PLR0913 - every option of the command is a parameter
    bundle: Annotated[Path, typer.Argument(help="Bundle folder; its card is rewritten.")],
    labels: Annotated[Path, typer.Argument(help="COCO labels of masts training did not see.")],
    split: Annotated[
        Path | None, typer.Option(help="Split file: take one part of the labels only.")
    ] = None,
    part: Annotated[str, typer.Option(help="Part of the split.")] = "calibration",
    false_per_image: Annotated[
        float, typer.Option(help="Alarm budget of each component, false findings a photograph.")
    ] = 0.02,
    device: Device = "auto",
    guarantee: Annotated[
        Path | None,
        typer.Option(help="COCO labels of still other masts, to promise a bound on misses."),
    ] = None,
    guarantee_part: Annotated[
        str, typer.Option(help="Part of the split that is taken of the --guarantee labels.")
    ] = "guarantee",
    miss: Annotated[
        float, typer.Option(help="Largest share of defects of a condition that may be missed.")
    ] = 0.05,
    confidence: Annotated[
        float, typer.Option(help="Probability with which the promise must hold.")
    ] = 0.95,
) -> None:
    """Fit fusion weights and thresholds, and write them into the bundle's card.

    With --guarantee, also the thresholds that miss at most so many defects, where there are
    enough of them to promise that.
    """
    from catenary.evaluation.guarantee import Target
    from catenary.jobs import calibrate, promise, unseen
    from catenary.jobs import learn as job

    try:
        target = Target(miss, confidence)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    fitted = unseen.read(unseen.Choice(labels, split, part))
    promised = None
    if guarantee:
        promised = unseen.read(unseen.Choice(guarantee, split, guarantee_part))
        unseen.check_apart(fitted, promised)
    with _progress("calibrate") as step:
        done = job.calibrate_bundle(bundle, fitted, false_per_image, device, step)
    for line in calibrate.lines(done):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    if promised:
        with _progress("guarantee") as step:
            made = promise.promise(bundle, promised, target, device, step)
        for line in promise.lines(made):
            out.print(line, soft_wrap=True, highlight=False, markup=False)


@bundles.command("verify")
def verify_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    same: Annotated[
        bool,
        typer.Option(
            "--parity", help="Also ask its networks: loaded again, in batches, in bfloat16."
        ),
    ] = False,
) -> None:
    """Check seal, hashes, classes and input contract of a bundle without loading its weights.

    With --parity, exit code 1 when it answers differently when it is asked another way.
    """
    from catenary.models import bundle as bundles_room

    card = bundles_room.verify(bundle)
    out.print(f"{card.version}: whole; components {', '.join(card.classes)}", soft_wrap=True)
    if same:
        from catenary.models import parity

        compared = parity.compare(bundle)
        for line in parity.lines(compared):
            out.print(line, soft_wrap=True, highlight=False, markup=False)
        if any(one.broken for one in compared):
            raise typer.Exit(FAILED)


@bundles.command("seal")
def seal_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder; its card is rewritten.")],
) -> None:
    """Seal the card of a bundle from before cards had seals; look at it first."""
    from catenary.models import bundle as bundles_room

    card = bundles_room.with_seal(bundle)
    out.print(f"{card.version}: sealed", soft_wrap=True)


@bundles.command("export")
def export_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to make.")],
    form: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
) -> None:
    """Write the networks for other programs, and check that they answer the same."""
    from catenary.models import onnx_export, parity

    _one_of(form, ("onnx",), "--format")
    done = onnx_export.export(bundle, output)
    for line in parity.lines([done.parity]):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    for name in done.left_out:
        out.print(f"left out: {name}", soft_wrap=True, highlight=False)
    out.print(f"{output}: {', '.join(done.files)}", soft_wrap=True, highlight=False)


@data.command("convert")
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
    from catenary.jobs import data as job

    _one_of(to, formats.FORMATS, "--to")
    _one_of(form, ("auto", *formats.FORMATS), "--from")
    _one_of(images, tuple(job.Placement), "--images")
    conversion = job.Conversion(form, to, classes, job.Placement(images), strict)
    with _progress("convert") as step:
        converted = job.convert(source, output, conversion, step)
    for line in job.lines(converted):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(f"{output}", soft_wrap=True, highlight=False, markup=False)


@data.command("audit")
def audit_data(
    labels: Annotated[list[Path], typer.Argument(help="Labels; several sets are compared.")],
    split: Annotated[Path | None, typer.Option(help="Split whose parts are compared.")] = None,
    classes: Classes = None,
    html: Annotated[Path | None, typer.Option(help="Page with pictures to write.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether labelled sets are fit to train on; exit code 1 when they are not."""
    from catenary.jobs import audit as job

    with _steps("audit") as step:
        found = job.audit(labels, split, classes, html, step)
    if as_json:
        _print_json(job.record(found))
    else:
        for line in job.lines(found):
            out.print(line, soft_wrap=True, highlight=False, markup=False)
    if not found.is_fit:
        raise typer.Exit(FAILED)


@data.command("split")
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
    from catenary.jobs import split as job

    _one_of(by, (job.AUTO, *splits.BY), "--by")
    wish = job.Wish(job.parse_shares(shares), by, former, copies)
    with _steps("split") as step:
        done = job.split(labels, output, wish, step)
    for line in job.lines(done):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


@data.command("mine")
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
    from catenary.jobs import assemble
    from catenary.jobs import mine as job

    recipe = assemble.Recipe(model, device, precision, config, tuple(setting or ()))
    with _progress("mine") as step:
        mined = job.mine(labels, output, job.Wish(limit, min_score), recipe, step)
    for line in job.lines(mined):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(
        f"Next: name {output} beside {labels} under `train:`",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


@benches.command("scan")
def bench_scan(
    images: Annotated[list[Path], typer.Argument(help="Photographs to scan.")],
    mp: Annotated[
        list[float] | None, typer.Option(help="Megapixels to bring them to; repeatable: 5 and 29.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is asked.")] = 3,
    frames: Annotated[int, typer.Option(min=1, help="Photographs a round.")] = 4,
    peers: Annotated[
        Path | None,
        typer.Option(help="Environment of SAHI and Ultralytics (AGPL); made when missing."),
    ] = None,
) -> None:
    """Images a second of the scan beside a plain loop, SAHI + YOLO, and decoding alone.

    On the same files and cores, one after another in each round; prints a Markdown table.
    """
    from catenary.jobs import bench_scan as job

    wish = job.Wish(tuple(images), tuple(mp or (5.0, 29.0)), rounds, frames, peers)
    with _progress("bench") as step:
        figures = job.measure(wish, step)
    for line in job.lines(wish, figures):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


@benches.command("sections")
def bench_sections(
    config: Annotated[Path, typer.Argument(help="What to bench; configs/bench/sections.yaml.")],
    setting: Setting = None,
    as_json: Json = False,
) -> None:
    """Leave each line section out once: train on the others, evaluate on it; goes on when stopped.

    Beside each figure on the unseen section stands the one on other masts of known sections.
    """
    from catenary.jobs import sections as job
    from catenary.jobs import sections_table

    with _steps("sections") as step:
        done = job.bench(config, tuple(setting or ()), step)
    page = sections_table.write(done)
    if as_json:
        _print_json(sections_table.record(done))
        return
    for line in sections_table.lines(done):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(f"Report: {page.resolve()}", soft_wrap=True)


@benches.command("scarce")
def bench_scarce(
    config: Annotated[Path, typer.Argument(help="What to bench; configs/bench/scarce.yaml.")],
    setting: Setting = None,
    as_json: Json = False,
) -> None:
    """Recall of each judge with few defects to learn from, at fixed alarm budgets.

    Detector, classifier, anomaly scorer, rules, hybrid, and hybrid with injected defects; goes on
    when stopped.
    """
    from catenary.jobs import scarce as job
    from catenary.jobs import scarce_table

    with _steps("scarce") as step:
        done = job.bench(config, tuple(setting or ()), step, scarce_table.write)
    if as_json:
        _print_json(scarce_table.record(done))
        return
    for line in scarce_table.lines(done):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    table = done.settings.output / scarce_table.TABLE
    out.print(f"Table: {table.resolve()}", soft_wrap=True)


@contextmanager
def _steps(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work in several steps."""
    with _progress(title) as step:
        yield lambda _name, done, total: step(done, total)


def _one_of(value: str, known: Iterable[str], option: str) -> None:
    if value not in set(known):
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(known)}", param_hint=option)


def _print_run(summary: "RunSummary") -> None:
    from catenary.jobs import scan as job

    for line in job.summary_lines(summary):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def _leave(failed: int) -> None:
    if failed:
        raise typer.Exit(SOME_UNREADABLE)
