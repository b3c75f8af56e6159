from catenary import config
from catenary.rules import catalogue


def test_the_shipped_limits_are_valid_and_every_rule_gets_them():
    limits = config.load(config.bundled("configs/rules.yaml"), catalogue.RuleLimits)
    table = catalogue.rules(limits)
    assert {kind: len(rules) for kind, rules in table.items()} == {
        "dropper": 3,
        "insulator": 2,
        "split_pin": 1,
        "messenger_wire": 3,
        "contact_wire": 3,
        "steady_arm": 3,
        "cantilever": 1,
        "bolt": 1,
    }


def test_judged_kinds_are_in_the_taxonomy():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    assert set(catalogue.rules(catalogue.RuleLimits("1"))) <= set(taxonomy.components)
