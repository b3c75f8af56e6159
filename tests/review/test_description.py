"""Requests made from the OpenAPI description: no bug, and only described answers."""

from typing import Any
from unittest.mock import Mock

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from catenary.review import app
from catenary.review.site import Site
from tests.review.conftest import client
from tests.review.test_roles import ROUTES

EXAMPLES = 5  # a route; more find little more, and every change has to wait for them
_SENT = ("method", "url", "params", "json", "data")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """Return the description, which is the same of every site."""
    return app.create_app(Mock(spec=Site)).openapi()


@pytest.fixture(scope="module")
def described(description: dict[str, Any]) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_dict(description)


@pytest.mark.parametrize(("method", "route"), [(one[0], one[1]) for one in ROUTES])
def test_no_request_of_the_description_is_answered_with_a_bug(
    site: Site,
    description: dict[str, Any],
    described: schemathesis.schemas.BaseSchema,
    method: str,
    route: str,
):
    answers = set(description["paths"][route][method.lower()]["responses"])
    browser = client(site)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # a failure is told at once, not made smaller first
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[route][method].as_strategy())
    def check(case: schemathesis.Case) -> None:
        asked = case.as_transport_kwargs(base_url="http://localhost:8400")
        asked = {name: asked[name] for name in asked if name in _SENT}
        asked["headers"] = {"X-CSRF-Token": site.secret}
        if "data" in asked:
            asked["content"] = asked.pop("data")
        answer = browser.request(**asked)
        assert str(answer.status_code) in answers, answer.text
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"code", "message", "id", "current", "details"}

    check()
