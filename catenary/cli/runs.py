"""What was scanned: runs, reports, and runs compared."""

from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import DEFAULT_WORKSPACE, Database, Json, Setting, Workspace, place_of
from catenary.cli.terminal import one_of, print_json, print_run, progress, say

commands = typer.Typer()
runs = typer.Typer(invoke_without_command=True, help="What was scanned, what is left, what failed.")
commands.add_typer(runs, name="runs")


@runs.callback()
def list_runs(
    context: typer.Context,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """List the runs of a workspace, with what their scans do."""
    from catenary.jobs.scanning import runs as job

    if context.invoked_subcommand is not None:
        _refuse_lost(context)
        return
    found = job.list_runs(place_of(workspace, database))
    if as_json:
        print_json([job.now_record(now) for now in found])
        return
    for now in found:
        one = now.summary
        say(
            f"{one.name}: {one.images} images, {one.done} done, {one.unusable} unusable, "
            f"{one.failed} failed, {one.pending} left, {one.findings} findings"
        )
        say(f"  {job.state_line(now)}")


def _refuse_lost(context: typer.Context) -> None:
    """Refuse options before a subcommand, which would look into another workspace without them."""
    for name in ("workspace", "database", "as_json"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"goes after `runs {context.invoked_subcommand}`, not before it",
                param_hint=f"--{name.removeprefix('as_')}",
            )


@runs.command("show")
def show_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    failures: Annotated[
        int, typer.Option(min=0, help="Frames that failed to list; 0 for all.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Show one run: counts, findings, frames that failed, photographs given to other masts."""
    from catenary.jobs.reviewing import reassign
    from catenary.jobs.scanning import runs as job

    detail = job.show_run(place_of(workspace, database), run, failures or None)
    if as_json:
        print_json([job.now_record(detail.now)])
        return
    print_run(detail.now.summary)
    say(*job.detail_lines(detail.now))
    for failure in detail.failures:
        say(f"  {failure.outcome} {failure.ref.file_name!r}: {failure.reason}: {failure.note}")
    one = detail.now.summary
    if (more := one.unusable + one.failed - len(detail.failures)) > 0:
        say(f"  and {more} more; --failures 0 lists all")
    for line in reassign.lines(detail.reassigned):
        say(f"  mast reassigned: {line}")


@runs.command("pause")
def pause_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Have the scan of a run wait, from another shell; it finishes what it has begun."""
    from catenary.jobs.scanning import runs as job

    say(job.pause(place_of(workspace, database), run))


@runs.command("resume")
def resume_run(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Let the scan of a paused run go on."""
    from catenary.jobs.scanning import runs as job

    say(job.resume(place_of(workspace, database), run))


@runs.command("droppers")
def missing_droppers(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    csv: Annotated[Path | None, typer.Option(help="Table to write.")] = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """List where droppers are missing from their row, as positions of photographs tell."""
    from catenary.jobs.reviewing import rows as job
    from catenary.reports import rows

    found = job.missing_droppers(place_of(workspace, database), run)
    for one in found.gaps:
        told = rows.why(one)
        say(told.zh, told.en)
    cameras = ", ".join(found.cameras) or "none"
    say(f"{len(found.gaps)} places; positions of droppers known to cameras: {cameras}")
    if found.untold:
        names = ", ".join(found.untold)
        say(f"not told: the index does not say where the droppers of camera {names} are")
    if csv:
        rows.write_csv(found.gaps, csv)
        say(f"{csv.resolve()}")


@runs.command("bolts")
def missing_bolts(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    csv: Annotated[Path | None, typer.Option(help="Table to write.")] = None,
    is_raising: Annotated[
        bool, typer.Option("--raise", help="Raise missing bolts as findings of the run.")
    ] = False,
    setting: Setting = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """List bolts missing where the same fitting shows one on other masts."""
    from catenary.jobs.reviewing import bolt_places as job
    from catenary.reports import bolt_places

    request = job.Request(run, csv, tuple(setting or ()), is_raising)
    with progress("bolts") as step:
        told = job.missing_bolts(place_of(workspace, database), request, step)
    say(*bolt_places.lines(told))
    if csv:
        say(f"{csv.resolve()}")


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
    from catenary.jobs.reviewing import reassign as job

    wish = job.Wish(tuple(image or ()), from_mast, to_mast, by, why)
    changed = job.reassign(place_of(workspace, database), run, wish)
    say(*job.lines(changed))
    say(f"{len(changed)} photographs reassigned")


_ENDINGS = {
    ".html": "html", ".htm": "html", ".xlsx": "xlsx", ".csv": "csv", ".json": "coco",
    ".docx": "docx", ".pdf": "pdf",
}  # fmt: skip


def _form(asked: str, output: Path) -> str:
    """Return the format that is meant; a page named .xlsx opens nowhere."""
    told = _ENDINGS.get(output.suffix.lower(), "")
    if asked and told and asked != told:
        raise typer.BadParameter(
            f"{output.name} is the name of {told}, --format says {asked}; name it otherwise"
        )
    if not asked and not told and output.suffix:
        known = ", ".join(_ENDINGS)
        raise typer.BadParameter(
            f"{output.name} does not end in one of {known}", param_hint="--format"
        )
    return asked or told or "html"


@commands.command()
def report(  # noqa: PLR0913 - every option of the command is a parameter
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="html, xlsx, csv, coco, or a notice as docx or pdf; when not given, by the ending "
            "of the file.",
        ),
    ] = "",
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
    from catenary.jobs.reviewing import report as job

    form = _form(form, output)
    one_of(form, job.FORMATS, "--format")
    if components and form != "coco":
        raise typer.BadParameter("--components goes with --format coco")
    if template is not None and form not in job.TEMPLATES:
        raise typer.BadParameter("--template goes with --format docx or pdf")
    if fonts is not None and form != "pdf":
        raise typer.BadParameter("--fonts goes with --format pdf")
    chosen = job.Choices(components, template, fonts, decided)
    job.write_report(place_of(workspace, database), run, form, output, chosen)
    say(f"{output.resolve()}")


@commands.command("compare")
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
    is_raising: Annotated[
        bool, typer.Option("--raise", help="Raise fittings that changed as findings of the run.")
    ] = False,
    setting: Setting = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
    as_json: Json = False,
) -> None:
    """Say what is new, gone, grown or unchanged on the masts of two runs, beyond the error."""
    from catenary.jobs.reviewing import compare as job
    from catenary.reports import comparison

    try:
        scales = job.parse_scales(mm_per_px or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mm-per-px") from error
    if is_raising and not pictures:
        raise typer.BadParameter("only what the pictures show is raised", param_hint="--raise")
    request = job.Request(
        run, earlier_run, scales, pictures, html, csv, tuple(setting or ()), is_raising
    )
    with progress("compare") as step:
        found = job.compare(place_of(workspace, database), request, step)
    if as_json:
        print_json(comparison.record(found))
        return
    say(*comparison.lines(found))
    for path in (html, csv):
        if path:
            say(f"{path.resolve()}")
