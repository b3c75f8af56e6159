"""Nothing that a reader can meet is without words in both languages."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from catenary.domain.change import Change, Incomparable, Uncompared
from catenary.domain.defect_loop import Conclusion, Found, LoopState, Step
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.inherit import Inherited
from catenary.domain.refusal import Unjudged
from catenary.imaging.crops import Crop
from catenary.jobs.scanning.engines import dispatch
from catenary.pipeline import empty_places, fuse, raising
from catenary.reports import lexicon, pictures, words
from catenary.reports.lexicon import Words
from catenary.rules import catalogue
from tests.reports.reported import TAXONOMY

PACKAGE = Path(lexicon.__file__).parents[1]
RULE_FILES = [
    *sorted((PACKAGE / "rules").glob("*.py")),
    PACKAGE / "pipeline" / "raising.py",
    PACKAGE / "pipeline" / "empty_places.py",
]
BLANK = Crop(np.full((400, 400), 9, np.uint8), 0, 0, Box(50, 50, 350, 350))
RULES = [
    rule
    for table in (catalogue.rules, catalogue.unproven)
    for of_kind in table(catalogue.RuleLimits("1")).values()
    for rule in of_kind
]


def calls(file: Path, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of some functions in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in names:
                yield node


def measured() -> Iterator[tuple[str, str, str]]:
    """Yield file, name and unit of each measurement that a rule makes."""
    for file in RULE_FILES:
        for call, first in [
            *((call, 0) for call in calls(file, "Measurement")),
            *((call, 1) for call in calls(file, "refused")),
        ]:
            name, _, unit = call.args[first : first + 3]
            assert isinstance(name, ast.Constant), f"{file.name}:{call.lineno}: name it literally"
            assert isinstance(unit, ast.Constant), f"{file.name}:{call.lineno}: name its unit"
            yield file.stem, str(name.value), str(unit.value)


def test_every_measurement_of_every_rule_has_words():
    found = set(measured())
    assert len(found) > 20
    known = {key.rpartition(".")[2] for key in lexicon.QUANTITIES}
    assert not {(file, name) for file, name, _ in found if name not in known}
    assert not {(file, unit) for file, _, unit in found if unit not in lexicon.UNITS}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_name_and_a_phrase_for_what_it_sees(rule):
    evidence = rule(BLANK)
    name = evidence.source.partition("/")[0]
    assert name in lexicon.SOURCES
    assert words.places_of(lexicon.SEEN[name])
    if evidence.verdict is Verdict.CANNOT_JUDGE:
        assert evidence.reason in set(Unjudged)


def test_all_that_is_raised_beside_a_scan_has_a_name_and_a_phrase():
    for source in (*raising.SOURCES, *empty_places.SOURCES):
        name = source.partition("/")[0]
        assert name in lexicon.SOURCES
        assert words.places_of(lexicon.SEEN[name])


def test_phrases_speak_of_measurements_that_rules_make():
    made = {name for _, name, _ in measured()}
    assert set(lexicon.SEEN_ELSE) <= set(lexicon.SEEN)
    for name, phrase in (*lexicon.SEEN.items(), *lexicon.SEEN_ELSE.items()):
        places = words.places_of(phrase)
        assert {place.removeprefix("limit_") for place in places} <= made, name
        assert {place for place in places if place.startswith("limit_")}, f"{name} tells no limit"


def test_rules_refuse_by_code_only():
    for file in RULE_FILES:
        text = file.read_text(encoding="utf-8")
        assert "CANNOT_JUDGE" not in text, f"{file.name}: use catenary.domain.refusal"


def test_every_reason_has_words_that_name_the_number_it_rests_on():
    assert set(lexicon.REFUSALS) == set(Unjudged)
    with_number = set()
    for file in (*RULE_FILES, Path(fuse.__file__)):
        for call in calls(file, "refused"):
            code = call.args[0]
            assert isinstance(code, ast.Attribute), f"{file.name}:{call.lineno}"
            with_number.add(Unjudged[code.attr])
    for code, phrase in lexicon.REFUSALS.items():
        places = words.places_of(phrase)
        assert places <= {"value", "limit"}
        if places:
            assert code in with_number, code


def test_every_code_is_given_by_something():
    text = "".join(file.read_text(encoding="utf-8") for file in [*RULE_FILES, Path(fuse.__file__)])
    given = set(re.findall(r"Unjudged\.(\w+)", text))
    unused = {one.name for one in Unjudged if not one.startswith("cut_off")} - given
    assert not unused


def test_every_change_and_every_reason_against_one_has_words():
    assert set(lexicon.CHANGES) == set(Change)
    assert set(lexicon.INCOMPARABLE) == {*Incomparable, *Uncompared}


def test_everything_of_the_closed_loop_has_words():
    assert set(lexicon.LOOP_STATES) == set(LoopState)
    assert set(lexicon.STEPS) == set(Step)
    assert set(lexicon.CONCLUSIONS) == set(Conclusion)
    assert set(lexicon.FOUND_LATER) == set(Found)


def test_every_way_a_decision_goes_on_has_words():
    assert set(lexicon.INHERITED) == set(Inherited)


def test_every_line_that_is_drawn_has_a_name_and_every_colour_too():
    assert set(pictures.ROLE_COLOURS) <= set(lexicon.ROLES)
    colours = {*pictures.ROLE_COLOURS.values(), pictures.OTHER_COLOUR}
    assert colours <= set(lexicon.COLOURS)


def test_both_networks_have_a_name():
    for source in (fuse.CLASSIFIER, fuse.ANOMALY):
        assert source.partition("/")[0] in lexicon.SOURCES


def test_every_code_of_a_photograph_has_words():
    codes = {dispatch.CRASHED}  # nothing is raised where its worker died
    for file in PACKAGE.rglob("*.py"):
        for call in calls(file, "UnreadableImageError", "_unusable"):
            if isinstance(call.args[0], ast.Constant):
                codes.add(call.args[0].value)
    assert {"too_dark", "truncated"} <= codes
    assert codes == set(lexicon.FRAMES)


def every_words() -> Iterator[tuple[str, Words]]:
    for name, value in vars(lexicon).items():
        if not name.isupper():
            continue
        if isinstance(value, Words):
            yield name, value
        elif isinstance(value, Mapping):
            for key, one in value.items():
                yield f"{name}[{key}]", one.name if isinstance(one, lexicon.Quantity) else one


@pytest.mark.parametrize(("name", "one"), [*every_words()])
def test_both_languages_say_the_same_places(name: str, one: Words):
    places = [re.findall(r"{\w+}", text) for text in (one.zh, one.en)]
    assert set(places[0]) == set(places[1])
    assert not re.search(r"[\u4e00-\u9fff]", one.en)
    assert not re.search(r"[a-z]", re.sub(r"{\w+}", "", one.zh))


def test_the_taxonomy_names_every_component_and_condition_in_both_languages():
    for kind in TAXONOMY.components.values():
        for one in (kind, *kind.conditions.values()):
            assert re.search(r"[\u4e00-\u9fff]", one.zh), one
            assert re.fullmatch(r"[a-z -]+", one.en), one
