"""`catenary scan --set cascade.bolts=true`: bolts are judged, and only then."""

from pathlib import Path

import pytest

from tests.jobs.bundles import random_bundle
from tests.jobs.test_scan import catenary, picture


@pytest.mark.slow
@pytest.mark.parametrize("asked", [False, True])
def test_bolts_are_judged_only_if_asked_for(tmp_path: Path, asked: bool):
    model = random_bundle(tmp_path / "model", ("bolt", "clevis"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "1.jpg").write_bytes(picture(1))
    bolts = f"cascade.bolts={str(asked).lower()}"
    options = ("--model", str(model), "--set", "cascade.min_score=0.0", "--set", bolts)
    scanned = catenary("scan", str(tmp_path / "run"), "--workspace", str(tmp_path / "ws"), *options)
    assert scanned.returncode == 0, scanned.stderr
    assert ("bolt, bolt_missing not excluded" in scanned.stdout + scanned.stderr) is asked
