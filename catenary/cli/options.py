"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catenary.store.workspace import Workspace as Place

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
Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda (all GPUs) or cuda:N, several with commas between.")
]
Precision = Annotated[str, typer.Option(help="bf16 or fp32.")]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Class map (YAML) as configs/class_map.example.yaml; needed for their names."
    ),
]
DEFAULT_WORKSPACE = Path("workspace")


def place_of(folder: Path, database: str) -> "Place":
    """Return where the results of a command lie."""
    from catenary.store.workspace import Workspace as Place

    return Place(folder, database)
