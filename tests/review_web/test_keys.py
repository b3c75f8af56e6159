"""The keys of the pages and of the document are the same."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_NAMES = {"ArrowRight": "→", "ArrowLeft": "←", "ArrowDown": "↓", "ArrowUp": "↑", "Escape": "Esc"}


def test_every_key_is_in_the_document():
    source = (_ROOT / "catenary/review/web/src/keys.ts").read_text()
    bound = re.findall(r'bind\("\w+", "([^"]+)", "\w+"\)', source)
    told = (_ROOT / "docs/review.md").read_text().split("## Keys")[1].split("\n## ")[0]
    missing = [keys for keys in bound if f"| {_row(keys)} |" not in told]
    assert len(bound) > 50
    assert missing == []


def _row(keys: str) -> str:
    return " ".join(f"`{_name(key)}`" for key in keys.replace("\\\\", "\\").split(" "))


def _name(key: str) -> str:
    shifted = f"Shift+{key}" if key.isalpha() and key.isupper() and len(key) == 1 else key
    return _NAMES.get(key, shifted.upper() if len(key) == 1 and not key.isupper() else shifted)
