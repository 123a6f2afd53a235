"""A refused address is refused before any connection: a stub resolver and a recorder of connections prove it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import pytest

from shelfwise.catalog.fetching import connect
from shelfwise.catalog.fetching.addresses import AddressRefusedError, AddressRules
from shelfwise.catalog.fetching.ask import Again, Failed, Job, Outcome, ask
from shelfwise.catalog.fetching.connect import CheckedBackend, SystemResolver
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.transport import CheckedTransport

PUBLIC, OTHER_PUBLIC = "93.184.216.34", "2606:2800:220:1::1"
NOBODY = AddressRules()
SPECIAL = [
    "127.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "100.64.1.1",
    "224.0.0.1",
    "0.0.0.0",
    "240.0.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:192.168.0.1",
    "64:ff9b::7f00:1",
    "2002:a00:1::",
    "nonsense",
]
LIMITS = FetchLimits(connect_s=0.3, answer_s=0.5, total_s=2.0)


class Names:
    """A resolver that answers from a script: host → one answer a look-up; the last is repeated."""

    def __init__(self, **hosts: list[list[str]]) -> None:
        self._hosts = {name.replace("_", "."): answers for name, answers in hosts.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self._hosts.get(host)
        if answers is None:
            return [host]  # a numeric address stands for itself
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Recorder(httpcore.AsyncNetworkBackend):
    """Connects to nothing: remembers where a connection would have been made, and plays the server."""

    def __init__(self, *answers: bytes, unreachable: Iterable[str] = ()) -> None:
        self.made: list[tuple[str, int]] = []
        self._answers = list(answers)
        self._unreachable = set(unreachable)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        self.made.append((host, port))
        if host in self._unreachable:
            raise httpcore.ConnectError("nobody there")
        return httpcore.AsyncMockStream([self._answers.pop(0)])


def redirect_to(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def outcome_of(url: str, names: Names, recorder: Recorder, rules: AddressRules = NOBODY) -> Outcome:
    """What one request comes to."""

    async def one() -> Outcome:
        async with CheckedTransport(CheckedBackend(rules, names, recorder), 1) as transport:
            return await ask(transport, Job(url, url), LIMITS, rules.ports)

    return asyncio.run(one())


@pytest.mark.parametrize(
    "address",
    SPECIAL,
)
def test_no_connection_is_made_to_a_refused_address(address: str) -> None:
    recorder = Recorder()
    outcome = outcome_of("http://trap.example/a.jpg", Names(trap_example=[[address]]), recorder)
    assert isinstance(outcome, Failed)
    assert outcome.refused
    assert outcome.reason.startswith("refused: ")
    assert recorder.made == []


@pytest.mark.parametrize("order", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC]])
def test_one_refused_address_among_public_ones_is_enough(order: list[str]) -> None:
    recorder = Recorder()
    assert outcome_of("http://trap.example/", Names(trap_example=[order]), recorder).refused  # type: ignore[union-attr]
    assert recorder.made == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"])
def test_numeric_hosts_are_judged_too(host: str) -> None:
    recorder = Recorder()
    assert isinstance(outcome_of(f"http://{host}/", Names(), recorder), Failed)
    assert recorder.made == []


def test_the_connection_is_made_to_the_address_that_was_judged() -> None:
    """Rebinding: the name leads elsewhere the second time it is looked up, which helps nobody."""
    names = Names(rebinding_example=[[PUBLIC], ["127.0.0.1"]])
    recorder = Recorder(NOT_FOUND)
    outcome = outcome_of("http://rebinding.example/a.jpg", names, recorder)
    assert outcome == Failed("not found (404)")
    assert recorder.made == [(PUBLIC, 80)]
    assert names.asked == ["rebinding.example"]  # looked up once, and not again by whatever connects
    assert isinstance(outcome_of("http://rebinding.example/a.jpg", names, recorder), Failed)
    assert recorder.made == [(PUBLIC, 80)]


def test_every_redirect_is_judged() -> None:
    """Each hop is a request of its own, with its own look-up, judged like the first."""
    names = Names(public_example=[[PUBLIC]], trap_example=[["192.168.1.1"]])
    recorder = Recorder(redirect_to("http://trap.example/router"))
    first = outcome_of("http://public.example/a.jpg", names, recorder)
    assert recorder.made == [(PUBLIC, 80)]
    second = outcome_of(first.job.url, names, recorder)  # type: ignore[union-attr]
    assert isinstance(second, Failed)
    assert second.refused
    assert recorder.made == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "location",
    [
        "ftp://public.example/a",
        "file:///etc/passwd",
        "http://user:pass@public.example/",
        "http://public.example:22/",
        "//user@public.example/",
        "http://[::1",
        "https://",
    ],
)
def test_redirects_to_what_is_no_plain_web_address_end_there(location: str) -> None:
    recorder = Recorder(redirect_to(location))
    outcome = outcome_of("http://public.example/", Names(public_example=[[PUBLIC]]), recorder)
    assert isinstance(outcome, Failed)
    assert len(recorder.made) == 1


def test_ports_that_are_not_allowed_are_refused_at_the_connection_too() -> None:
    recorder = Recorder()
    backend = CheckedBackend(AddressRules(), Names(public_example=[[PUBLIC]]), recorder)
    with pytest.raises(AddressRefusedError, match="port 22"):
        asyncio.run(backend.connect_tcp("public.example", 22))
    with pytest.raises(AddressRefusedError):
        asyncio.run(backend.connect_unix_socket("/run/docker.sock"))
    assert recorder.made == []


def test_an_allowed_host_is_reached_at_its_private_address_and_no_other_host_is() -> None:
    rules = AddressRules.of(["shop.internal"])
    names = Names(shop_internal=[["10.0.0.7"]], evil_example=[["10.0.0.7"]])
    recorder = Recorder(NOT_FOUND)
    assert outcome_of("http://shop.internal/a", names, recorder, rules) == Failed("not found (404)")
    assert isinstance(outcome_of("http://evil.example/a", names, recorder, rules), Failed)
    assert recorder.made == [("10.0.0.7", 80)]


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    names = Names(public_example=[[OTHER_PUBLIC, PUBLIC]])
    recorder = Recorder(NOT_FOUND, unreachable=[OTHER_PUBLIC])
    assert outcome_of("http://public.example/", names, recorder) == Failed("not found (404)")
    assert recorder.made == [(OTHER_PUBLIC, 80), (PUBLIC, 80)]


def test_unknown_and_slow_names_may_be_tried_again() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(10)
        return []

    for resolve, word in ((unknown, "not known"), (slow, "no connection within")):
        outcome = outcome_of("http://a.example/", resolve, Recorder())  # type: ignore[arg-type]
        assert isinstance(outcome, Again)
        assert outcome.unreachable
        assert word in outcome.reason


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    recorder = Recorder(NOT_FOUND)
    outcome_of("http://public.example/", Names(public_example=[[PUBLIC]]), recorder)
    assert recorder.made == [(PUBLIC, 80)]


def test_tls_is_checked_against_the_name_not_the_address() -> None:
    seen: list[str | None] = []

    class Stream(httpcore.AsyncMockStream):
        async def start_tls(
            self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
        ) -> httpcore.AsyncNetworkStream:
            seen.append(server_hostname)
            assert ssl_context.check_hostname
            assert ssl_context.verify_mode.name == "CERT_REQUIRED"
            return self

    class Secure(Recorder):
        async def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> Any:
            self.made.append((host, port))
            return Stream([NOT_FOUND])

    recorder = Secure()
    outcome_of("https://public.example/", Names(public_example=[[PUBLIC]]), recorder)
    assert (recorder.made, seen) == ([(PUBLIC, 443)], ["public.example"])


def test_the_system_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    monkeypatch.setattr(connect, "_look_up", look_up)

    async def twice() -> None:
        resolver = SystemResolver()
        for host in ("a.example", "a.example", "b.example"):
            assert await resolver(host, 443) == [PUBLIC]
        resolver.close()

    asyncio.run(twice())
    assert asked == ["a.example", "b.example"]


def test_numbers_in_disguise_are_what_the_system_makes_of_them() -> None:
    """``2130706433`` and ``0x7f.1`` are names to a URL and 127.0.0.1 to a system: the result is judged."""

    async def look_up(host: str) -> list[str]:
        resolver = SystemResolver()
        try:
            return await resolver(host, 80)
        finally:
            resolver.close()

    for host in ("2130706433", "0x7f000001", "127.1", "0177.0.0.1"):
        try:
            addresses = asyncio.run(look_up(host))
        except OSError:
            continue  # a system that takes none of these is safe as well
        assert all(AddressRules().why_refused(host, address) for address in addresses)
