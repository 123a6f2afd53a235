"""What OpenAPI is told beyond what FastAPI finds by itself: bodies that are read by hand, keys, and expected refusals."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shelfwise.serving.messages import OnePredictIn, PredictIn, ProblemOut
from shelfwise.serving.settings import MAX_FIELD_CHARACTERS, MAX_ID_CHARACTERS, MAX_PRODUCTS

_KEY = "ApiKey"
_REF = "#/components/schemas/{model}"
WITH_KEY: dict[str, Any] = {"security": [{_KEY: []}, {}]}
"""By an API key, or without one where the service has none."""


def _answer(what: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"model": ProblemOut, "description": what, **({"headers": headers} if headers else {})}


_RETRY = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
TO_BE_EXPECTED: dict[int | str, dict[str, Any]] = {
    400: _answer("Not whole JSON, or not a whole form."),
    401: _answer("The API key is missing or unknown."),
    408: _answer("The body did not come in time."),
    409: _answer("The new model cannot be used; the old one goes on."),
    413: _answer("The body is too large."),
    415: _answer("The body is of another type than JSON or a form."),
    422: _answer("The body is no list of 1 to 256 products."),
    503: _answer("Too many requests are waiting, or the service is being stopped.", _RETRY),
}
"""Status → what it means. A product that cannot be predicted is none of these: it comes out marked ``failed``."""
FORBIDDEN: dict[int | str, dict[str, Any]] = {403: _answer("The key is not an admin's.")}
PREDICT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": _REF.format(model="PredictIn")},
                    {"$ref": _REF.format(model="OnePredictIn")},
                ]
            }
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "description": (
                    "One product: its columns as texts, its picture as the file 'image'. Or the text 'products' with the "
                    f"JSON of 1 to {MAX_PRODUCTS} products, and files 'image.0', 'image.1' … for them."
                ),
                "properties": {
                    "id": {"type": "string", "maxLength": MAX_ID_CHARACTERS},
                    "image": {"type": "string", "format": "binary"},
                },
                "minProperties": 1,
                "additionalProperties": {"type": "string", "maxLength": MAX_FIELD_CHARACTERS},
            }
        },
    },
}


def describe(app: FastAPI) -> None:
    """Have ``/openapi.json`` tell of the bodies and of keys."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title, version=app.version, description=app.description, routes=app.routes
                )
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for model in (PredictIn, OnePredictIn):
        found = model.model_json_schema(ref_template=_REF)
        schemas.update(found.pop("$defs", {}))
        schemas[model.__name__] = found
    parts["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return schema
