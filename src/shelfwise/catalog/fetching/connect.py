"""Connections are made to the very address that was judged: a name that changes its mind gains nothing.

Between looking a name up and connecting to it, its owner could give another answer ("DNS rebinding"). So the
name is looked up here, every address it has is judged, and the connection is made to one of these numbers.
TLS still checks the certificate against the name.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from shelfwise.catalog.fetching.addresses import AddressRefusedError, AddressRules

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""A host and a port → its numeric addresses. Raises OSError (socket.gaierror) where there are none."""

REMEMBERED_S = 30.0
"""How long a host's addresses are used before it is looked up again."""
_LOOKUPS_AT_ONCE = 16
_MAX_ADDRESSES_TRIED = 4


class SystemResolver:
    """The system's own look-ups, in threads, each remembered for half a minute."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="look-up")
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """The numeric addresses of a host, each once, in the system's order."""
        until, addresses = self._known.get((host, port), (0.0, []))
        if time.monotonic() < until:
            return addresses
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        self._known[host, port] = (time.monotonic() + REMEMBERED_S, found)
        return found

    def close(self) -> None:
        """Wait for nothing: a look-up that hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for _, _, _, _, place in answers))


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Makes the connections of an HTTP client; none to an address that the rules refuse.

    Where one address of a host is refused, all are: a public name with a private address is a trap or a
    mistake.
    """

    def __init__(
        self,
        rules: AddressRules,
        resolve: Resolver,
        connector: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """``connector`` makes connections to numeric addresses; anyio's by default."""
        self._rules = rules
        self._resolve = resolve
        self._connector = connector or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the host's addresses, all of which have been judged.

        Raises AddressRefusedError before any connection is tried, httpcore.ConnectTimeout (look-up and
        connection together take longer than ``timeout`` seconds) and httpcore.ConnectError.
        """
        if port not in self._rules.ports:
            raise AddressRefusedError(f"refused: port {port} is not among those allowed")
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
                return await self._connect(addresses, port, timeout, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from error

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never: raises AddressRefusedError."""
        raise AddressRefusedError("refused: not an address on the internet")

    async def sleep(self, seconds: float) -> None:
        """Wait, between the client's own tries."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is too long for IDNA
            raise httpcore.ConnectError(f"the host's name cannot be looked up ({_why(error)})") from error
        if not addresses:
            raise httpcore.ConnectError("the host's name has no address")
        self._refuse(host, addresses)
        return addresses

    def _refuse(self, host: str, addresses: Iterable[str]) -> None:
        for address in addresses:
            why = self._rules.why_refused(host, address)
            if why is not None:
                raise AddressRefusedError(f"refused: {why}")

    async def _connect(
        self, addresses: list[str], port: int, timeout: float | None, socket_options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        """To the first address that answers; each but the last gets an equal share of the time."""
        tried = addresses[:_MAX_ADDRESSES_TRIED]
        share = None if timeout is None else timeout / len(tried)
        for number, address in enumerate(tried, start=1):
            try:
                return await self._connector.connect_tcp(
                    address,
                    port,
                    timeout=share if number < len(tried) else timeout,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(tried):
                    raise
        raise httpcore.ConnectError("the host's name has no address")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())[:80]
