"""The folder of a bench that is gone on with: what it is of, and files written whole."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from catenary.datasets.labels import LabelledImage
from catenary.domain.errors import ConfigError
from catenary.reports import atomic

PLAN = "plan.json"


def keep_plan(folder: Path, plan: Mapping[str, object], what: str) -> None:
    """Write what a folder is of, or check that it is that.

    Args:
        folder: Of the bench.
        plan: Settings and fingerprints of labels, as JSON can hold them.
        what: Is kept there, e.g. ``"folds"``.

    Raises:
        ConfigError: If the folder holds something else already.
        StoreError: If it cannot be written.
    """
    path = folder / PLAN
    text = json.dumps(plan, ensure_ascii=False, indent=1) + "\n"
    if not path.is_file():
        write(path, text)
    elif path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{folder} holds {what} of other settings or labels (see {path.name});"
            " choose another output or remove it"
        )


def fingerprint(images: Iterable[LabelledImage]) -> str:
    """Return a SHA-256 that names labelled photographs, wherever their files lie.

    So a bench is gone on with where folders were moved or copied to another place.
    """
    digest = hashlib.sha256()
    for image in images:
        ref = replace(image.ref, location="", file_name="")
        digest.update(repr(replace(image, ref=ref)).encode())
    return digest.hexdigest()


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def holds(path: Path, text: str) -> bool:
    """Tell whether a file is there and holds just this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with atomic.replaced(path) as partial:
        partial.write_text(text, encoding="utf-8")
