"""Impossible settings are told all at once, each with the name of its field."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from catenary import config
from catenary.domain.errors import ConfigError, ImpossibleSettingsError
from catenary.simulation.build import Build
from catenary.simulation.fittings import Mounting, joint
from catenary.simulation.geometry import Geometry
from catenary.simulation.settings import SimulationSettings

WRONG = {
    "cout": 3,
    "count": "many",
    "width": 100,
    "height": 10,
    "jpeg_quality": [95, 75],
    "roles": ["global", "roof"],
    "light": {"night": 0.5, "moon": 0.5},
    "geometry": {"span_m": [-45, 62], "pin_mm": [20, 40], "tube_mm": 3},
    "rates": {
        "dropper": {"brokn": 0.1, "slack": 1.5, "missing": "often"},
        "split_pin": {"missing": 0.7, "loose": 0.4},
        "insulatr": {"shed_missing": 0.1},
    },
    "date": "yesterday",
}
SAID = {
    "cout": "unknown key",
    "count": "Input should be a valid integer",
    "width": "must be at least 128 to hold a component, got 100",
    "height": "must be at least 64 to hold a component, got 10",
    "jpeg_quality": "must rise within 1-100, got 95, 75",
    "roles.1": "Input should be 'global', ",
    "light.moon": "Input should be 'night', ",
    "geometry.tube_mm": "unknown key",
    "geometry.span_m": "must rise within 26-100, got -45, 62",
    "geometry.pin_mm": "a pin of 40 mm needs clevis_ear_mm of at least 46, got 38",
    "rates.dropper.brokn": "unknown condition; can make: broken, ",
    "rates.dropper.slack": "must be in [0, 1], got 1.5",
    "rates.dropper.missing": "Input should be a valid number",
    "rates.split_pin": "must sum to at most 1, got 1.1",
    "rates.insulatr": "unknown component; can make: dropper, ",
    "date": "must be a day like 2026-03-06, got 'yesterday'",
}


def refusal(folder: Path, content: object) -> list[str]:
    path = folder / "bad.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError) as caught:
        config.load(path, SimulationSettings)
    head, *lines = str(caught.value).splitlines()
    assert head == f"{path} is not a valid SimulationSettings:"
    return [line.strip() for line in lines]


def test_every_impossible_setting_is_one_line_with_its_field(tmp_path):
    lines = dict(line.split(": ", 1) for line in refusal(tmp_path, WRONG))
    assert {place: lines[place][: len(said)] for place, said in SAID.items() if place in lines} == (
        SAID
    )
    assert set(lines) - set(SAID) <= {"rates.dropper"}  # its sum is too great as well


@pytest.mark.parametrize("place", ["count", "width", "jpeg_quality", "geometry", "date"])
def test_a_mistake_is_told_alone_when_it_is_alone(tmp_path, place):
    told = {line.split(": ")[0].split(".")[0] for line in refusal(tmp_path, {place: WRONG[place]})}
    assert told == {place}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"span_m": (10, 50)}, "span_m"),
        ({"span_m": (60, 50)}, "span_m"),
        ({"span_m": (float("nan"), 50)}, "span_m"),
        ({"contact_height_mm": (2000, 5500)}, "contact_height_mm"),
        ({"system_height_mm": (-1, 1500)}, "system_height_mm"),
        ({"tunnel_contact_height_mm": (5250, 6000)}, "tunnel_contact_height_mm"),
        ({"tunnel_system_height_mm": (1000, 1600)}, "tunnel_system_height_mm"),
        ({"pin_mm": (0, 20)}, "pin_mm"),
        ({"clevis_ear_mm": 29.9}, "pin_mm"),
    ],
)
def test_a_mast_that_cannot_be_built_is_refused(changes, place):
    with pytest.raises(ImpossibleSettingsError) as caught:
        Geometry(**changes)
    assert [field for field, _ in caught.value.mistakes] == [place]


def test_a_mast_is_built_to_the_sizes_asked_for():
    sizes = Geometry(contact_height_mm=(5500, 5500), system_height_mm=(1400, 1400))
    settings = replace(SimulationSettings(), geometry=sizes, tunnel=0.0)
    build = Build(settings, "mast", np.random.default_rng(1))
    assert (build.contact, build.system) == (5500, 1400)


def test_a_mast_in_a_tunnel_is_lower():
    settings = replace(SimulationSettings(), tunnel=1.0, bridge=0.0)
    builds = [Build(settings, "mast", np.random.default_rng(seed)) for seed in range(9)]
    assert all(5250 <= build.contact <= 5600 for build in builds)
    assert all(800 <= build.system <= 1150 for build in builds)


def test_thicker_pins_make_a_wider_clevis_end():
    def height(pin_mm: float) -> float:
        sizes = Geometry(pin_mm=(pin_mm, pin_mm), clevis_ear_mm=60)
        build = Build(SimulationSettings(geometry=sizes, rates={}), "m", np.random.default_rng(1))
        axis = np.array([0.0, 1.0, 0.0])
        joint(build, "clevis", Mounting(np.zeros(3), axis, 30.0, np.array([0.0, 0.0, -1.0])))
        pins = [one for one in build.scene.items if one.component == "split_pin"]
        points = {role: points[0] for role, points in pins[0].lines}
        return float(np.linalg.norm(points["head"] - points["leg_1"]))

    assert height(40) > 1.8 * height(20)
