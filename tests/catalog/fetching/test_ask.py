"""What each answer means: whether to keep, follow, wait or give up, and in what words."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator
from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.images_zoo import broken_files, encoded, jpeg, quadrants

from shelfwise.catalog.fetching.addresses import WEB_PORTS
from shelfwise.catalog.fetching.ask import (
    Again,
    Came,
    Failed,
    Job,
    Moved,
    Outcome,
    Unchanged,
    ask,
    retry_after,
)
from shelfwise.catalog.fetching.body import BodyRefusedError, refuse_no_image
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.records import Validators

LIMITS = FetchLimits(
    connect_s=0.2, answer_s=0.2, total_s=1.0, patience_s=0.2, slowest_bytes_s=2000, body_bytes=50_000
)
URL = "http://shop.example/a.jpg"
KNOWN = Validators('"one"', "Wed, 21 Oct 2015 07:28:00 GMT")
IMAGE = jpeg(1)
FIRST = Job(URL, URL)


class Parts(httpx.AsyncByteStream):
    """A body that comes in parts, with a rest before each."""

    def __init__(self, *parts: bytes, rest_s: float = 0.0) -> None:
        self._parts, self._rest_s = parts, rest_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            await asyncio.sleep(self._rest_s)
            yield part


def outcome_of(answer: httpx.Response | Exception, job: Job = FIRST) -> Outcome:
    """What a server's answer comes to."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == job.url
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def one() -> Outcome:
        async with httpx.MockTransport(handle) as transport:
            return await ask(transport, job, LIMITS, WEB_PORTS)

    return asyncio.run(one())


def sent(*parts: bytes, rest_s: float = 0.0, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=named, stream=Parts(*parts, rest_s=rest_s))


class TestBodies:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
    def test_images_come(self, kind: str) -> None:
        data = encoded(quadrants(), kind)
        assert outcome_of(sent(data, content_type="text/html")) == Came(data, Validators())

    def test_validators_are_kept(self) -> None:
        answer = sent(IMAGE, etag=KNOWN.etag, last_modified=KNOWN.last_modified)
        assert outcome_of(answer) == Came(IMAGE, KNOWN)
        assert outcome_of(sent(IMAGE, etag="x" * 501)) == Came(IMAGE, Validators())

    def test_any_cut_into_parts(self) -> None:
        parts = [IMAGE[place : place + 7] for place in range(0, len(IMAGE), 7)]
        assert outcome_of(sent(*parts)) == Came(IMAGE, Validators())

    @pytest.mark.parametrize("name", ["html", "svg", "json", "text", "pdf", "avif", "zeros"])
    def test_what_is_no_image_is_left_after_its_first_bytes(self, name: str) -> None:
        data, word = broken_files()[name]
        outcome = outcome_of(sent(data, *[b"more"] * 100, content_type="image/jpeg"))
        assert isinstance(outcome, Failed)
        assert word in outcome.reason

    def test_empty(self) -> None:
        assert outcome_of(sent()) == Failed("empty file (0 bytes)")

    def test_a_short_body_that_begins_like_an_image_is_for_the_decoder_to_judge(self) -> None:
        assert outcome_of(sent(IMAGE[:10])) == Came(IMAGE[:10], Validators())

    @pytest.mark.parametrize("length", ["50001", "9" * 30])
    def test_too_large_by_what_it_announces(self, length: str) -> None:
        outcome = outcome_of(sent(IMAGE, content_length=length))
        assert isinstance(outcome, Failed)
        assert "too large" in outcome.reason

    def test_too_large_by_what_comes(self) -> None:
        outcome = outcome_of(sent(IMAGE, *[bytes(1000)] * 60))
        assert isinstance(outcome, Failed)
        assert "too large" in outcome.reason

    @pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
    def test_unpacked(self, pack: object) -> None:
        name = "gzip" if pack is gzip.compress else "deflate"
        packed = pack(IMAGE)  # type: ignore[operator]
        parts = [packed[place : place + 50] for place in range(0, len(packed), 50)]
        assert outcome_of(sent(*parts, content_encoding=name)) == Came(IMAGE, Validators())

    def test_a_bomb_is_unpacked_no_further_than_the_limit(self) -> None:
        bomb = gzip.compress(IMAGE + bytes(50 << 20))
        assert len(bomb) < LIMITS.body_bytes * 2
        outcome = outcome_of(sent(bomb[:40_000], content_encoding="gzip"))
        assert isinstance(outcome, Failed)
        assert "too large" in outcome.reason

    def test_packed_wrongly(self) -> None:
        assert isinstance(outcome_of(sent(b"not gzip", content_encoding="gzip")), Failed)
        broken_off = outcome_of(sent(gzip.compress(IMAGE)[:-20], content_encoding="gzip"))
        assert isinstance(broken_off, Again)
        for encoding in ("br", "gzip, gzip", "zstd"):
            assert isinstance(outcome_of(sent(IMAGE, content_encoding=encoding)), Failed)

    def test_too_slow_on_average(self) -> None:
        started = time.monotonic()
        outcome = outcome_of(sent(IMAGE[:40], *[b"x"] * 1000, rest_s=0.02))
        assert isinstance(outcome, Failed)
        assert "too slow" in outcome.reason
        assert time.monotonic() - started < LIMITS.total_s

    def test_not_finished_in_time(self) -> None:
        """Fast enough on average, and yet without an end."""
        outcome = outcome_of(sent(IMAGE[:40], *[b"x" * 600] * 1000, rest_s=0.02))
        assert isinstance(outcome, Failed)
        assert "not finished in 1 s" in outcome.reason

    @given(st.binary(max_size=64))
    def test_any_beginning_is_an_image_or_said_to_be_none(self, head: bytes) -> None:
        magics = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"II*", b"MM")
        if not head.startswith(magics):
            with pytest.raises(BodyRefusedError, match=r"\w"):
                refuse_no_image(head)


