"""What README and docs name is there, and what there is is named in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from catenary.cli import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
OPTIONS = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", TEXT))


def commands(command: object, name: str = "catenary") -> Iterator[tuple[str, list[Any]]]:
    """Yield the commands below one, and the options of each."""
    below = getattr(command, "commands", {})  # not click's class: typer may bring its own
    for word, one in below.items():
        yield from commands(one, f"{name} {word}")
    if not below:
        yield name, [one for one in command.params if one.param_type_name == "option"]


EVERY = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", EVERY)
def test_every_command_and_option_is_in_the_documents(name):
    assert name in TEXT
    spelt = [{*one.opts, *one.secondary_opts} for one in EVERY[name]]
    assert not [flags for flags in spelt if not flags & OPTIONS]


def test_there_are_commands_to_look_at():
    assert {"catenary scan", "catenary runs show", "catenary bench scarce"} <= EVERY.keys()
    assert any("--again" in one.opts for one in EVERY["catenary scan"])


def typed(text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the commands that a text tells to type, each with the options it gives them."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in re.findall(r"^ {4}(catenary .*)$", joined, re.MULTILINE) + re.findall(
        r"`(catenary [^`]*)`", joined
    ):
        words = line.partition("  #")[0].split()
        for count in (3, 2):
            if (name := " ".join(words[:count])) in EVERY:
                yield name, {one for one in words if re.fullmatch(r"--[a-z][a-z-]*", one)}
                break


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_are_written_with_options_that_they_have(path):
    wrong = [
        (name, one)
        for name, flags in typed(path.read_text(encoding="utf-8"))
        for one in flags
        if not any(one in (*known.opts, *known.secondary_opts) for known in EVERY[name])
    ]
    assert not wrong


def test_commands_are_found_in_the_documents():
    found = list(
        typed("a `catenary runs show RUN --json`\n\n    catenary scan X \\\n  --as Y  # --z")
    )
    assert found == [("catenary scan", {"--as"}), ("catenary runs show", {"--json"})]


def test_every_option_has_a_help_text():
    assert not [(name, one.opts) for name in EVERY for one in EVERY[name] if not one.help]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(path):
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:configs|docs|scripts|tests|samples)/[\w./-]*\w", text))
    named -= {one for one in named if "NAME" in one or "KIND" in one or one + "*" in text}
    assert not [one for one in sorted(named) if not (ROOT / one).exists()]
    links = {one for one in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in one}
    assert not [one for one in sorted(links) if not (path.parent / one).exists()]
