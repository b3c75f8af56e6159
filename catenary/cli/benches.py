"""Benches."""

from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import Device, Json, Setting
from catenary.cli.terminal import print_json, progress, say, steps

commands = typer.Typer(no_args_is_help=True, help="Measure speed, and what training data give.")


@commands.command("archive")
def bench_archive(  # noqa: PLR0913 - every option of the command is a parameter
    output: Annotated[Path, typer.Option("-o", "--output", help="New folder to work in.")],
    frames: Annotated[
        list[int] | None, typer.Option(help="Size of a run that is begun; repeatable.")
    ] = None,
    scanned: Annotated[
        int, typer.Option(min=64, help="Photographs that are scanned to the end.")
    ] = 20_000,
    rows: Annotated[
        int, typer.Option(min=64, help="Rows of ledger and findings that are put in.")
    ] = 200_000,
    held: Annotated[
        list[int] | None,
        typer.Option(help="Rows that the database holds before; repeatable, rising."),
    ] = None,
    # No variable of the environment: that one names the database of the workplace.
    database: Annotated[
        str, typer.Option(help="URL of an empty database for these rows; a file when not given.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Measure start, resuming, memory and rows of huge runs: links to a few files, no network."""
    from catenary.jobs.benches import archive as job

    usual = job.Sizes()
    try:
        sizes = job.Sizes(
            tuple(frames or usual.frames), scanned, rows, tuple(held or usual.held), database
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    found = job.bench(output, sizes, tell)
    if as_json:
        print_json(job.record(found))
    else:
        tell(f"{found.machine}, {found.day}")


@commands.command("scan")
def bench_scan(  # noqa: PLR0913 - every option of the command is a parameter
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
    device: Device = "cpu",
    setting: Setting = None,
) -> None:
    """Images a second of the scan beside a plain loop, SAHI + YOLO, and decoding alone.

    On the same files and cores, one after another in each round; prints a Markdown table.
    """
    from catenary.jobs.benches import scan as job

    wish = job.Wish(
        tuple(images), tuple(mp or (5.0, 29.0)), rounds, frames, peers, device, tuple(setting or ())
    )
    with progress("bench") as step:
        figures = job.measure(wish, step)
    say(*job.lines(wish, figures))


@commands.command("review")
def bench_review(  # noqa: PLR0913 - every option of the command is a parameter
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the workspace, made once; kept.")
    ],
    frames: Annotated[int, typer.Option(min=2, help="Photographs.")] = 1_000_000,
    findings: Annotated[int, typer.Option(min=1, help="Open findings.")] = 100_000,
    defects: Annotated[int, typer.Option(min=1, help="Defects of the closed loop.")] = 100_000,
    megapixels: Annotated[float, typer.Option(min=0.1, help="Of a photograph.")] = 29.0,
    reviewers: Annotated[int, typer.Option(min=1, help="People who decide at once.")] = 20,
    items: Annotated[int, typer.Option(min=1, help="Decided in the browser.")] = 200,
    decisions: Annotated[int, typer.Option(min=1, help="Of all people at once.")] = 2000,
    pause: Annotated[
        float, typer.Option(min=0, help="Seconds a person looks before the next key.")
    ] = 0.5,
    browser: Annotated[
        bool, typer.Option(help="Measure in a headless Chromium; it must be installed.")
    ] = True,
    as_json: Json = False,
) -> None:
    """What reviewers wait for in a browser, and whether many can decide at once.

    On the real server over a workspace as large as one likes; prints a Markdown table. Needs the
    package playwright and a Chromium, named in CATENARY_CHROMIUM or on the PATH.
    """
    from catenary.jobs.benches import review as job
    from catenary.jobs.benches.review_build import Sizes

    try:
        sizes = Sizes(frames, findings, defects, megapixels, people=reviewers)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    wish = job.Wish(output, sizes, job.often(items, pause), decisions, browser)

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    found = job.bench(wish, tell)
    if as_json:
        print_json(job.record(found))
        return
    for line in job.lines(found):
        say(line)


@commands.command("sections")
def bench_sections(
    config: Annotated[Path, typer.Argument(help="What to bench; configs/bench/sections.yaml.")],
    setting: Setting = None,
    as_json: Json = False,
) -> None:
    """Leave each line section out once: train on the others, evaluate on it; goes on when stopped.

    Beside each figure on the unseen section stands the one on other masts of known sections.
    """
    from catenary.jobs.benches import sections as job
    from catenary.jobs.benches import sections_table

    with steps("sections") as step:
        done = job.bench(config, tuple(setting or ()), step)
    page = sections_table.write(done)
    if as_json:
        print_json(sections_table.record(done))
        return
    say(*sections_table.lines(done))
    say(f"Report: {page.resolve()}")


@commands.command("scarce")
def bench_scarce(
    config: Annotated[Path, typer.Argument(help="What to bench; configs/bench/scarce.yaml.")],
    setting: Setting = None,
    only: Annotated[
        str,
        typer.Option(
            help="all; learn: what networks learn and say, to be judged elsewhere, no rule is "
            "asked; judge: what is learnt already."
        ),
    ] = "all",
    as_json: Json = False,
) -> None:
    """Recall of each judge with few defects to learn from, at fixed alarm budgets.

    Detector, classifier, anomaly scorer, rules, hybrid, and hybrid with injected defects; goes on
    when stopped.
    """
    from catenary.jobs.benches import scarce as job
    from catenary.jobs.benches import scarce_table
    from catenary.jobs.benches.scarce_given import Part

    try:
        part = Part(only)
    except ValueError as error:
        raise typer.BadParameter(f"--only is one of {', '.join(Part)}, got {only}") from error
    with steps("scarce") as step:
        done = job.bench(config, tuple(setting or ()), step, scarce_table.write, part)
    if as_json:
        print_json(scarce_table.record(done))
        return
    if part is Part.LEARN:
        say(f"Learnt: {done.settings.output.resolve()}")
        return
    say(*scarce_table.lines(done))
    table = done.settings.output / scarce_table.TABLE
    say(f"Table: {table.resolve()}")


@commands.command("scarce-pack")
def bench_scarce_pack(
    config: Annotated[Path, typer.Argument(help="A bench; configs/bench/scarce.yaml.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="New folder to fill.")],
    quality: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="JPEG quality of photographs to learn from; 0 copies them."
        ),
    ] = 0,
    setting: Setting = None,
) -> None:
    """Put what networks of a scarce bench learn from into one folder, for another machine.

    There: catenary bench scarce FOLDER/scarce.yaml --only learn.
    """
    from catenary.jobs.benches import scarce_pack as job

    with steps("pack") as step:
        size = job.pack(config, tuple(setting or ()), output, quality, step)
    say(f"Packed: {output.resolve()}, {size / 1e6:.1f} MB")
