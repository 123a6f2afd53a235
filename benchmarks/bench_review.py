"""The review desk under load: 100,000 products queued, 20 people at once, every page they use timed from outside.

The desk runs as a process of its own, on loopback, as `shelfwise review` starts it; the people are threads of two further
processes. Each person signs in, then reviews: most requests are decisions with the next product in the answer, between
them pictures, searches for categories, lists with filters, the numbers. Between two requests a person pauses, on average
as long as ``--pause`` says (0: none at all, which no person does). The products are made up: what is measured is the desk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from _common import Bar, Column, Result, arguments, show

PRODUCTS = 100_000
PEOPLE = 20
PROCESSES = 2
CATEGORIES = 10_000
TOKEN = "a token for the benchmark"
PAGE_MS = 150.0
SEARCH_MS = 100.0
_HIDDEN = re.compile(r'name="(csrf|product|arrival|taxonomy|ticket|query)" value="([^"]*)"')
_FIRST = re.compile(r'name="to" value="(\d+)" data-key="a"')

WAYS = (
    ("decide", 50),
    ("picture", 14),
    ("category search", 10),
    ("queue", 6),
    ("queue, text", 4),
    ("queue, category", 4),
    ("product by key", 4),
    ("queue, missing input", 3),
    ("undo", 2),
    ("numbers", 2),
    ("rules", 1),
)
"""What people ask for, and how often (of 100)."""


def main() -> None:
    """Queue, serve, load, print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"at once (default {PEOPLE})")
    parser.add_argument("--seconds", type=float, default=40.0, help="of load (default 40)")
    parser.add_argument(
        "--pause", type=float, default=0.25, help="seconds between two requests of a person (default 0.25)"
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="an empty PostgreSQL database (default: SQLite in a temporary folder)",
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-review-") as folder:
        database = args.database or str(Path(folder) / "review.db")
        queued_s = _queue(Path(folder), database, args.products or PRODUCTS, args.seed)
        port = _free_port()
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import bench_review; "
            f"bench_review.serve_desk({database!r}, {port}, {args.seed})"
        )
        served = subprocess.Popen([sys.executable, "-c", code])
        try:
            _wait(port, served)
            _load(port, args, warm=True)
            times, decided = _load(port, args, warm=False)
        finally:
            served.terminate()
            served.wait()
    _show(args, queued_s, times, decided)


def _show(
    args: argparse.Namespace, queued_s: float, times: dict[str, list[float]], decided: list[str]
) -> None:
    rows: list[dict[str, str | float | int | None]] = []
    everything = [one for found in times.values() for one in found]
    for name, found in [("every request", everything), *sorted(times.items())]:
        rows.append(
            {"page": name, "requests": len(found), **{f"p{q} ms": _quantile(found, q) for q in (50, 95, 99)}}
        )
    worst = max(_quantile(found, 95) for name, found in times.items() if len(found) >= 20)
    result = Result(
        "The review desk under load",
        f"{args.products or PRODUCTS:,} made-up products, {CATEGORIES:,} categories",
        [Column("page"), Column("requests", ","), *(Column(f"p{q} ms", ".1f") for q in (50, 95, 99))],
        facts={"queued": args.products or PRODUCTS, "decided": len(decided)},
        rows=rows,
        bars=[
            Bar("slowest page (of at least 20 requests), p95 in ms", worst, PAGE_MS, "at most", ".1f"),
            Bar(
                "search over 10,000 categories, p95 in ms",
                _quantile(times["category search"], 95),
                SEARCH_MS,
                "at most",
                ".1f",
            ),
            Bar("products decided twice", float(len(decided) - len(set(decided))), 0.0, "at most", ".0f"),
        ],
        notes=[
            f"{args.people} people at once, each pausing {args.pause:g} s on average: "
            f"{len(everything) / args.seconds:.0f} requests a second.",
            f"Database: {'PostgreSQL' if args.database else 'SQLite'}. Queueing took {queued_s:.1f} s.",
            f"Load average of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
            "The load comes from the same machine, so it takes processor time from the desk.",
        ],
    )
    show(result, args)


