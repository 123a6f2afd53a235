"""The service as a web application: what can be asked, and how each thing that can go wrong is answered."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from shelfwise import __version__
from shelfwise.errors import ShelfwiseError
from shelfwise.serving.body import read_products
from shelfwise.serving.errors import RequestRefusedError
from shelfwise.serving.messages import PredictOut, StatusOut, TaxonomyOut
from shelfwise.serving.openapi import FORBIDDEN, PREDICT_BODY, TO_BE_EXPECTED, WITH_KEY, describe
from shelfwise.serving.service import Service

_JSON = "application/json"
_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
_OTHER = "other"
"""What metrics call a path that is none of ours."""


def make_app(service: Service, hosts: Collection[str] = ()) -> FastAPI:
    """The application of one service. ``hosts``: the only names it answers to; empty for any."""
    app = FastAPI(
        title="shelfwise",
        version=__version__,
        description="Categories for products, from everything they carry.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.service = service
    app.state.hosts = frozenset(hosts)
    _add_routes(app)
    app.add_exception_handler(RequestRefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(StarletteHTTPException, _plain)
    app.middleware("http")(_watched)
    describe(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Compute while the server runs; SIGHUP reads the model anew; at the end what was accepted is answered."""
    service: Service = app.state.service
    service.start()
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload_quietly(service))
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    if hasattr(signal, "SIGHUP"):
        try:
            loop.add_signal_handler(signal.SIGHUP, reload)
        except (ValueError, RuntimeError):  # not the main thread, as in tests: nobody can send it a signal
            reloading.clear()
    yield
    await asyncio.to_thread(service.close)


async def _reload_quietly(service: Service) -> None:
    try:
        await service.reload()
    except ShelfwiseError:
        return  # told by the service; the model that was there goes on


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]


def _add_routes(app: FastAPI) -> None:
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


async def _watched(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Counts every request, and refuses those that come by another name than the service's."""
    began = time.perf_counter()
    hosts = request.app.state.hosts
    if hosts and _name(request.headers.get("host", "")) not in hosts:
        response: Response = _told(400, "this service is not reached by that name")
    else:
        response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    route = request.scope.get("route")
    path = getattr(route, "path", _OTHER)
    method = request.method if path != _OTHER else _OTHER
    _service(request).metrics.request(method, path, response.status_code, time.perf_counter() - began)
    return response


def _name(host: str) -> str:
    """A host header without its port."""
    return host.rpartition(":")[0].lower() if ":" in host and not host.endswith("]") else host.lower()


def _told(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefusedError)
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.status in (408, 413):
        headers["connection"] = "close"  # the rest of the body is not read
    return _told(error.status, str(error), headers)


def _malformed(_request: Request, _error: Exception) -> Response:
    return _told(422, "the request does not make sense here")


def _plain(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    headers: Any = error.headers
    return _told(error.status_code, str(error.detail), dict(headers or {}))
