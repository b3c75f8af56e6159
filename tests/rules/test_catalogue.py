from catenary import config
from catenary.rules import catalogue


def test_the_shipped_limits_are_valid_and_every_rule_gets_them():
    limits = config.load(config.bundled("configs/rules.yaml"), catalogue.RuleLimits)
    table = catalogue.rules(limits)
    assert {kind: len(rules) for kind, rules in table.items()} == {
        "dropper": 3,
        "insulator": 5,
        "split_pin": 2,
        "messenger_wire": 3,
        "contact_wire": 4,
        "steady_arm": 3,
        "cantilever": 1,
        "bolt": 2,
    }


def test_judged_kinds_are_in_the_taxonomy():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    assert set(catalogue.rules(catalogue.RuleLimits("1"))) <= set(taxonomy.components)


def test_a_rule_is_proven_or_unproven_and_never_both():
    limits = catalogue.RuleLimits("1")
    proven, unproven = (
        {(kind, rule.func) for kind, rules in table.items() for rule in rules}  # type: ignore[attr-defined]
        for table in (catalogue.rules(limits), catalogue.unproven(limits))
    )
    assert unproven
    assert not proven & unproven
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    assert {kind for kind, _ in unproven} <= set(taxonomy.components)
