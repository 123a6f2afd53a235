"""Whatever a stranger sends, the answer is the service's own and never a 5xx: requests made from its OpenAPI schema."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'shelfwise[dev]'")
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OTHERS = (
    ("POST", "/v1/reload"),
    ("GET", "/v1/taxonomy"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
)


def fuzz(url: str, method: str, path: str, mode: GenerationMode, examples: int) -> set[int]:
    """The statuses that made-up requests got; every answer is checked against what the schema promises."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path][method]
    seen: set[int] = set()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case) -> None:  # type: ignore[no-untyped-def]
        response = case.call()
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)

    ask()
    return seen


def test_well_formed_products_are_predicted(served_url: str) -> None:
    seen = fuzz(served_url, "POST", "/v1/predict", GenerationMode.POSITIVE, 60)
    assert 200 in seen
    # What JSON Schema cannot say (two parts of one name, text that is no Unicode) may be refused.
    assert seen <= {200, 400, 413, 422}


def test_malformed_products_are_refused(served_url: str) -> None:
    seen = fuzz(served_url, "POST", "/v1/predict", GenerationMode.NEGATIVE, 120)
    assert seen & {400, 415, 422}
    assert all(status < 500 for status in seen)


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_other_paths_answer_as_promised(served_url: str, method: str, path: str) -> None:
    seen = fuzz(served_url, method, path, GenerationMode.POSITIVE, 3)
    assert seen <= ({403} if path == "/v1/reload" else {200})
