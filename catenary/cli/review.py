"""Review: its server, its people, its trail, and what became of defects."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import DEFAULT_WORKSPACE, Database, Json, Setting, Workspace, place_of
from catenary.cli.terminal import FAILED, print_json, say

commands = typer.Typer()
people = typer.Typer(no_args_is_help=True, help="Accounts of the reviewers.")
trail = typer.Typer(no_args_is_help=True, help="The trail of decisions.")
commands.add_typer(people, name="users")
commands.add_typer(trail, name="audit")


@commands.command()
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
        say(f"Review at {address} (stop with Ctrl-C)")

    serve.serve(place_of(workspace, database), options, announce)


@people.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Name to log in with.")],
    role: Annotated[str, typer.Option(help="viewer, reviewer, second, lead or admin.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Add an account; the password is asked for, or read from a pipe."""
    from catenary.domain.review import Role
    from catenary.jobs.reviewing import accounts as job

    if role not in list(Role):
        raise typer.BadParameter(f"{role!r} is not one of {', '.join(Role)}", param_hint="--role")
    job.add(place_of(workspace, database), name, Role(role), _password())
    say(f"{name} added as {role}")


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
    from catenary.jobs.reviewing import accounts as job

    found = job.list_all(place_of(workspace, database))
    if as_json:
        print_json(
            [
                {"name": one.name, "role": one.role, "disabled": one.disabled_at is not None}
                for one in found
            ]
        )
        return
    for one in found:
        state = f", disabled {one.disabled_at:%Y-%m-%d}" if one.disabled_at else ""
        line = f"{one.name}: {one.role}, since {one.created_at:%Y-%m-%d}{state}"
        say(line)


@people.command("disable")
def disable_user(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Let an account log in no more, at once; its decisions stay."""
    from catenary.jobs.reviewing import accounts as job

    job.disable(place_of(workspace, database), name)
    say(f"{name} disabled")


@people.command("reset")
def reset_user(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Give an account a password, which has to be replaced at the next login; its logins end."""
    from catenary.jobs.reviewing import accounts as job

    job.reset(place_of(workspace, database), name, _password())
    say(f"{name} has to choose a password at the next login")


@trail.command("verify")
def verify_trail(
    seal: Annotated[
        str, typer.Option(help="Seal noted down before; proves that nothing was cut off.")
    ] = "",
    workspace: Workspace = DEFAULT_WORKSPACE,
    database: Database = "",
) -> None:
    """Check that no decision and no row of the trail was changed; exit code 1 when one was."""
    from catenary.jobs.reviewing import trail as job

    found = job.verify(place_of(workspace, database), seal)
    for one in found.broken:
        where = "" if one.seq is None else f"row {one.seq}: "
        say(f"broken: {where}{one.what}")
    if found.broken:
        raise typer.Exit(FAILED)
    told = f"{found.head.seq} rows hold; the seal is {found.head.digest}"
    say(told)


@commands.command("defects")
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
    from catenary.jobs.reviewing import defects as job

    for one in state or ():
        if one not in list(LoopState):
            known = ", ".join(LoopState)
            raise typer.BadParameter(f"{one!r} is not one of {known}", param_hint="--state")
    states = tuple(LoopState(one) for one in state or ())
    wanted = job.Choice(tuple(run or ()), states, overdue)
    found = job.listed(place_of(workspace, database), wanted)
    now = datetime.now(UTC)
    if as_json:
        print_json([job.record(one, now) for one in found])
        return
    for each in found:
        say(job.line(each, now))
    say(f"{len(found)} defects")
