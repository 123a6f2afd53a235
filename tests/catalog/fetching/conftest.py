"""A shop's image server on loopback, and a way to fetch from it: nothing here leaves this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.insert(0, str(BENCHMARKS))

from _image_server import ImageServer  # noqa: E402

from shelfwise.catalog.fetching.addresses import AddressRules  # noqa: E402
from shelfwise.catalog.fetching.fill import Filling  # noqa: E402
from shelfwise.catalog.fetching.limits import FetchLimits  # noqa: E402
from shelfwise.catalog.fetching.options import FetchOptions  # noqa: E402
from shelfwise.catalog.fetching.plan import AskFor  # noqa: E402
from shelfwise.catalog.fetching.records import Result  # noqa: E402
from shelfwise.catalog.fetching.store import ImageStore  # noqa: E402
from shelfwise.progress import Silent  # noqa: E402

QUICK = FetchLimits(
    rate=1000.0,
    first_wait_s=0.02,
    longest_wait_s=1.5,
    connect_s=1.0,
    answer_s=0.4,
    total_s=1.2,
    patience_s=0.3,
    body_bytes=2 << 20,
)
"""Limits under which even what never ends is over soon."""

Fetch = Callable[..., dict[str, Result]]


@pytest.fixture
def server() -> Iterator[ImageServer]:
    """The server, also listening where nobody may come."""
    with ImageServer(also_on=("127.0.0.2",)) as running:
        yield running


@pytest.fixture
def options(server: ImageServer, tmp_path: Path) -> FetchOptions:
    """What allows exactly that server."""
    rules = AddressRules.of(["127.0.0.1"], [server.port])
    return FetchOptions(tmp_path / "store", rules, QUICK)


@pytest.fixture
def fetch(options: FetchOptions) -> Fetch:
    """Fetches URLs into the store, in a run of its own unless ``run`` says which; gives what became of each."""

    def run_once(
        *urls: str, run: int | None = None, refresh: bool = False, **limits: object
    ) -> dict[str, Result]:
        chosen = replace(options, limits=replace(QUICK, **limits))  # type: ignore[arg-type]
        store = ImageStore(options.store or Path(), options.max_side)
        results: dict[str, Result] = {}
        with store.filling(Silent()):
            number = run or store.index.begin_run("test")
            Filling(store, chosen, Silent()).fill(urls, AskFor(number, refresh), results)
            store.index.finish_run(number)
        store.close()
        return results

    return run_once
