"""The shipped checkpoint and sample run, as a newcomer meets them."""

import csv
import json

from catenary import config
from catenary.jobs.scanning.assemble import SHIPPED_BUNDLE
from catenary.jobs.scanning.scan import SAMPLE_RUN
from catenary.models import bundle
from tests.jobs.commands import catenary


def test_the_shipped_bundle_is_whole_and_calibrated():
    card = bundle.verify(config.bundled(SHIPPED_BUNDLE))
    assert {"dropper", "split_pin", "insulator"} <= set(card.fusion)
    assert set(card.floors) == set(card.classes)
    assert card.data.description
    assert card.known_weaknesses


def test_the_demo_finds_planted_defects_and_writes_its_report(tmp_path):
    workspace = tmp_path / "ws"
    done = catenary("demo", "--workspace", str(workspace))
    assert done.returncode == 0, done.stderr
    assert "28 images: 28 done, 0 unusable, 0 failed" in done.stdout
    (page,) = workspace.glob("*.html")
    assert "伞裙缺失" in page.read_text(encoding="utf-8")
    run = config.bundled(SAMPLE_RUN).name
    listed = tmp_path / "found.json"
    catenary("report", run, "--workspace", str(workspace), "--format", "coco", "-o", str(listed))
    raised = [
        one for one in json.loads(listed.read_text(encoding="utf-8")) if one["verdict"] == "defect"
    ]
    with config.bundled("samples/demo/planted.csv").open(encoding="utf-8", newline="") as file:
        planted = list(csv.DictReader(file))
    hits = sum(any(_covers(one, row) for row in planted) for one in raised)
    assert hits >= 4
    assert hits >= len(raised) / 2


def _covers(finding: dict, planted: dict) -> bool:
    """Tell whether a finding holds the middle of a planted defect of the same mast and camera."""
    x, y, width, height = finding["bbox"]
    x0, y0, x1, y1 = map(float, planted["box"].split())
    mast = planted["part"].split("#")[0].rsplit("/", 1)[1]
    name = finding["file_name"]
    is_same = f"_{mast}_" in name and name.endswith(f"_{planted['camera']}.jpg")
    return is_same and x <= (x0 + x1) / 2 < x + width and y <= (y0 + y1) / 2 < y + height
