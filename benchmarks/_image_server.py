"""A shop's image server that can be anything: quick, slow, broken, endless or hostile; and counts who asked.

Used by ``bench_fetch.py`` and by the tests. It listens on loopback only. What a path does is its first part;
see ``ANSWERS``.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from PIL import Image

HEAD_BYTES = 1 << 16
FOREVER_S = 3600.0


@dataclass
class Asked:
    """What was asked of the server."""

    requests: Counter[str] = field(default_factory=Counter)
    """By path."""
    sent: Counter[str] = field(default_factory=Counter)
    """Answers that were written to their end, by path."""
    conditional: Counter[str] = field(default_factory=Counter)
    """Requests with If-None-Match or If-Modified-Since, by path."""
    times: list[float] = field(default_factory=list)
    """When each request came, in seconds."""
    agents: set[str] = field(default_factory=set)
    cookies: set[str] = field(default_factory=set)
    connections: int = 0
    now: int = 0
    most_at_once: int = 0


@dataclass
class Request:
    """One request: the parts of its path, and its headers in lower case."""

    path: str
    headers: dict[str, str]
    out: asyncio.StreamWriter
    asked: Asked

    @property
    def parts(self) -> list[str]:
        return self.path.strip("/").split("/")

    async def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        """A whole answer. ``content_length`` and the like become headers."""
        given = {"content-length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in given.items() if value)]
        self.out.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.out.drain()
        self.asked.sent[self.path] += 1


def jpeg(width: int, height: int) -> bytes:
    """A smooth picture of that size."""
    ramp = Image.linear_gradient("L").resize((width, height))
    file = io.BytesIO()
    Image.merge("RGB", (ramp, ramp.rotate(180), ramp)).save(file, "JPEG", quality=85)
    return file.getvalue()


def numbered(image: bytes, number: str) -> bytes:
    """A JPEG with a comment: the same picture in bytes of its own."""
    comment = number.encode()
    return image[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + image[2:]


def png_claiming(side: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


SIDE = 500
HUGE_PNG = png_claiming(50_000)
SMALL = jpeg(SIDE, 375)
LARGE = jpeg(1600, 1200)
BOMB = gzip.compress(bytes(60 << 20))


async def _image(request: Request) -> None:
    await request.answer("200 OK", numbered(SMALL, request.path))


async def _same(request: Request) -> None:
    await request.answer("200 OK", SMALL)


async def _large(request: Request) -> None:
    await request.answer("200 OK", numbered(LARGE, request.path))


async def _wait(request: Request) -> None:
    """``/wait/MILLISECONDS/N``"""
    await asyncio.sleep(int(request.parts[1]) / 1000)
    await _image(request)


async def _versioned(request: Request) -> None:
    """Has an ETag, which stays."""
    if request.headers.get("if-none-match") == '"one"':
        await request.answer("304 Not Modified", etag='"one"')
    else:
        await request.answer("200 OK", numbered(SMALL, request.path), etag='"one"', set_cookie="a=b")


async def _missing(request: Request) -> None:
    await request.answer("404 Not Found", b"nothing here")


async def _to(request: Request) -> None:
    """``/to/STATUS/TARGET``, the target percent-encoded."""
    await request.answer(f"{request.parts[1]} Moved", location=unquote(request.parts[2]))


async def _hops(request: Request) -> None:
    """``/hops/K/N``: so many redirects, then an image."""
    left, name = int(request.parts[1]), request.parts[2]
    if left:
        await request.answer("302 Found", location=f"/hops/{left - 1}/{name}")
    else:
        await _image(request)


async def _loop(request: Request) -> None:
    await request.answer("301 Moved", location=request.path)


async def _html(request: Request) -> None:
    await request.answer("200 OK", b"<!DOCTYPE html><html>Please log in</html>", content_type="image/jpeg")


async def _pixels(request: Request) -> None:
    """A decompression bomb: a few bytes that claim to be 50,000 × 50,000 pixels."""
    await request.answer("200 OK", HUGE_PNG)


async def _huge(request: Request) -> None:
    await request.answer("200 OK", SMALL, content_length=str(10 << 30))


async def _endless(request: Request) -> None:
    """A picture that never ends, as fast as it is read."""
    request.out.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    part = SMALL + bytes((1 << 16) - len(SMALL) % (1 << 16))
    while True:
        request.out.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await request.out.drain()


async def _drip(request: Request) -> None:
    """A byte now and then."""
    request.out.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + SMALL[:64])
    while True:
        request.out.write(b"\0")
        await request.out.drain()
        await asyncio.sleep(0.05)


async def _hang(request: Request) -> None:
    await asyncio.sleep(FOREVER_S)


async def _headers(request: Request) -> None:
    """Headers without end."""
    request.out.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        request.out.write(b"x-more: " + b"y" * 1000 + b"\r\n")
        await request.out.drain()


async def _garbage(request: Request) -> None:
    request.out.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    request.out.close()


async def _cut(request: Request) -> None:
    """Less than was announced."""
    request.out.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000\r\n\r\n" + SMALL[:3000])
    await request.out.drain()
    request.out.close()


async def _reset(request: Request) -> None:
    request.out.close()


async def _busy(request: Request) -> None:
    """``/busy/K/SECONDS/N``: busy the first K times."""
    if request.asked.requests[request.path] <= int(request.parts[1]):
        await request.answer("503 Busy", retry_after=request.parts[2])
    else:
        await _image(request)


async def _error(request: Request) -> None:
    await request.answer("500 Internal Server Error")


async def _gzip(request: Request) -> None:
    await request.answer("200 OK", gzip.compress(numbered(SMALL, request.path)), content_encoding="gzip")


async def _bomb(request: Request) -> None:
    await request.answer("200 OK", BOMB, content_encoding="gzip")


async def _strange(request: Request) -> None:
    await request.answer("200 OK", SMALL, content_encoding="br")


ANSWERS: dict[str, Callable[[Request], Awaitable[None]]] = {
    "image": _image,
    "same": _same,
    "large": _large,
    "wait": _wait,
    "versioned": _versioned,
    "missing": _missing,
    "to": _to,
    "hops": _hops,
    "loop": _loop,
    "html": _html,
    "pixels": _pixels,
    "huge": _huge,
    "endless": _endless,
    "drip": _drip,
    "hang": _hang,
    "headers": _headers,
    "garbage": _garbage,
    "cut": _cut,
    "reset": _reset,
    "busy": _busy,
    "error": _error,
    "gzip": _gzip,
    "bomb": _bomb,
    "strange": _strange,
}


class ImageServer:
    """The server in a thread of its own, on a port of its own choice; used as a context manager.

    ``also_on``: further loopback addresses that it listens on at the same port, whose connections are counted
    in ``trespasses``: nobody should come there.
    """

    def __init__(self, also_on: tuple[str, ...] = ()) -> None:
        self.asked = Asked()
        self.trespasses = 0
        self.port = 0
        self._also_on = also_on
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str) -> str:
        """The URL of a path without its first slash."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [
            self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        ]
        self.port = servers[0].sockets[0].getsockname()[1]
        for address in self._also_on:
            with suppress(OSError):  # not every system has more than one loopback address
                trap = self._loop.run_until_complete(asyncio.start_server(self._trespass, address, self.port))
                servers.append(trap)
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _trespass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.trespasses += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
                }
                await self._answer(Request(first.split(" ")[1], headers, writer, self.asked))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone
        finally:
            with suppress(ConnectionError, RuntimeError):
                writer.close()

    async def _answer(self, request: Request) -> None:
        asked = self.asked
        asked.times.append(time.monotonic())
        asked.requests[request.path] += 1
        asked.agents.add(request.headers.get("user-agent", ""))
        asked.cookies.add(request.headers.get("cookie", ""))
        if "if-none-match" in request.headers or "if-modified-since" in request.headers:
            asked.conditional[request.path] += 1
        asked.now += 1
        asked.most_at_once = max(asked.most_at_once, asked.now)
        try:
            await ANSWERS[request.parts[0]](request)
        finally:
            asked.now -= 1


def main() -> None:
    """Serve until stdin closes. Prints its port; then, for a line "total" or "all", what was asked, as JSON."""
    with ImageServer(also_on=tuple(sys.argv[1:])) as server:
        print(server.port, flush=True)
        for line in sys.stdin:
            asked = server.asked
            told: dict[str, object] = {
                "total": len(asked.times),
                "most_at_once": asked.most_at_once,
                "trespasses": server.trespasses,
            }
            if line.strip() == "all":
                told |= {"requests": dict(asked.requests), "sent": dict(asked.sent)}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
