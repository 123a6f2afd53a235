"""Fetching images: how close to the ideal among broken and hostile addresses, and what ten kills cost."""

from __future__ import annotations

import csv
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from _common import Bar, Column, Result, arguments, limit_threads, show

SERVER = Path(__file__).with_name("_image_server.py")
ELSEWHERE = "127.0.0.2"
"""A loopback address that is not allowed: whoever connects there has been tricked."""
STUDIES = ("a", "b")
HOSTILE_PRODUCTS, IMAGES, KILLS = 1_000, 30_000, 10
BAD_SHARE = 0.1
ANSWER_S = 0.02
"""How long the server takes for a good image."""

# The limits of study a, as given to the command, and what follows from them.
RATE, PER_HOST, CONCURRENCY, TIMEOUT_S, ATTEMPTS = 50.0, 16, 48, 5.0, 4
BACKOFF_S = (0.5 + 1.0 + 2.0) * 0.5
"""The shortest that three waits between four attempts can be."""
MOST_RATIO = 2.0

COLUMNS = [
    Column("study"),
    Column("products", ",d"),
    Column("ok", ",d"),
    Column("failed", ",d"),
    Column("requests", ",d"),
    Column("wall s", ".1f"),
    Column("ideal s", ".1f"),
    Column("wall / ideal", ".2f"),
    Column("images/s", ",.0f"),
    Column("repeated", ",d"),
]


@dataclass(frozen=True)
class Kind:
    """A kind of bad address: its path, whether an image comes all the same, and what it cannot do without.

    ``requests`` at our server; ``busy_s`` of one of its places; ``chain_s`` from the first request to the end.
    """

    path: str
    fine: bool = False
    requests: int = 1
    busy_s: float = 0.0
    chain_s: float = 0.0


TRIES = {"requests": ATTEMPTS, "chain_s": BACKOFF_S}
KINDS = (
    Kind("missing/{}"),
    Kind("html/{}"),
    Kind("pixels/{}"),
    Kind("huge/{}"),
    Kind("endless/{}"),
    Kind("bomb/{}"),
    Kind("loop/{}", requests=6),
    Kind("hops/3/{}", fine=True, requests=4),
    Kind("busy/1/1/{}", fine=True, requests=2, chain_s=1.0),
    Kind("drip/{}", busy_s=TIMEOUT_S, chain_s=TIMEOUT_S),
    Kind("hang/{}", busy_s=TIMEOUT_S, chain_s=TIMEOUT_S),
    Kind("cut/{}", **TRIES),
    Kind("reset/{}", **TRIES),
    Kind("garbage/{}", **TRIES),
    Kind("headers/{}", **TRIES),
    Kind("error/{}", **TRIES),
)
PRIVATE = (
    "http://{elsewhere}:{port}/image/{number}",
    "http://[::ffff:{elsewhere}]:{port}/image/{number}",
    "http://2130706434:{port}/image/{number}",
    "http://user:secret@{elsewhere}:{port}/image/{number}",
    "http://169.254.169.254/latest/meta-data/{number}",
    "http://[::1]:{port}/image/{number}",
    "ftp://{elsewhere}/image/{number}",
)


@dataclass(frozen=True)
class Product:
    """One row of the catalog and what should come of it."""

    url: str
    fine: bool
    requests: int = 1
    busy_s: float = ANSWER_S
    chain_s: float = ANSWER_S