def _card(seed: int):  # type: ignore[no-untyped-def]
    from shelfwise.review.categories import Categories
    from shelfwise.review.model_card import ModelCard

    chance = random.Random(seed)
    words = [
        "".join(chance.choice("bdfgklmnprst") + chance.choice("aeiou") for _ in range(3)) for _ in range(700)
    ]
    paths: dict[tuple[str, ...], int] = {}
    while len(paths) < CATEGORIES:
        path = (
            words[chance.randrange(20)],
            words[chance.randrange(400)],
            f"{chance.choice(words)} {chance.choice(words)}",
        )
        for depth in (1, 2, 3):
            paths.setdefault(path[:depth], chance.randrange(50))
    leaves = {path: count for path, count in paths.items() if len(path) == 3}
    return ModelCard(
        "bench", False, Categories.from_names(list(paths)[: CATEGORIES + 10], leaves), 0.95, 0.6, leaves
    )


def _queue(folder: Path, database: str, count: int, seed: int) -> float:
    """Write predictions and a catalog, and put them in the queue; seconds that queueing took."""
    from shelfwise.batch.write import PredictionWriter
    from shelfwise.catalog import Catalog
    from shelfwise.predictions import Alternative, Prediction
    from shelfwise.progress import Silent
    from shelfwise.review.arrivals import add_model, queue_file
    from shelfwise.review.database import Database
    from shelfwise.review.people import EVERYONE, set_token
    from shelfwise.review.product_fields import ProductFields

    card = _card(seed)
    chance = random.Random(seed + 1)
    leaves = [path for path in card.categories.all if len(path) == 3]
    words = sorted({word for path in leaves for name in path for word in name.split()})
    with PredictionWriter(folder / "predictions.parquet", False) as writer:
        for start in range(0, count, 5_000):
            block = []
            for number in range(start, min(start + 5_000, count)):
                sure = chance.random()
                others = tuple(Alternative(chance.choice(leaves), (1 - sure) / 4) for _ in range(4))
                state = {
                    "title": "present",
                    "brand": "present",
                    "image": "absent" if number % 9 == 0 else "present",
                }
                decision = "accept" if sure > 0.9 else "review"
                block.append(
                    Prediction(
                        f"{number:07d}",
                        chance.choice(leaves),
                        sure,
                        (sure, sure, sure),
                        decision,
                        "" if sure > 0.9 else "confidence is below 0.900",
                        others,
                        state,
                    )
                )
            writer.write(block)
    with (folder / "catalog.csv").open("w", encoding="utf-8") as stream:
        stream.write("id,title,brand,description,price\n")
        for number in range(count):
            title = " ".join(chance.choice(words) for _ in range(6))
            text = " ".join(chance.choice(words) for _ in range(25))
            stream.write(f"{number:07d},{title},{chance.choice(words)},{text},{chance.random() * 100:.2f}\n")
    shop = ProductFields(Catalog.read(str(folder / "catalog.csv"), id="id"))
    began = time.perf_counter()
    store = Database(database)
    queue_file(store, folder / "predictions.parquet", card, add_model(store, card), shop, Silent())
    took = time.perf_counter() - began
    with store.write() as connection:
        set_token(connection, EVERYONE, TOKEN, time.time())
    store.close()
    return took


def serve_desk(database: str, port: int, seed: int) -> None:
    """The desk's own process."""
    from shelfwise.review.arrivals import add_model
    from shelfwise.review.database import Database
    from shelfwise.review.desk import Desk
    from shelfwise.review.listening import listen
    from shelfwise.review.product_fields import ProductFields
    from shelfwise.review.run import serve

    card = _card(seed)
    store = Database(database)
    serve(
        Desk(store, card, add_model(store, card), ProductFields(None)),
        listen("127.0.0.1", port),
        loopback=True,
    )


