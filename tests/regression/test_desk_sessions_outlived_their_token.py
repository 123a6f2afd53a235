"""A token that was replaced went on letting people in, two desks took each other's cookie, and headers had no limit."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient
from tests.review.desk_maker import TOKEN, make_desk, sign_in

from shelfwise.review import run
from shelfwise.review.app import make_app
from shelfwise.review.desk import Desk
from shelfwise.review.listening import listen
from shelfwise.review.people import EVERYONE, set_token
from shelfwise.review.web import TOKEN_S


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path, 3)


def client_of(desk: Desk) -> TestClient:
    return TestClient(make_app(desk), base_url="http://localhost", follow_redirects=False)


@pytest.mark.parametrize("name", [EVERYONE, "Ann"])
def test_another_token_ends_the_sessions_of_the_old_one(desk: Desk, name: str) -> None:
    client = client_of(desk)
    sign_in(client)
    assert client.get("/").status_code == 200
    desk.clock.at += 60  # type: ignore[attr-defined]
    with desk.database.write() as connection:
        set_token(connection, name, "another good token", desk.clock())
    desk.clock.at += TOKEN_S  # type: ignore[attr-defined]
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F")
    assert client.get("/sign-in").status_code == 200  # no going round in circles
    assert sign_in(client, token=TOKEN).status_code == 403
    assert sign_in(client, token="another good token").status_code == 303
    assert client.get("/").status_code == 200


def test_two_desks_on_one_machine_have_a_cookie_each(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    one, two = client_of(desk), client_of(make_desk(tmp_path / "second", 3))
    sign_in(one)
    sign_in(two)
    one.cookies.update(two.cookies)
    assert one.get("/").status_code == 200


def test_a_rule_with_an_endless_number(desk: Desk) -> None:
    client = client_of(desk)
    sign_in(client)
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/rules").text)
    assert token
    form = {"csrf": token.group(1), "active": "1"}
    assert client.post(f"/rules/{'9' * 30}/switch", data=form).status_code == 400
    assert client.post("/rules/12/switch", data=form).status_code == 404


@pytest.fixture
def served(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """The desk as `shelfwise review` serves it."""
    servers: list[uvicorn.Server] = []
    monkeypatch.setattr(uvicorn.Server, "__init__", _remembering(servers))
    monkeypatch.setattr(uvicorn.Server, "capture_signals", lambda self: _nothing())
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=run.serve, args=(desk, listening), kwargs={"loopback": True})
    thread.start()
    yield listening.getsockname()[:2]
    servers[0].should_exit = True
    thread.join(timeout=15)


def _remembering(servers: list[uvicorn.Server]):  # type: ignore[no-untyped-def]
    plain = uvicorn.Server.__init__

    def init(self: uvicorn.Server, config: uvicorn.Config) -> None:
        plain(self, config)
        servers.append(self)

    return init


def _nothing():  # type: ignore[no-untyped-def]
    import contextlib

    return contextlib.nullcontext()


def test_headers_without_end_are_cut_off(served: tuple[str, int]) -> None:
    """A stranger without a token could fill the memory, as no guard sees a header before it has ended."""
    sent = 0
    with socket.create_connection(served, timeout=20) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        try:
            while sent < 40 << 20:
                one.sendall(b"a" * 65_536)
                sent += 65_536
        except OSError:
            pass
    assert sent < 40 << 20
