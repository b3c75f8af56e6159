"""Settings files: read, checked, and refused with every mistake at once.

A section is a frozen dataclass that lives beside the code it steers; this module turns a
YAML file into one. Nothing here is read by the rooms themselves.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from catenary.domain.errors import ConfigError, ImpossibleSettingsError, Mistake
from catenary.domain.finding import NORMAL
from catenary.domain.taxonomy import ComponentKind, Condition, Severity, Taxonomy

# That of libyaml reads the same in a tenth of the time; not every build of PyYAML has it.
_SAFE: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
T = TypeVar("T")


def bundled(name: str) -> Path:
    """Return a file or folder shipped with the product.

    Args:
        name: Path below the project, e.g. ``"configs/rules.yaml"`` or ``"checkpoints"``.

    Raises:
        ConfigError: If the installation lacks it.
    """
    package = Path(__file__).parent
    for root in (package / "_files", package.parent):  # installed wheel, source checkout
        if (root / name).exists():
            return root / name
    raise ConfigError(f"{name} is not part of this installation; see README.md on how to make it")


def read_yaml(path: Path) -> object:
    """Return the content of a YAML file.

    Raises:
        ConfigError: If it is missing, not UTF-8 or not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _SAFE)  # noqa: S506 - it is a safe one
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


def load(path: Path, section: type[T], overrides: tuple[str, ...] = ()) -> T:
    """Read a settings file into its frozen dataclass.

    Args:
        path: YAML file; an empty one means all defaults.
        section: Dataclass whose fields are the keys.
        overrides: ``"key=value"`` or ``"group.key=value"``, values in YAML syntax.

    Raises:
        ConfigError: Naming the file and every wrong, missing or unknown key.
    """
    content = read_yaml(path)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold keys and values, got a {type(content).__name__}")
    for override in overrides:
        _apply(content, override)
    return checked(content, section, str(path))


def checked(content: object, section: type[T], name: str) -> T:
    """Return ``content`` as ``section``, refusing unknown keys; see `load`."""
    mistakes = [(place, "unknown key") for place in _unknown(content, section)]
    try:
        settings = TypeAdapter(section).validate_python(content)
    except ValidationError as error:
        mistakes += _all_mistakes(copy.deepcopy(content), section, error)
    if mistakes:
        lines = [f"  {place or section.__name__}: {message}" for place, message in mistakes]
        raise ConfigError("\n".join([f"{name} is not a valid {section.__name__}:", *lines]))
    return settings


def _all_mistakes(content: object, section: type, error: ValidationError) -> list[Mistake]:
    """Return every mistake, also those that a dataclass could not see for a wrong field of its own.

    What is found wrong is taken out, and the rest is checked again, until nothing is left to take.
    """
    found = _mistakes_of(error)
    removed: list[str] = []
    while True:
        taken = [one["loc"] for one in error.errors() if _take_out(content, one["loc"])]
        if not taken:
            return found
        removed += [_dotted(place) for place in taken]
        try:
            TypeAdapter(section).validate_python(content)
        except ValidationError as next_error:
            error = next_error
            # A field of which a piece was taken out is judged without it: that says nothing.
            found += [
                (place, message)
                for place, message in _mistakes_of(error)
                if not any(f"{gone}.".startswith(f"{place}.") for gone in removed)
            ]
        else:
            return found


def _mistakes_of(error: ValidationError) -> list[Mistake]:
    found: list[Mistake] = []
    for one in error.errors():
        cause, place = one.get("ctx", {}).get("error"), _dotted(one["loc"])
        if isinstance(cause, ImpossibleSettingsError):
            above = f"{place}." if place else ""
            found += [(f"{above}{field}", message) for field, message in cause.mistakes]
        else:
            found.append((place, one["msg"].removeprefix("Value error, ")))
    return found


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in place if step != "[key]")  # pydantic marks keys so


def _take_out(content: object, place: tuple[int | str, ...]) -> bool:
    """Remove the innermost key that leads to a place; tell whether there was one."""
    holder: dict[object, object] | None = None
    key: object = None
    for step in place:
        if not isinstance(content, dict) or step not in content:
            break
        holder, key, content = content, step, content[step]
    if holder is None:
        return False
    del holder[key]
    return True


def _unknown(content: object, kind: object, place: str = "") -> list[str]:
    """Return the dotted places of keys that no field takes; pydantic drops them silently."""
    if isinstance(content, list | tuple):
        inner = (get_args(kind) or (None,))[0]
        return [
            found
            for index, item in enumerate(content)
            for found in _unknown(item, inner, f"{place}{index}.")
        ]
    if not isinstance(content, dict) or not isinstance(kind, type) or not is_dataclass(kind):
        return []
    fields = get_type_hints(kind)
    places = []
    for key, value in content.items():
        if key not in fields:
            places.append(f"{place}{key}")
        else:
            places += _unknown(value, fields[key], f"{place}{key}.")
    return places


def fingerprint(path: Path) -> str:
    """Return the first 8 hex digits of a file's SHA-256: its version in findings."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def _apply(content: dict[str, Any], override: str) -> None:
    key, found, text = override.partition("=")
    if not found or not key:
        raise ConfigError(f"a setting must be written key=value, got {override!r}")
    *groups, last = key.split(".")
    for group in groups:
        content = content.setdefault(group, {})
        if not isinstance(content, dict):
            raise ConfigError(f"cannot set {key}: {group} is not a group of settings")
    try:
        content[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot set {key}: {text!r} is not valid YAML") from error


@dataclass(frozen=True, slots=True)
class _ConditionEntry:
    id: str
    zh: str
    en: str
    grade: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class _ComponentEntry:
    id: str
    zh: str
    en: str
    conditions: list[_ConditionEntry]


@dataclass(frozen=True, slots=True)
class _TaxonomyFile:
    version: str
    components: list[_ComponentEntry]


def load_taxonomy(path: Path) -> Taxonomy:
    """Read the defect dictionary 缺陷定级字典.

    Raises:
        ConfigError: Listing every mistake: wrong types, duplicate ids, grades outside 1-3.
    """
    entries = load(path, _TaxonomyFile)
    if mistakes := list(_taxonomy_mistakes(entries)):
        raise ConfigError("\n".join([f"{path} is not a valid taxonomy:", *mistakes]))
    return Taxonomy(entries.version, {entry.id: _kind(entry) for entry in entries.components})


def _kind(entry: _ComponentEntry) -> ComponentKind:
    conditions: Mapping[str, Condition] = {
        one.id: Condition(one.id, one.zh, one.en, one.grade, one.severity)
        for one in entry.conditions
    }
    return ComponentKind(entry.id, entry.zh, entry.en, conditions)


def _taxonomy_mistakes(entries: _TaxonomyFile) -> list[str]:
    mistakes = []
    if not entries.components:
        mistakes.append("  components: needs at least one")
    names = [entry.id for entry in entries.components]
    mistakes += [f"  {name}: component listed twice" for name in _repeated(names)]
    for entry in entries.components:
        ids = [condition.id for condition in entry.conditions]
        mistakes += [f"  {entry.id}.{name}: condition listed twice" for name in _repeated(ids)]
        for condition in entry.conditions:
            name = f"  {entry.id}.{condition.id}"
            if condition.grade not in (1, 2, 3):
                mistakes.append(f"{name}: grade must be 1, 2 or 3, got {condition.grade}")
            if condition.id == NORMAL:
                mistakes.append(f"{name}: 'normal' is the healthy condition, choose another id")
    return mistakes


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
