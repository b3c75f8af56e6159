"""Which rules `catenary scan` runs, by its settings."""

import pytest

from catenary.jobs.scanning.assemble import Recipe, judge


def names(*overrides: str) -> set[str]:
    rules = judge(Recipe(overrides=overrides)).rules
    return {f"{kind} {rule.func.__name__}" for kind, own in rules.items() for rule in own}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (("cascade.tubes=true",), {"cantilever shape"}),
        (
            ("cascade.unproven=true",),
            {"dropper absence", "dropper strands", "split_pin legs_opened"},
        ),
        (
            ("cascade.unproven=true", "cascade.bolts=true"),
            {
                *("dropper absence", "dropper strands", "split_pin legs_opened"),
                *("bolt empty", "bolt turned", "bolt nut", "bolt seat"),
            },
        ),
    ],
)
def test_some_rules_are_run_beside_the_others_only_if_asked_for(
    asked: tuple[str, ...], more: set[str]
):
    assert names(*asked) - names() == more
    assert names() <= names(*asked)
