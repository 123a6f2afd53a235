"""The desk as a web application."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from urllib.parse import quote

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from shelfwise.review.desk import Desk
from shelfwise.review.errors import DatabaseError, RefusedError
from shelfwise.review.guards import Guards
from shelfwise.review.pages import numbers, parts, queue, review, rules, sign_in
from shelfwise.review.sessions import Sessions
from shelfwise.review.web import HERE, NotSignedInError, page, sessions_of

STATIC = HERE / "static"
THREADS = 8
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def make_app(desk: Desk, hosts: Collection[str] = ()) -> FastAPI:
    """The application of one desk. ``hosts``: the only names it answers to; empty for any."""
    app = FastAPI(
        title="shelfwise review desk", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_few_threads
    )
    app.state.desk = desk
    app.state.sessions = Sessions(desk.database.secret)
    app.state.static_version = _static_version()
    app.mount("/static", _Static(directory=STATIC), name="static")
    for one in (sign_in, queue, review, parts, rules, numbers):
        app.include_router(one.router)
    app.add_exception_handler(NotSignedInError, _ask_to_sign_in)
    app.add_exception_handler(RefusedError, _refuse)
    app.add_exception_handler(DatabaseError, _database_trouble)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(StarletteHTTPException, _plain)
    app.add_middleware(Guards, hosts=hosts)
    return app


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    """More threads than this only take turns with the interpreter's lock, and everybody waits longer."""
    current_default_thread_limiter().total_tokens = THREADS
    yield


class _Static(StaticFiles):
    """Files of the package; their address changes with their contents, so browsers may keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "public, max-age=86400"
        return answer


def _static_version() -> str:
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _ask_to_sign_in(request: Request, _error: Exception) -> Response:
    if request.method != "GET" or request.headers.get("hx-request") == "true":
        return _told(request, "You have been signed out; sign in again.", 401)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    answer = RedirectResponse(f"/sign-in?next={quote(here[:800], safe='')}", 303)
    answer.delete_cookie(sessions_of(request).cookie)
    return answer


def _refuse(request: Request, error: Exception) -> Response:
    return _told(request, str(error), error.status if isinstance(error, RefusedError) else 400)


def _database_trouble(request: Request, error: Exception) -> Response:
    return _told(request, f"Not stored: {error}", 503)


def _malformed(request: Request, _error: Exception) -> Response:
    return _told(request, "The request does not make sense here.", 422)


def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    told = "There is no such page." if error.status_code == 404 else str(error.detail)
    return _told(request, told, error.status_code)


def _told(request: Request, message: str, status: int) -> Response:
    if request.headers.get("x-desk") == "1":
        return JSONResponse({"error": message}, status)
    if request.headers.get("hx-request") == "true" or request.url.path.startswith("/picture"):
        return PlainTextResponse(message + "\n", status)
    return page(request, "problem.html.j2", status=status, message=message)
