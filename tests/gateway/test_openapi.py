"""The OpenAPI document holds: thousands of requests made from it get the answers that it names."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateways import Desk, desk

EXAMPLES = 25
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("openapi")) as found:
        yield found


def test_generated_requests_get_the_answers_that_the_document_names(found: Desk) -> None:
    headers = {"Authorization": f"Bearer {found.token('operate')}"}
    schema = schemathesis.openapi.from_url(f"{found.url}/openapi.json")
    asked = set()
    # A stream has no end: its own tests read it.
    for operation in (one.ok() for one in schema.exclude(path="/api/stream").get_all_operations()):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

        ask()
        asked.add(operation.path)
    assert len(asked) > 15


def test_the_document_names_every_route(found: Desk) -> None:
    with found.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert {"/api/order", "/api/cancel", "/api/stream", "/api/control", "/metrics", "/health"} <= set(paths)
    assert set(paths["/api/order"]["post"]["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
    }
