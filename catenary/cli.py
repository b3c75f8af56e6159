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
from catenary.jobs import log_format

if TYPE_CHECKING:
    from catenary.store.again import Again
    from catenary.store.summary import RunSummary
    from catenary.store.workspace import Workspace as Place

FAILED, WRONG_USE, SOME_UNREADABLE, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bundles = typer.Typer(no_args_is_help=True, help="Make, calibrate and verify model bundles.")
runs = typer.Typer(invoke_without_command=True, help="What was scanned, what is left, what failed.")
data = typer.Typer(no_args_is_help=True, help="Convert, audit, split and mine labelled sets.")
people = typer.Typer(no_args_is_help=True, help="Accounts of the reviewers.")
trail = typer.Typer(no_args_is_help=True, help="The trail of decisions.")
benches = typer.Typer(no_args_is_help=True, help="Measure speed, and what training data give.")
app.add_typer(benches, name="bench")
app.add_typer(bundles, name="bundle")
app.add_typer(data, name="data")
app.add_typer(runs, name="runs")
app.add_typer(people, name="users")
app.add_typer(trail, name="audit")
out = Console()
log = logging.getLogger(__name__)

Workspace = Annotated[
    Path, typer.Option(help="Folder of the results.", envvar="CATENARY_WORKSPACE")
]
Database = Annotated[
    str,
    typer.Option(
        help="Database URL, postgresql+psycopg://USER@HOST/NAME; a file in the folder when not "
        "given.",
        envvar="CATENARY_DATABASE",
        show_envvar=True,
    ),
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


def _place(folder: Path, database: str) -> "Place":
    from catenary.store.workspace import Workspace as Place

    return Place(folder, database)


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


@app.command()
def demo(workspace: Workspace = DEFAULT_WORKSPACE, database: Database = "") -> None:
    """Scan the bundled sample run and write its HTML report."""
    from catenary.jobs import scan as job

    out.print("Scanning the bundled sample run (simulated frames)")
    with _progress("scan") as step:
        end = job.demo(_place(workspace, database), step)
    _print_run(end.summary)
    out.print(f"\nWorkspace: {workspace.resolve()}")
    out.print(f"Open the findings in a browser: {end.report}", soft_wrap=True)
    out.print(f"Excel list: catenary report {end.summary.name} --format xlsx -o defects.xlsx")
    out.print(f"Decide on them: catenary review --workspace {workspace}", soft_wrap=True)
    _leave(end.summary.failed)


@app.command()
def scan(  # noqa: PLR0913 - every option of the command is a parameter
    source: Annotated[str, typer.Argument(help="Folder or file of a run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
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
    as_json: Json = False,
) -> None:
    """Scan a run, or go on with one; exit code 3 when some frames could not be read."""
    from catenary.jobs import assemble
    from catenary.jobs import runs as listing
    from catenary.jobs import scan as job

    overrides = tuple(setting or ())
    if min_score is not None:
        overrides += (f"cascade.min_score={min_score}",)
    recipe = assemble.Recipe(model, device, precision, config, overrides, promise)
    wanted = _policies(again or ())
    served = _address(serve_metrics)
    options = job.Options(workers, readers, retry_failed, 60 * wait, wanted, name, served)
    with _progress("scan") as step:
        summary = job.scan_run(source, _place(workspace, database), recipe, options, step)
    if as_json:
        _print_json([listing.run_record(summary)])
    else:
        _print_run(summary)
    _leave(summary.failed)


def _policies(names: Iterable[str]) -> tuple["Again", ...]:
    from catenary.store.again import Again

    try:
        return tuple(Again(name) for name in names)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; it is one of {', '.join(Again)}") from error


def _address(text: str) -> tuple[str, int] | None:
    from catenary.jobs import metrics

    try:
        return metrics.address(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metrics") from error


@runs.callback()
def list_runs(
    context: typer.Context,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List the runs of a workspace, with what their scans do."""
    from catenary.jobs import runs as job

    if context.invoked_subcommand is not None:
        return
    found = job.list_runs(_place(workspace, database))
    if as_json:
        _print_json([job.now_record(now) for now in found])
        return
    for now in found:
        one = now.summary
        out.print(
            f"{one.name}: {one.images} images, {one.done} done, {one.unusable} unusable, "
            f"{one.failed} failed, {one.pending} left, {one.findings} findings",
            soft_wrap=True,
        )
        out.print(f"  {job.state_line(now)}", soft_wrap=True, markup=False)


@runs.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """Show one run: counts, findings, frames that failed, photographs given to other masts."""
    from catenary.jobs import reassign
    from catenary.jobs import runs as job

    detail = job.show_run(_place(workspace, database), run)
    if as_json:
        _print_json([job.now_record(detail.now)])
        return
    _print_run(detail.now.summary)
    for line in job.detail_lines(detail.now):
        out.print(line, soft_wrap=True, markup=False)
    for failure in detail.failures:
        out.print(
            f"  {failure.outcome} {failure.ref.file_name!r}: {failure.reason}: {failure.note}",
            soft_wrap=True,
            markup=False,
        )
    for line in reassign.lines(detail.reassigned):
        out.print(f"  mast reassigned: {line}", soft_wrap=True, highlight=False, markup=False)


@runs.command("pause")
def pause_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Have the scan of a run wait, from another shell; it finishes what it has begun."""
    from catenary.jobs import runs as job

    out.print(job.pause(_place(workspace, database), run), soft_wrap=True, markup=False)


@runs.command("resume")
def resume_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Let the scan of a paused run go on."""
    from catenary.jobs import runs as job

    out.print(job.resume(_place(workspace, database), run), soft_wrap=True, markup=False)


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
    database: Database = "",
) -> None:
    """Give photographs to another mast; who, when and why is kept, a second call takes it back."""
    from catenary.jobs import reassign as job

    wish = job.Wish(tuple(image or ()), from_mast, to_mast, by, why)
    changed = job.reassign(_place(workspace, database), run, wish)
    for line in job.lines(changed):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(f"{len(changed)} photographs reassigned")


@app.command()
def report(  # noqa: PLR0913 - every option of the command is a parameter
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    form: Annotated[
        str, typer.Option("--format", help="html, xlsx, csv, coco, or a notice as docx or pdf.")
    ] = "html",
    components: Annotated[
        bool, typer.Option("--components", help="COCO: write normal components too.")
    ] = False,
    template: Annotated[
        Path | None, typer.Option(help="Notice: your railway's own (.docx or Typst).")
    ] = None,
    fonts: Annotated[
        Path | None, typer.Option(help="PDF: folder with a font that has Chinese characters.")
    ] = None,
    decided: Annotated[
        bool | None,
        typer.Option(
            "--decided/--all",
            help="Only defects that people confirmed, or all findings; notices of a reviewed run "
            "are limited so by themselves.",
        ),
    ] = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Write the findings of a run as one file."""
    from catenary.jobs import report as job

    if form not in job.FORMATS:
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(job.FORMATS)}")
    if components and form != "coco":
        raise typer.BadParameter("--components goes with --format coco")
    if template is not None and form not in job.TEMPLATES:
        raise typer.BadParameter("--template goes with --format docx or pdf")
    if fonts is not None and form != "pdf":
        raise typer.BadParameter("--fonts goes with --format pdf")
    chosen = job.Choices(components, template, fonts, decided)
    job.write_report(_place(workspace, database), run, form, output, chosen)
    out.print(f"{output.resolve()}", soft_wrap=True)


@app.command()
def review(  # noqa: PLR0913 - every option of the command is a parameter
    workspace: Workspace = DEFAULT_WORKSPACE,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need accounts.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port.")] = 8400,
    name: Annotated[
        list[str] | None, typer.Option(help="Host name the server answers to; repeatable.")
    ] = None,
    database: Database = "",
    config: Annotated[
        Path | None, typer.Option(help="Review settings; configs/review.yaml when not given.")
    ] = None,
    setting: Setting = None,
) -> None:
    """Serve the findings of a workspace to reviewers, until stopped."""
    from catenary.review import serve

    options = serve.Options(host, port, tuple(name or ()), config, tuple(setting or ()))

    def announce(address: str) -> None:
        out.print(f"Review at {address} (stop with Ctrl-C)", soft_wrap=True, highlight=False)

    serve.serve(_place(workspace, database), options, announce)


@people.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Name to log in with.")],
    role: Annotated[str, typer.Option(help="viewer, reviewer, second, lead or admin.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Add an account; the password is asked for, or read from a pipe."""
    from catenary.domain.review import Role
    from catenary.jobs import accounts as job

    if role not in list(Role):
        raise typer.BadParameter(f"{role!r} is not one of {', '.join(Role)}", param_hint="--role")
    job.add(_place(workspace, database), name, Role(role), _password())
    out.print(f"{name} added as {role}", highlight=False, markup=False)


def _password() -> str:
    """Ask twice at a terminal; read one line otherwise, so that no password is an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


@people.command("list")
def list_users(
    workspace: Workspace = DEFAULT_WORKSPACE, database: Database = "", as_json: Json = False
) -> None:
    """List the accounts."""
    from catenary.jobs import accounts as job

    found = job.list_all(_place(workspace, database))
    if as_json:
        _print_json(
            [
                {"name": one.name, "role": one.role, "disabled": one.disabled_at is not None}
                for one in found
            ]
        )
        return
    for one in found:
        state = f", disabled {one.disabled_at:%Y-%m-%d}" if one.disabled_at else ""
        line = f"{one.name}: {one.role}, since {one.created_at:%Y-%m-%d}{state}"
        out.print(line, highlight=False, markup=False)


@people.command("disable")
def disable_user(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Let an account log in no more, at once; its decisions stay."""
    from catenary.jobs import accounts as job

    job.disable(_place(workspace, database), name)
    out.print(f"{name} disabled", highlight=False, markup=False)


@trail.command("verify")
def verify_trail(
    seal: Annotated[
        str, typer.Option(help="Seal noted down before; proves that nothing was cut off.")
    ] = "",
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Check that no decision and no row of the trail was changed; exit code 1 when one was."""
    from catenary.jobs import trail as job

    found = job.verify(_place(workspace, database), seal)
    for one in found.broken:
        where = "" if one.seq is None else f"row {one.seq}: "
        out.print(f"broken: {where}{one.what}", soft_wrap=True, highlight=False, markup=False)
    if found.broken:
        raise typer.Exit(FAILED)
    told = f"{found.head.seq} rows hold; the seal is {found.head.digest}"
    out.print(told, soft_wrap=True, highlight=False)


@app.command("defects")
def list_defects(
    run: Annotated[
        list[str] | None, typer.Option(help="Name of a run in which they were seen; repeatable.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Where they stand, e.g. dispatched; repeatable.")
    ] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only those whose deadline has passed.")
    ] = False,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List confirmed defects with where they stand and until when, the soonest first."""
    from datetime import UTC, datetime

    from catenary.domain.defect_loop import LoopState
    from catenary.jobs import defects as job

    for one in state or ():
        if one not in list(LoopState):
            known = ", ".join(LoopState)
            raise typer.BadParameter(f"{one!r} is not one of {known}", param_hint="--state")
    states = tuple(LoopState(one) for one in state or ())
    wanted = job.Choice(tuple(run or ()), states, overdue)
    found = job.listed(_place(workspace, database), wanted)
    now = datetime.now(UTC)
    if as_json:
        _print_json([job.record(one, now) for one in found])
        return
    for each in found:
        out.print(job.line(each, now), soft_wrap=True, highlight=False, markup=False)
    out.print(f"{len(found)} defects", highlight=False)


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
    database: Database = "",
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
        found = job.compare(_place(workspace, database), request, step)
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


@data.command("from-reviews")
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
    from catenary.jobs import from_reviews as job

    wish = job.Wish(tuple(run or ()), sure)
    with _progress("from-reviews") as step:
        collected = job.collect(_place(workspace, database), output, wish, step)
    for line in job.lines(collected):
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(f"Next: catenary data audit {output}", soft_wrap=True, highlight=False, markup=False)


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


@benches.command("archive")
def bench_archive(
    output: Annotated[Path, typer.Option("-o", "--output", help="New folder to work in.")],
    frames: Annotated[
        list[int] | None, typer.Option(help="Size of a run that is begun; repeatable.")
    ] = None,
    scanned: Annotated[
        int, typer.Option(min=64, help="Photographs that are scanned to the end.")
    ] = 20_000,
    rows: Annotated[int, typer.Option(min=64, help="Rows of ledger and findings.")] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Measure start, resuming, memory and rows of huge runs: links to a few files, no network."""
    from catenary.jobs import archive as job

    sizes = job.Sizes(scanned=scanned, rows=rows)
    if frames:
        sizes = job.Sizes(tuple(frames), scanned, rows)

    def tell(line: str) -> None:
        if not as_json:
            out.print(line, soft_wrap=True, highlight=False, markup=False)

    found = job.bench(output, sizes, tell)
    if as_json:
        _print_json(job.record(found))
    else:
        tell(f"{found.machine}, {found.day}")


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
    from catenary.jobs import runs as job

    for line in job.summary_lines(summary):
        out.print(line, soft_wrap=True, highlight=False, markup=False)


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def _leave(failed: int) -> None:
    if failed:
        raise typer.Exit(SOME_UNREADABLE)