@dataclass
class Person:
    """One person at the desk, over one kept-alive connection."""

    name: str
    port: int
    pause_s: float
    until: float
    chance: random.Random
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    decided: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    cookie: str = ""

    def work(self) -> None:
        """Sign in, and do what people do until the time is over."""
        time.sleep(self.chance.random() * min(2.0, 8 * self.pause_s))  # people do not come all at once
        self.wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        status, headers, text = self.ask(
            "", "POST", "/sign-in", {"name": self.name, "token": TOKEN, "next": "/"}
        )
        assert status == 303, text
        self.cookie = headers["set-cookie"].split(";")[0]
        self.review("")
        names, weights = zip(*WAYS, strict=True)
        while time.monotonic() < self.until:
            if self.pause_s:
                time.sleep(self.chance.expovariate(1 / self.pause_s))
            self.once(self.chance.choices(names, weights)[0])

    def once(self, way: str) -> None:
        """One request of a kind."""
        syllable = self.chance.choice("bdfgklmnprst") + self.chance.choice("aeiou")
        address = {
            "picture": f"/picture/medium/{self.chance.randrange(1, 1000)}",
            "category search": f"/categories?q={syllable}+{self.chance.choice('bdk')}",
            "queue": "/",
            "queue, text": f"/?text={syllable}{self.chance.choice('bdk')}",
            "queue, category": f"/?category={self.chance.randrange(5000)}",
            "queue, missing input": "/?missing=image",
            "numbers": "/numbers",
            "rules": "/rules",
        }.get(way)
        if way == "decide":
            self.decide()
        elif way == "undo":
            self.undo()
        elif way == "product by key":
            self.review(way)
        else:
            status, _, text = self.ask(way, "GET", address or "/")
            assert status in (200, 404), text

    def review(self, name: str) -> None:
        status, _, text = self.ask(name or "review", "GET", "/review")
        assert status == 200, text
        self.forms = [
            _form(part) for part in text.split('<template id="upcoming">') if 'name="ticket"' in part
        ]

    def decide(self) -> None:
        if not self.forms:
            self.review("")
        form = self.forms.pop(0)
        held = {"held": self.forms[0]["product"]} if self.forms else {}
        status, _, text = self.ask("decide", "POST", "/decide", form | held, {"x-desk": "1"})
        assert status == 200, text
        self.decided.append(form["product"])
        self.forms.append(_form(json.loads(text)["upcoming"]))

    def undo(self) -> None:
        if not self.decided or not self.forms:
            return
        status, _, text = self.ask("undo", "POST", "/undo", {"csrf": self.forms[0]["csrf"], "query": ""})
        assert status == 303, text
        self.decided.pop()
        self.review("")

    def ask(
        self,
        name: str,
        method: str,
        address: str,
        form: dict[str, str] | None = None,
        more: dict[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """One request, timed until its last byte."""
        headers = {"cookie": self.cookie, **(more or {})}
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(form) if form is not None else None
        began = time.perf_counter()
        self.wire.request(method, address, body, headers)
        answer = self.wire.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if name:
            self.times[name].append((time.perf_counter() - began) * 1_000)
        return answer.status, answer.headers, text


def _form(page: str) -> dict[str, str]:
    form = dict(_HIDDEN.findall(page))
    form["to"] = _FIRST.search(page).group(1)  # type: ignore[union-attr]
    return form


def _some(port: int, first: int, count: int, seconds: float, pause_s: float, seed: int, answers) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + seconds
    people = [
        Person(f"Person {number}", port, pause_s, until, random.Random(seed * 1000 + number))
        for number in range(first, first + count)
    ]
    threads = [threading.Thread(target=one.work) for one in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    answers.put([(dict(one.times), one.decided) for one in people])


def _load(port: int, args: argparse.Namespace, warm: bool) -> tuple[dict[str, list[float]], list[str]]:
    seconds = 3.0 if warm else args.seconds
    answers = multiprocessing.Queue()  # type: ignore[var-annotated]
    share = -(-args.people // PROCESSES)
    groups = [(first, min(share, args.people - first)) for first in range(0, args.people, share)]
    seed = args.seed + (10_000 if warm else 0)
    workers = [
        multiprocessing.Process(target=_some, args=(port, first, count, seconds, args.pause, seed, answers))
        for first, count in groups
    ]
    for one in workers:
        one.start()
    found = [part for _ in workers for part in answers.get(timeout=seconds + 120)]
    for one in workers:
        one.join()
    if len(found) != args.people:
        sys.exit("not everybody came through: see above")
    times: dict[str, list[float]] = defaultdict(list)
    for each, _ in found:
        for name, values in each.items():
            times[name] += values
    return times, [product for _, decided in found for product in decided]


def _quantile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _wait(port: int, served: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if served.poll() is not None:
            sys.exit("the desk ended by itself: see above")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("the desk did not come up within a minute")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