class Server:
    """The image server in a process of its own."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._read())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def tell(self, what: str) -> dict[str, Any]:
        """What was asked so far: "total", or "all" with every path."""
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return json.loads(self._read())  # type: ignore[no-any-return]

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def workplace() -> Iterator[tuple[Server, Path]]:
    """A server and an empty folder."""
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        yield server, Path(folder)


def fetch_command(
    catalog: Path, folder: Path, server: Server, rate: float, per_host: int, all: int
) -> list[str]:
    """The command as a user would type it."""
    return [
        *(sys.executable, "-m", "shelfwise", "fetch", str(catalog), "-o", str(folder), "--quiet"),
        *("--allow-host", "127.0.0.1/32", "--allow-port", str(server.port)),
        *("--rate", str(rate), "--per-host", str(per_host), "--concurrency", str(all)),
        *("--timeout", str(TIMEOUT_S)),
    ]


def write_catalog(path: Path, urls: list[str]) -> None:
    """Products with an id, a title and an address."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "image_url"])
        writer.writerows([f"p{number}", f"product {number}", url] for number, url in enumerate(urls))


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's manifest."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hostile_products(count: int, port: int, seed: int) -> list[Product]:
    """Nine in ten good; the others of every kind in turn, a third of them leading to what is private."""
    here = f"http://127.0.0.1:{port}/"
    bad = round(count * BAD_SHARE)
    products = [
        Product(f"{here}wait/{round(ANSWER_S * 1000)}/{number}", fine=True) for number in range(count - bad)
    ]
    kinds, private = itertools.cycle(KINDS), itertools.cycle(PRIVATE)
    for number in range(bad):
        target = (
            next(private).format(elsewhere=ELSEWHERE, port=port, number=number) if number % 3 == 0 else ""
        )
        if target and number % 2:
            products.append(Product(f"{here}to/302/{quote(target, safe='')}", fine=False))
        elif target:
            products.append(Product(target, fine=False, requests=0, busy_s=0.0, chain_s=0.0))
        else:
            kind = next(kinds)
            url = here + kind.path.format(number)
            products.append(Product(url, kind.fine, kind.requests, kind.busy_s, kind.chain_s))
    random.Random(seed).shuffle(products)
    return products


def ideal_s(products: list[Product]) -> float:
    """The least time in which the limits of study a allow all that must be asked of the one host.

    It is the largest of: requests at the allowed rate; occupied places over those there are; the longest single
    image.
    """
    return max(
        sum(product.requests for product in products) / RATE,
        sum(product.busy_s for product in products) / PER_HOST,
        max(product.chain_s for product in products),
    )


