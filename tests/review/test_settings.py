"""Settings of the review server."""

from pathlib import Path

import pytest

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.domain.review import Decision
from catenary.jobs.reviewing import review_queue
from catenary.jobs.reviewing.review_settings import ReviewSettings

SHIPPED = config.bundled(review_queue.SETTINGS)
DOCS = Path(__file__).parents[2] / "docs" / "review.md"


def test_the_shipped_settings_are_the_defaults_and_complete():
    assert config.load(SHIPPED, ReviewSettings) == ReviewSettings()
    assert set(config.read_yaml(SHIPPED)) == set(ReviewSettings.__slots__)


@pytest.mark.parametrize("name", ReviewSettings.__slots__)
def test_every_setting_is_in_the_documentation(name: str):
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


def test_settings_that_cannot_be_are_all_told_at_once():
    wrong = ("second_rejected=1.5", "lease_minutes=0", "ageing_days=-1", "decoded_mb=0")
    with pytest.raises(ConfigError) as caught:
        config.load(SHIPPED, ReviewSettings, wrong)
    for name in ("second_rejected", "lease_minutes", "ageing_days", "decoded_mb"):
        assert name in str(caught.value)


def test_nobody_reads_second_where_one_works_alone():
    settings = ReviewSettings()
    assert not settings.second_reading(has_accounts=False).wants(Decision.CONFIRM, "part")
    assert settings.second_reading(has_accounts=True).wants(Decision.CONFIRM, "part")


def test_the_share_of_rejections_read_again_is_what_was_asked_for():
    second = ReviewSettings().second_reading(has_accounts=True)
    again = sum(second.wants(Decision.REJECT, f"part {number}") for number in range(5000))
    assert again / 5000 == pytest.approx(0.1, abs=0.015)
