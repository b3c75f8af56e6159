"""Requests made from the OpenAPI description: no bug, and only documented answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from catenary.review import app
from catenary.review.site import Site
from tests.review import conftest

EXAMPLES = 8  # a route; more find little more, and CI has to be quick


@pytest.fixture
def schema(site: Site) -> Iterator[schemathesis.BaseSchema]:
    made = app.create_app(site, dist=Path("/nowhere"))
    loaded = schemathesis.openapi.from_asgi("/api/openapi.json", made)
    loaded.config.update(base_url="http://localhost")
    yield loaded


described = schemathesis.pytest.from_fixture("schema")


@described.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_of_the_description_is_answered_with_a_bug(case, site: Site):
    headers = {"X-CSRF-Token": site.secret, "Host": "localhost"}
    answer = case.call(headers=headers)
    case.validate_response(
        answer, checks=[not_a_server_error, response_schema_conformance], headers=headers
    )
    assert conftest.CHEAP is not None
