"""The body of an answer, read as long as it stays a small enough image and comes fast enough."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator

import httpx

from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.images import decode_image
from shelfwise.errors import FetchError, ImageError

SNIFFED_BYTES = 32
"""The beginning of a file by which its kind is told."""
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS  # zlib tells the two apart by itself


class BodyRefusedError(FetchError):
    """The body is not an image, too large, too slow or damaged, and would be again."""


class BodyIncompleteError(FetchError):
    """The body broke off; another try may bring all of it."""


async def read_body(answer: httpx.Response, limits: FetchLimits) -> bytes:
    """The unpacked bytes of an image; reading stops at the first that is one too many, or no image's.

    Raises BodyRefusedError and BodyIncompleteError, and what httpx raises for a connection that breaks.
    """
    _refuse_announced(answer, limits.body_bytes)
    packed = _in_time(answer.aiter_raw(), limits)
    body = bytearray()
    sniffed = False
    async for part in _unpacked(packed, answer.headers.get("content-encoding", ""), limits.body_bytes):
        body += part
        if len(body) > limits.body_bytes:
            raise BodyRefusedError(_too_large(limits.body_bytes))
        if not sniffed and len(body) >= SNIFFED_BYTES:
            refuse_no_image(bytes(body[:SNIFFED_BYTES]))
            sniffed = True
    if not sniffed:
        refuse_no_image(bytes(body))
    return bytes(body)


def refuse_no_image(head: bytes) -> None:
    """Raise BodyRefusedError, saying what it is, for the beginning of a file that is no image."""
    if _begins_like_an_image(head):
        return
    try:
        decode_image(head)  # knows what to call it
    except ImageError as error:
        raise BodyRefusedError(str(error)) from error


def _begins_like_an_image(head: bytes) -> bool:
    magics = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
    return head.startswith(magics) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _refuse_announced(answer: httpx.Response, most: int) -> None:
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 18 or int(announced) > most):
        raise BodyRefusedError(_too_large(most))


def _too_large(most: int) -> str:
    return f"file too large: more than {most / (1 << 20):.3g} MB"


async def _in_time(parts: AsyncIterable[bytes], limits: FetchLimits) -> AsyncIterator[bytes]:
    """The parts, as long as they come at ``slowest_bytes_s`` on average after ``patience_s`` seconds."""
    loop = asyncio.get_running_loop()
    started, received = loop.time(), 0
    iterator = aiter(parts)
    while True:
        try:
            async with asyncio.timeout_at(
                started + max(limits.patience_s, received / limits.slowest_bytes_s)
            ):
                part = await anext(iterator, None)
        except TimeoutError as error:
            raise BodyRefusedError(
                f"too slow: {received:,} bytes in {loop.time() - started:.0f} s"
            ) from error
        if part is None:
            return
        received += len(part)
        yield part


async def _unpacked(parts: AsyncIterable[bytes], encoding: str, most: int) -> AsyncIterator[bytes]:
    """Compressed bodies as they were meant, never more than ``most`` + 1 bytes at a time.

    No compression is asked for, but some servers do it all the same.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        async for part in parts:
            yield part
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BodyRefusedError(f"compressed in a way that was not asked for ('{encoding[:20]}')")
    unpacker = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        async for part in parts:
            yield unpacker.decompress(part, most + 1)
            if unpacker.unconsumed_tail:
                raise BodyRefusedError(_too_large(most))
    except zlib.error as error:
        raise BodyRefusedError("the compressed answer is damaged") from error
    if not unpacker.eof:
        raise BodyIncompleteError("the compressed answer broke off")
