"""Codes of errors are in the contract and have words in both languages."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
WORDS = (ROOT / "catenary" / "review" / "web" / "src" / "words.ts").read_text(encoding="utf-8")
# Of a request that no page of ours makes.
UNSAID = {"bad_host", "not_json", "too_large"}


def codes() -> set[str]:
    table = CONTRACT.split("| status | code | when |")[1].split("\n\n")[0]
    cells = re.findall(r"^\| \d{3} \| ([^|]+) \|", table, re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}


def test_every_code_of_the_contract_has_words():
    said = set(re.findall(r"^ {2}error_(\w+): \[", WORDS, re.MULTILINE))
    assert len(codes()) > 20
    assert codes() - said == UNSAID


def test_every_code_that_the_server_refuses_with_is_in_the_contract():
    source = "\n".join(
        one.read_text(encoding="utf-8") for one in sorted((ROOT / "catenary").rglob("*.py"))
    )
    refused = set(re.findall(r'RefusedError\(\s*"(\w+)"', source))
    assert len(refused) > 10
    assert refused <= codes()
