"""The service as a web application: its life, who may reach it, and how each thing that can go wrong is answered."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from shelfwise import __version__
from shelfwise.errors import ShelfwiseError
from shelfwise.serving.errors import RequestRefusedError
from shelfwise.serving.openapi import describe
from shelfwise.serving.routes import add_product_routes, add_upkeep_routes, service_of
from shelfwise.serving.service import Service

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
        openapi_url=None,  # ours asks for a key
        lifespan=_lifespan,
    )
    app.state.service = service
    app.state.hosts = frozenset(hosts)
    add_product_routes(app)
    add_upkeep_routes(app)
    app.add_exception_handler(RequestRefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(StarletteHTTPException, _plain)
    app.add_exception_handler(Exception, _unexpected)
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
        with suppress(
            ValueError, RuntimeError
        ):  # not the main thread, as in tests: nobody can send it a signal
            loop.add_signal_handler(signal.SIGHUP, reload)
    yield
    await asyncio.to_thread(service.close)


async def _reload_quietly(service: Service) -> None:
    try:
        await service.reload()
    except ShelfwiseError:
        return  # told by the service; the model that was there goes on


async def _watched(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Counts every request, and refuses those that come by another name than the service's."""
    began = time.perf_counter()
    hosts = request.app.state.hosts
    if hosts and _name(request.headers.get("host", "")) not in hosts:
        response: Response = _told(400, "this service is not reached by that name")
    else:
        try:
            response = await call_next(request)
        except Exception:
            _count(request, 500, began)
            raise
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    _count(request, response.status_code, began)
    return response


def _count(request: Request, status: int, began: float) -> None:
    route = request.scope.get("route")
    path = getattr(route, "path", _OTHER)
    method = request.method if path != _OTHER else _OTHER
    service_of(request).metrics.request(method, path, status, time.perf_counter() - began)


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


def _unexpected(_request: Request, _error: Exception) -> Response:
    """A mistake of ours: the log has it, for it is raised further."""
    return _told(500, "the service failed on this request; its log says where")


def _plain(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    headers: Any = error.headers
    return _told(error.status_code, str(error.detail), dict(headers or {}))
