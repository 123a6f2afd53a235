"""`--engine ray --address HOST:PORT` tried for more than eight minutes, without a word, where nothing listened."""

from __future__ import annotations

import socket
import time

import pytest

from shelfwise.batch.on_ray import Actors, cluster
from shelfwise.errors import ShelfwiseError

ray = pytest.importorskip("ray")


@pytest.fixture(autouse=True)
def not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may have started a cluster in this process."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


@pytest.mark.parametrize("before", ["", "ray://"])
def test_is_told_at_once(before: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"{before}127.0.0.1:{taken.getsockname()[1]}"
        began = time.monotonic()
        with (
            pytest.raises(ShelfwiseError, match=f"no Ray cluster answers at {address}"),
            cluster(Actors(1, address)),
        ):
            pytest.fail("there is no cluster")
    assert time.monotonic() - began < 10


def test_nor_a_port_that_there_is_not() -> None:
    with (
        pytest.raises(ShelfwiseError, match="no Ray cluster answers"),
        cluster(Actors(1, "localhost:99999999")),
    ):
        pytest.fail("there is no cluster")
