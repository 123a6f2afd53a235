"""Two thousand connections that never sent a whole request kept everyone else out of the service, as long as they were open."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from shelfwise.review.listening import listen
from shelfwise.serving.patience import PatientProtocol
from shelfwise.serving.run import serve
from shelfwise.serving.served_model import ModelSlot
from shelfwise.serving.service import Service
from shelfwise.serving.settings import ServeSettings

HEAD_S = 0.5
WHOLE = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers long after a head would have had to be there."""
    await receive()
    if scope["method"] == "POST":
        await asyncio.sleep(2 * HEAD_S)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def answered(connection: socket.socket, said: bytes) -> None:
    connection.sendall(said)
    told = b""
    while not told.endswith(b"ok"):
        told += connection.recv(1 << 16)
        assert told, "closed without an answer"


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    class Hurried(PatientProtocol):
        head_s = HEAD_S

    server = uvicorn.Server(uvicorn.Config(slow, http=Hurried, log_level="error", lifespan="off"))
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[:2]
    server.should_exit = True
    thread.join()


def closed_after(connection: socket.socket) -> float:
    """Seconds until the server closes it."""
    began = time.monotonic()
    connection.settimeout(20 * HEAD_S)
    while connection.recv(1 << 16):
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("before", [b"", WHOLE])
@pytest.mark.parametrize("said", [b"G", b"POST / HTTP/1.1\r\nHost: he"])
def test_a_head_that_does_not_come_ends_the_connection(
    place: tuple[str, int], before: bytes, said: bytes
) -> None:
    with socket.create_connection(place) as connection:
        if before:
            answered(connection, before)
        connection.sendall(said)
        assert closed_after(connection) < 5 * HEAD_S


def test_nor_one_that_is_not_begun(place: tuple[str, int]) -> None:
    with socket.create_connection(place) as connection:
        assert closed_after(connection) < 5 * HEAD_S


def test_nor_may_it_come_drop_by_drop(place: tuple[str, int]) -> None:
    with socket.create_connection(place) as connection:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 10 * HEAD_S:
                connection.sendall(b"G")
                time.sleep(HEAD_S / 10)
        assert time.monotonic() - began < 5 * HEAD_S


def test_who_has_asked_may_wait_for_the_answer_and_ask_again(place: tuple[str, int]) -> None:
    with socket.create_connection(place) as connection:
        for ask in (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody", WHOLE, WHOLE):
            answered(connection, ask)
            time.sleep(2 * HEAD_S)


def test_the_service_is_served_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: seen.append(server.config))
    service = Service(ModelSlot(Path("nowhere")), ServeSettings())
    with listen("127.0.0.1", 0) as listening:
        serve(service, listening, loopback=True)
    assert [config.http for config in seen] == [PatientProtocol]