def measure_hostile(result: Result, count: int, seed: int) -> None:
    """Study a: a catalog with a tenth of bad addresses, fetched once."""
    print("a: hostile addresses ...", file=sys.stderr, flush=True)
    with workplace() as (server, place):
        products = hostile_products(count, server.port, seed)
        catalog, folder = place / "catalog.csv", place / "images"
        write_catalog(catalog, [product.url for product in products])
        started = time.perf_counter()
        subprocess.run(
            fetch_command(catalog, folder, server, RATE, PER_HOST, CONCURRENCY),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - started
        asked = server.tell("all")
        rows = read_manifest(folder)
    expected = ["ok" if product.fine else "failed" for product in products]
    states = [row["state"] for row in rows]
    kept = [row["id"] for row in rows] == [f"p{number}" for number in range(count)]
    right = sum(state == wanted for state, wanted in zip(states, expected, strict=False)) / count
    ideal = ideal_s(products)
    result.rows.append(
        {
            "study": "a: a tenth bad",
            "products": len(rows),
            "ok": states.count("ok"),
            "failed": states.count("failed"),
            "requests": asked["total"],
            "wall s": wall,
            "ideal s": ideal,
            "wall / ideal": wall / ideal,
            "images/s": states.count("ok") / wall,
        }
    )
    result.notes += [
        f"a: {RATE:g} requests/s and {PER_HOST} at once at the one host, {CONCURRENCY} in all, {TIMEOUT_S:g} s an "
        f"image, {ATTEMPTS} attempts; a good answer takes {ANSWER_S * 1000:g} ms. Wall time is of the whole command.",
        "a: ideal is the largest of requests over rate, occupied places over places, and the longest image.",
    ]
    result.bars += [
        Bar("a: products in the manifest, in order, of those in the catalog", float(kept), 1.0, form=".0f"),
        Bar("a: products whose image ended as it should", right, 1.0),
        Bar("a: connections to addresses that are not allowed", asked["trespasses"], 0, "at most", ".0f"),
        Bar("a: wall time in units of the ideal", wall / ideal, MOST_RATIO, "at most", ".2f"),
    ]


def measure_kills(result: Result, count: int, seed: int) -> None:
    """Study b: good images only, the process killed ten times on the way and started again each time."""
    chance = random.Random(seed)
    rate, per_host, concurrency = 100_000.0, 16, 32
    with workplace() as (server, place):
        urls = [f"http://127.0.0.1:{server.port}/image/{number}" for number in range(count)]
        catalog, folder = place / "catalog.csv", place / "images"
        write_catalog(catalog, urls)
        command = fetch_command(catalog, folder, server, rate, per_host, concurrency)
        safe: dict[str, int] = {}
        fetched_again = rows_lost = 0
        started = time.perf_counter()
        for kill in range(KILLS):
            print(f"b: kill {kill + 1} of {KILLS} ...", file=sys.stderr, flush=True)
            moment = count * (kill + chance.random()) / KILLS * 0.98
            _run_until(command, server, moment)
            asked = server.tell("all")["requests"]
            fetched_again += sum(asked[path] > times for path, times in safe.items())
            safe = {path: asked[path] for path in _stored(folder, urls)}
            rows_lost += count - len(read_manifest(folder))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - started
        told = server.tell("all")
        asked = told["requests"]
        fetched_again += sum(asked[path] > times for path, times in safe.items())
        rows = read_manifest(folder)
    rows_lost += count - len(rows)
    fine = sum(row["state"] == "ok" for row in rows)
    repeated = sum(asked.values()) - count
    result.rows.append(
        {
            "study": f"b: {KILLS} kills",
            "products": len(rows),
            "ok": fine,
            "failed": len(rows) - fine,
            "requests": told["total"],
            "wall s": wall,
            "images/s": fine / wall,
            "repeated": repeated,
        }
    )
    result.notes.append(
        f"b: {per_host} requests at once; killed with SIGKILL at random moments, {KILLS + 1} processes in all, whose "
        "starts are in the wall time. repeated: requests whose answer had not come whole when the process was killed."
    )
    result.bars += [
        Bar("b: images fetched again after they were stored", fetched_again, 0, "at most", ".0f"),
        Bar(
            "b: requests on the wire at a kill, which come again",
            repeated / KILLS,
            per_host,
            "at most",
            ".1f",
        ),
        Bar("b: rows lost", rows_lost, 0, "at most", ".0f"),
        Bar("b: products with their image", fine / count, 1.0),
    ]


def _run_until(command: list[str], server: Server, requests: float) -> None:
    """Run the command until the server has had so many requests in all, then kill it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    before = server.tell("total")["total"]
    while process.poll() is None:
        total = server.tell("total")["total"]
        if total > before and total >= requests:
            break
        time.sleep(0.005)
    process.kill()
    process.wait()
    time.sleep(0.3)  # until the server has seen it


def _stored(folder: Path, urls: list[str]) -> list[str]:
    """The paths of the URLs whose image the store has."""
    from shelfwise.catalog.fetching.index import Index
    from shelfwise.catalog.fetching.store import INDEX_NAME

    index = Index(folder / INDEX_NAME)
    known = index.look_up(urls)
    index.close()
    return ["/" + url.split("/", 3)[3] for url in known]


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="only these")
    args = parser.parse_args()
    limit_threads(args.threads)
    result = Result("Fetching images", "made up: a local server, pictures of 500 × 375 pixels", COLUMNS)
    if "a" in args.studies:
        count = min(args.products or HOSTILE_PRODUCTS, HOSTILE_PRODUCTS)
        result.facts["a"] = count
        measure_hostile(result, count, args.seed)
    if "b" in args.studies:
        count = args.products or IMAGES
        result.facts["b"] = count
        measure_kills(result, count, args.seed)
    show(result, args)


if __name__ == "__main__":
    main()
