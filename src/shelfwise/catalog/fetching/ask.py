"""One request for one image, and what its answer means: a body, nothing new, elsewhere, again later, or no."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx

from shelfwise.catalog.fetching.addresses import AddressRefusedError
from shelfwise.catalog.fetching.body import BodyIncompleteError, BodyRefusedError, read_body
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.records import Validators
from shelfwise.catalog.fetching.transport import get
from shelfwise.catalog.fetching.web_address import host_of, web_address

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_MEANING = {
    400: "bad request",
    401: "a password is needed",
    403: "forbidden",
    404: "not found",
    410: "gone",
    429: "too many requests",
    451: "not available for legal reasons",
    503: "busy",
}
MAX_VALIDATOR_CHARACTERS = 500
"""An ETag or a date longer than this is not remembered."""


@dataclass(frozen=True)
class Job:
    """An image to be fetched: the URL it is known by, and how far we have got.

    ``url`` differs from ``key`` after a redirect; ``attempt`` counts the requests made at ``url`` so far.
    """

    key: str
    url: str
    known: Validators = field(default_factory=Validators)
    hops: int = 0
    attempt: int = 0

    @property
    def host(self) -> str:
        """Whom the next request goes to."""
        return host_of(self.url)


@dataclass(frozen=True)
class Came:
    """The image's bytes."""

    body: bytes
    validators: Validators


@dataclass(frozen=True)
class Unchanged:
    """The server has no newer version (304)."""


@dataclass(frozen=True)
class Moved:
    """Another URL is to be asked."""

    job: Job


@dataclass(frozen=True)
class Again:
    """Another try can help. ``wait_s``: what the server asked us to wait; None where it did not say."""

    reason: str
    wait_s: float | None = None
    unreachable: bool = False
    """No connection could be made."""
    busy: bool = False
    """The whole host wants fewer requests."""
    counts: int = 1
    """How many attempts it counts for: a host that lets us wait is not asked as often."""


@dataclass(frozen=True)
class Failed:
    """No image, and another try would bring none. ``refused``: nothing was asked of anyone."""

    reason: str
    refused: bool = False


Outcome = Came | Unchanged | Moved | Again | Failed


async def ask(
    transport: httpx.AsyncBaseTransport, job: Job, limits: FetchLimits, ports: frozenset[int]
) -> Outcome:
    """Make one GET request and judge its answer, within ``limits.total_s``. Raises nothing of the network's."""
    try:
        async with asyncio.timeout(limits.total_s):
            return await _ask(transport, job, limits, ports)
    except TimeoutError:
        return Failed(f"too slow: not finished in {limits.total_s:g} s")
    except AddressRefusedError as error:
        return Failed(str(error), refused=True)
    except (BodyRefusedError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Failed(str(error))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        why = _plain(error)
        if "CERTIFICATE_VERIFY_FAILED" in why:
            return Failed("the server's certificate is not valid")
        return Again(f"cannot connect ({why})", unreachable=True)
    except httpx.TimeoutException:
        return _no_answer(limits)
    except (BodyIncompleteError, httpx.TransportError) as error:
        return Again(f"the connection broke ({_plain(error)})")


async def _ask(
    transport: httpx.AsyncBaseTransport, job: Job, limits: FetchLimits, ports: frozenset[int]
) -> Outcome:
    # Judged again in the form in which it is sent.
    url = httpx.URL(job.url)
    web_address(str(url), ports)
    request = get(url, job.known.headers(), limits)
    try:
        async with asyncio.timeout(limits.connect_s + limits.answer_s):
            answer = await transport.handle_async_request(request)
    except TimeoutError:
        return _no_answer(limits)
    try:
        return await _judge(answer, job, limits, ports)
    finally:
        await answer.aclose()


async def _judge(answer: httpx.Response, job: Job, limits: FetchLimits, ports: frozenset[int]) -> Outcome:
    status = answer.status_code
    if status == 200:
        return Came(await read_body(answer, limits), _validators(answer))
    if status == 304 and job.known.headers():
        return Unchanged()
    if status in _REDIRECTS:
        return _moved(answer, job, limits, ports)
    if status in _TRY_AGAIN:
        return Again(_named(status), retry_after(answer.headers.get("retry-after", "")), busy=status in _BUSY)
    return Failed(_named(status))


def _moved(answer: httpx.Response, job: Job, limits: FetchLimits, ports: frozenset[int]) -> Outcome:
    location = answer.headers.get("location", "")
    if not location:
        return Failed(f"a redirect to nowhere ({answer.status_code})")
    if job.hops >= limits.redirects:
        return Failed(f"more than {limits.redirects} redirects")
    try:
        target = web_address(urljoin(job.url, location), ports)
    except ValueError:  # square brackets around what is no address
        return Failed("a redirect to what is no web address")
    # What is known of the old URL's version says nothing about what another URL has.
    known = job.known if target == job.url else Validators()
    return Moved(replace(job, url=target, hops=job.hops + 1, attempt=0, known=known))


def _validators(answer: httpx.Response) -> Validators:
    etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
    usable = [
        value if len(value) <= MAX_VALIDATOR_CHARACTERS and value.isascii() else ""
        for value in (etag, modified)
    ]
    return Validators(*usable)


def retry_after(header: str) -> float | None:
    """The seconds that a ``Retry-After`` header asks for (a number, or a date); None where it says nothing."""
    text = header.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _no_answer(limits: FetchLimits) -> Again:
    return Again(f"no answer within {limits.answer_s:g} s", counts=2)


def _named(status: int) -> str:
    meaning = _MEANING.get(status, "the server's answer")
    return f"{meaning} ({status})"


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
