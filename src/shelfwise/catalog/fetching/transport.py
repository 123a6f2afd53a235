"""Carries requests to what the address rules allow, and to nothing else.

This stands in for httpx's client, which would bring what is not wanted here: proxies and passwords from the
environment, cookies, and redirects of its own.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

import certifi
import httpcore
import httpx

from shelfwise.catalog.fetching.limits import FetchLimits

IDLE_S = 15.0
"""How long a connection stays open for the host's next image."""
_HEADERS = {
    "User-Agent": f"shelfwise/{version('shelfwise')} (fetches product images)",
    "Accept": "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, image/*;q=0.5",
    "Accept-Encoding": "identity",
}
# What httpcore raises when a connection fails; httpx has the same names.
_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class CheckedTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests over httpcore connections that a given backend makes.

    (httpx's own transport does not let the backend be chosen.)
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, connections: int) -> None:
        # Never fewer connections than requests under way: none waits for another host's.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_S,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body is read by whoever reads the response."""
        url = request.url
        with _httpx_errors():
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error


def _ssl_context() -> ssl.SSLContext:
    """The system's certificate authorities and Mozilla's."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def get(url: httpx.URL, headers: Mapping[str, str], limits: FetchLimits) -> httpx.Request:
    """A GET request that says who asks, wants no compression, and carries nothing of the environment."""
    waits = httpx.Timeout(connect=limits.connect_s, read=limits.answer_s, write=limits.answer_s, pool=None)
    return httpx.Request("GET", url, headers={**_HEADERS, **headers}, extensions={"timeout": waits.as_dict()})
