from dataclasses import dataclass
from pathlib import Path

import pytest

from catenary import config
from catenary.domain.errors import ConfigError, ImpossibleSettingsError

TAXONOMY = """
version: "1"
components:
  - id: dropper
    zh: 吊弦
    en: dropper
    conditions:
      - {id: broken, zh: 断裂, en: broken, grade: 1, severity: critical}
"""


@dataclass(frozen=True, slots=True)
class Tile:
    size: int = 1024
    overlap: int = 200

    def __post_init__(self):
        if self.overlap >= self.size:
            raise ValueError(f"overlap {self.overlap} px must be below size {self.size} px")


@dataclass(frozen=True, slots=True)
class Scan:
    tile: Tile = Tile()
    min_score: float = 0.3


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_taxonomy_is_valid_and_graded():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    assert taxonomy.condition("dropper", "broken").grade == 1
    assert taxonomy.components["split_pin"].zh == "开口销"


def test_every_mistake_of_a_taxonomy_is_told_at_once(tmp_path):
    text = TAXONOMY.replace("grade: 1", "grade: 7")
    text += "      - {id: broken, zh: a, en: b, grade: 1, severity: minor}\n"
    text += "      - {id: normal, zh: a, en: b, grade: 1, severity: minor}\n"
    with pytest.raises(ConfigError) as caught:
        config.load_taxonomy(written(tmp_path / "t.yaml", text))
    message = str(caught.value)
    assert "dropper.broken: condition listed twice" in message
    assert "grade must be 1, 2 or 3, got 7" in message
    assert "'normal' is the healthy condition" in message


def test_an_unknown_severity_names_its_place(tmp_path):
    path = written(tmp_path / "t.yaml", TAXONOMY.replace("critical", "dreadful"))
    with pytest.raises(ConfigError, match=r"components\.0\.conditions\.0\.severity"):
        config.load_taxonomy(path)


def test_an_unknown_taxonomy_id_is_refused_with_the_known_ones():
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    with pytest.raises(LookupError, match=r"no dropper\.melted; it has: broken, slack"):
        taxonomy.condition("dropper", "melted")


def test_wrong_unknown_and_impossible_settings_are_all_named(tmp_path):
    path = written(tmp_path / "s.yaml", "tile: {size: 10, overlap: 20}\nmin_scor: 1\n")
    with pytest.raises(ConfigError, match=r"(?s)min_scor: unknown key.*tile: .*overlap 20 px"):
        config.load(path, Scan)


def test_an_unknown_key_inside_a_group_names_its_place(tmp_path):
    path = written(tmp_path / "s.yaml", "tile: {sise: 10}\n")
    with pytest.raises(ConfigError, match=r"tile\.sise: unknown key"):
        config.load(path, Scan)


def test_settings_can_be_overridden_in_yaml_syntax(tmp_path):
    path = written(tmp_path / "s.yaml", "min_score: 0.5\n")
    scan = config.load(path, Scan, ("tile.size=2048", "min_score=0.1"))
    assert (scan.tile.size, scan.min_score) == (2048, 0.1)


def test_an_empty_file_means_the_defaults(tmp_path):
    assert config.load(written(tmp_path / "s.yaml", ""), Scan) == Scan()


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [", "not valid YAML"), ("- 1", "must hold keys and values, got a list")],
)
def test_what_is_not_a_settings_file_is_refused(tmp_path, content, message):
    with pytest.raises(ConfigError, match=message):
        config.load(written(tmp_path / "s.yaml", content), Scan)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        config.load(tmp_path / "nowhere.yaml", Scan)


def test_a_setting_without_a_value_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="key=value"):
        config.load(written(tmp_path / "s.yaml", ""), Scan, ("min_score",))


@dataclass(frozen=True, slots=True)
class Range:
    least: float = 0.0
    most: float = 1.0

    def __post_init__(self):
        if not self.least <= self.most:
            raise ImpossibleSettingsError([("most", f"must be at least {self.least:g}")])


@dataclass(frozen=True, slots=True)
class Ranges:
    first: Range = Range()
    second: Range = Range()
    count: int = 1

    def __post_init__(self):
        if self.count < 1:
            raise ImpossibleSettingsError([("count", "must be at least 1")])


def test_what_a_group_refuses_is_told_beside_types_and_outer_fields(tmp_path):
    text = "first: {least: 3}\nsecond: {least: x, mots: 2}\ncount: 0"
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path / "ranges.yaml", text), Ranges)
    assert str(caught.value).splitlines()[1:] == [
        "  second.mots: unknown key",
        "  first.most: must be at least 3",
        "  second.least: Input should be a valid number, unable to parse string as a number",
        "  count: must be at least 1",
    ]


def test_an_override_that_is_no_yaml_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot set count: '\{1' is not valid YAML"):
        config.load(written(tmp_path / "ranges.yaml", ""), Ranges, ("count={1",))


def test_a_mistake_is_told_in_our_words_alone(tmp_path):
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path / "s.yaml", "{tile: {size: 5, overlap: 9}}"), Scan)
    assert str(caught.value).endswith("  tile: overlap 9 px must be below size 5 px")