class TestStatuses:
    def test_unchanged(self) -> None:
        assert outcome_of(httpx.Response(304), Job(URL, URL, KNOWN)) == Unchanged()
        assert isinstance(outcome_of(httpx.Response(304)), Failed)

    @pytest.mark.parametrize("status", [201, 204, 206, 300, 305, 400, 401, 403, 404, 410, 418, 451, 501, 599])
    def test_no(self, status: int) -> None:
        outcome = outcome_of(httpx.Response(status))
        assert isinstance(outcome, Failed)
        assert f"({status})" in outcome.reason
        assert not outcome.refused

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_again(self, status: int) -> None:
        outcome = outcome_of(httpx.Response(status, headers={"retry-after": "7"}))
        assert isinstance(outcome, Again)
        assert outcome.wait_s == 7
        assert outcome.busy == (status in (429, 503))
        assert not outcome.unreachable

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_moved(self, status: int) -> None:
        answer = httpx.Response(status, headers={"location": "../b c.jpg?x=1#y"})
        job = Job(URL, "http://shop.example/x/a.jpg", KNOWN, hops=2, attempt=3)
        outcome = outcome_of(answer, job)
        assert outcome == Moved(Job(URL, "http://shop.example/b%20c.jpg?x=1", hops=3))

    def test_moved_to_nowhere_or_too_often(self) -> None:
        assert isinstance(outcome_of(httpx.Response(302)), Failed)
        answer = httpx.Response(302, headers={"location": "/b"})
        assert outcome_of(answer, Job(URL, URL, hops=5)) == Failed("more than 5 redirects")

    @pytest.mark.parametrize(
        ("error", "unreachable"),
        [
            (httpx.ConnectError("x"), True),
            (httpx.ConnectTimeout("x"), True),
            (httpx.ReadTimeout("x"), False),
            (httpx.ReadError(""), False),
            (httpx.RemoteProtocolError("x"), False),
        ],
    )
    def test_broken_connections(self, error: Exception, unreachable: bool) -> None:
        outcome = outcome_of(error)
        assert isinstance(outcome, Again)
        assert outcome.unreachable == unreachable

    def test_a_wrong_certificate_is_not_tried_again(self) -> None:
        error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
        assert outcome_of(error) == Failed("the server's certificate is not valid")


class TestRetryAfter:
    def test_numbers_and_dates(self) -> None:
        assert retry_after("120") == 120
        assert retry_after("0") == 0
        assert retry_after(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
        assert retry_after(formatdate(time.time() - 60, usegmt=True)) == 0

    @pytest.mark.parametrize("header", ["", "soon", "-5", "1e9", "٣", "Thu, 99 Foo 2020 00:00:00 GMT"])
    def test_what_says_nothing(self, header: str) -> None:
        assert retry_after(header) is None

    @given(st.text(max_size=40))
    def test_any_text(self, header: str) -> None:
        wait = retry_after(header)
        assert wait is None or wait >= 0
