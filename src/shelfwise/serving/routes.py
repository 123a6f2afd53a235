"""What can be asked of the service: the routes, each of which lets the caller in, has the work done and answers."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from shelfwise.errors import ShelfwiseError
from shelfwise.serving.body import read_products
from shelfwise.serving.errors import RequestRefusedError
from shelfwise.serving.messages import PredictOut, StatusOut, TaxonomyOut
from shelfwise.serving.openapi import FORBIDDEN, PREDICT_BODY, TO_BE_EXPECTED, WITH_KEY
from shelfwise.serving.service import Service

_JSON = "application/json"


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]


def add_product_routes(app: FastAPI) -> None:
    """What shops' own systems ask: where products belong, and what there is to choose from."""

    @app.post(
        "/v1/predict",
        response_model=PredictOut,
        responses=TO_BE_EXPECTED,
        openapi_extra={"requestBody": PREDICT_BODY, **WITH_KEY},
        summary="Categorize 1 to 256 products",
    )
    async def predict(request: Request, service: TheService) -> Response:
        service.let_in(request)
        products = await read_products(request, service.settings)
        found = await service.predict(products)
        # Written as it is: checking our own answer against its model would take longer than the prediction.
        return Response(
            json.dumps(
                {"model": found.model, "predictions": found.answers}, ensure_ascii=False, allow_nan=False
            ),
            media_type=_JSON,
        )

    @app.get(
        "/v1/taxonomy",
        response_model=TaxonomyOut,
        responses={status: TO_BE_EXPECTED[status] for status in (401, 503)},
        openapi_extra=WITH_KEY,
        summary="Every category that can be predicted",
    )
    def taxonomy(request: Request, service: TheService) -> Response:
        service.let_in(request)
        return Response(json.dumps(service.model.taxonomy(), ensure_ascii=False), media_type=_JSON)


def add_upkeep_routes(app: FastAPI) -> None:
    """What those who run the service ask: a new model, what there is to ask, whether it lives, and its figures."""

    @app.post(
        "/v1/reload",
        response_model=StatusOut,
        responses={**{status: TO_BE_EXPECTED[status] for status in (401, 409)}, **FORBIDDEN},
        openapi_extra=WITH_KEY,
        summary="Read model, rules and keys anew (an admin's key)",
    )
    async def reload(request: Request, service: TheService) -> Response:
        service.let_in(request, admin=True)
        try:
            served = await service.reload()
        except ShelfwiseError as error:
            raise RequestRefusedError(409, f"the model stays as it is: {error}") from error
        return JSONResponse({"status": "done", "model": served.fingerprint})

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request, service: TheService) -> Response:
        service.let_in(request)
        return JSONResponse(app.openapi())

    @app.get("/healthz", response_model=StatusOut, summary="Whether the process answers")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get(
        "/readyz",
        response_model=StatusOut,
        responses={503: TO_BE_EXPECTED[503]},
        summary="Whether products would be predicted",
    )
    async def readyz(service: TheService) -> Response:
        if not service.ready:
            raise RequestRefusedError(503, "no model is ready", 1)
        return JSONResponse({"status": "ready", "model": service.model.fingerprint})

    @app.get(
        "/metrics",
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            401: TO_BE_EXPECTED[401],
        },
        response_class=Response,
        openapi_extra=WITH_KEY,
        summary="Figures for Prometheus",
    )
    def metrics(request: Request, service: TheService) -> Response:
        service.let_in(request)
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})
