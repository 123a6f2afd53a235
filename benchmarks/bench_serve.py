"""`shelfwise serve` under load: products a second for 50 clients at once beside one after the other, and the time of one product
with a picture beside the network's own time.

The service is a process of its own, as the command line starts it; the clients are processes too, over kept-alive connections.
Two models are trained on a made-up store first: one of texts, and one that also reads pictures by the data folder's MobileNetV2.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from _common import Bar, Column, Result, add_image_model, arguments, image_model, limit_threads, show

CLIENTS = 50
PROCESSES = 2
LEAST_RATIO = 5.0
MOST_TIMES = 3.0
PICTURE_PIXELS = 500
STORE_PRODUCTS = 400
TARGET = "category_path"


def main() -> None:
    """Train, serve, ask, print."""
    parser = arguments(__file__, "shelfwise serve under load, and the latency of one product with a picture")
    add_image_model(parser)
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"at once (default {CLIENTS})")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (default 10)")
    parser.add_argument("--pictures", type=int, default=200, help="requests with a picture (default 200)")
    args = parser.parse_args()
    limit_threads(args.threads)
    backbone = image_model(args)
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        store = _store(Path(folder), args.seed)
        rows, bars, notes = _texts(args, store, Path(folder))
        more_rows, more_bars, more_notes = _pictures(args, store, Path(folder), backbone)
    show(
        Result(
            "The service under load",
            f"{STORE_PRODUCTS} made-up products to train on, as `shelfwise demo` makes them",
            [
                Column("load"),
                Column("requests", ","),
                Column("failed", ","),
                Column("products/s", ",.0f"),
                Column("p50 ms", ".1f"),
                Column("p95 ms", ".1f"),
                Column("p99 ms", ".1f"),
            ],
            facts={"clients": args.clients},
            rows=rows + more_rows,
            bars=bars + more_bars,
            notes=[
                *notes,
                *more_notes,
                f"Load average at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
            ],
        ),
        args,
    )


def _store(folder: Path, seed: int):  # type: ignore[no-untyped-def]
    from shelfwise.demo import generate_store

    return generate_store(folder / "store", products=STORE_PRODUCTS, seed=seed)


def _train(catalog: Path, model: Path, inputs: str, threads: int, *more: str) -> None:
    command = [
        "train",
        str(catalog),
        "--target",
        TARGET,
        "--inputs",
        inputs,
        "--recipe",
        "fast",
        "-o",
        str(model),
    ]
    _run([*command, "--quiet", *more], threads)


def _run(arguments_: Sequence[str], threads: int) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(
        [sys.executable, "-m", "shelfwise", *arguments_],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


class _Served:
    """A service in a process of its own."""

    def __init__(self, model: Path, threads: int) -> None:
        self._command = [sys.executable, "-m", "shelfwise", "serve", str(model), "--port", "0"]
        self._environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}

    def __enter__(self) -> int:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, env=self._environment
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            if found:
                return int(found.group(1))
        sys.exit("the service did not come up: see above")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)


def _ask(wire: http.client.HTTPConnection, body: bytes) -> tuple[bool, float]:
    """Whether one request was answered with its predictions, and in how many seconds."""
    began = time.perf_counter()
    wire.request("POST", "/v1/predict", body, {"content-type": "application/json"})
    answer = wire.getresponse()
    text = answer.read()
    took = time.perf_counter() - began
    return answer.status == 200 and json.loads(text)["predictions"][0]["decision"] != "failed", took


def _client(port: int, bodies: Sequence[bytes], until: float, found: list[tuple[bool, float]]) -> None:
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    place = 0
    while time.monotonic() < until:
        found.append(_ask(wire, bodies[place % len(bodies)]))
        place += 1


def _some(port: int, bodies: Sequence[bytes], clients: int, seconds: float, answers) -> None:  # type: ignore[no-untyped-def]
    found: list[tuple[bool, float]] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(port, bodies[number:] + bodies[:number], until, found))
        for number in range(clients)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    answers.put(found)


def _load(port: int, bodies: list[bytes], clients: int, seconds: float) -> list[tuple[bool, float]]:
    """What ``clients`` at once got, each asking again as soon as it is answered."""
    answers = multiprocessing.Queue()  # type: ignore[var-annotated]
    processes = min(PROCESSES, clients)
    shares = [clients // processes + (number < clients % processes) for number in range(processes)]
    workers = [
        multiprocessing.Process(target=_some, args=(port, bodies, share, seconds, answers))
        for share in shares
    ]
    for one in workers:
        one.start()
    found = [one for _ in workers for one in answers.get(timeout=seconds + 120)]
    for one in workers:
        one.join()
    return found


def _row(
    name: str, found: Sequence[tuple[bool, float]], seconds: float
) -> dict[str, str | float | int | None]:
    times = sorted(took * 1_000 for _, took in found)
    return {
        "load": name,
        "requests": len(found),
        "failed": sum(not good for good, _ in found),
        "products/s": len(found) / seconds,
        **{
            f"p{percent} ms": times[min(len(times) - 1, len(times) * percent // 100)]
            for percent in (50, 95, 99)
        },
    }


def _texts(args: argparse.Namespace, store, folder: Path):  # type: ignore[no-untyped-def]
    from shelfwise import Catalog

    _train(store.catalog, folder / "texts", "title,description,brand,price", args.threads)
    catalog = Catalog.read(str(store.held_out))
    names = ("title", "description", "brand", "price")
    bodies = [
        json.dumps({"fields": {name: row[name] for name in names if row[name] is not None}}).encode()
        for row in catalog.table.to_pylist()
    ]
    with _Served(folder / "texts", args.threads) as port:
        _load(port, bodies, 4, 1.0)
        single = _row("one client", _load(port, bodies, 1, args.seconds), args.seconds)
        many = _row(f"{args.clients} clients", _load(port, bodies, args.clients, args.seconds), args.seconds)
    ratio = float(many["products/s"]) / float(single["products/s"])
    bars = [
        Bar(
            f"products/s of {args.clients} clients, in units of one client's", ratio, LEAST_RATIO, form=".2f"
        ),
        Bar("requests that failed", float(single["failed"] + many["failed"]), 0.0, "at most", ".0f"),
    ]
    return [single, many], bars, ["One product a request, texts only, for one client and for many."]


def _pictures(args: argparse.Namespace, store, folder: Path, backbone: str):  # type: ignore[no-untyped-def]
    _train(store.catalog, folder / "pictures", "title,brand,image", args.threads, "--image-model", backbone)
    bodies = [_picture_body(number) for number in range(args.pictures)]
    own_s = _own_time(backbone, args.threads)
    with _Served(folder / "pictures", args.threads) as port:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(10):
            _ask(wire, _picture_body(-1 - number))
        began = time.perf_counter()
        found = [_ask(wire, body) for body in bodies]
        row = _row(f"one client, a picture of {PICTURE_PIXELS} px", found, time.perf_counter() - began)
    times = float(row["p99 ms"]) / 1_000 / own_s
    bars = [
        Bar(
            "p99 of one product with a picture, in units of the network's own time",
            times,
            MOST_TIMES,
            "at most",
            ".2f",
        )
    ]
    note = (
        f"The network's own time: {own_s * 1_000:.1f} ms, the median of 50 passes of one picture of 224 x 224 pixels through the "
        "backbone in PyTorch, in a process with as many threads."
    )
    return [row], bars, [note]


def _picture_body(number: int) -> bytes:
    """A product with a photo-like JPEG of its own."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(number + 1_000_000)
    coarse = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((PICTURE_PIXELS, PICTURE_PIXELS), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    fields = {"title": f"cotton shirt {number}", "brand": "Acme"}
    return json.dumps({"fields": fields, "image": base64.b64encode(stream.getvalue()).decode()}).encode()


def _own_time(backbone: str, threads: int) -> float:
    """Seconds of one picture's pass through the backbone by itself, in a process of its own."""
    code = (
        "import sys, time, torch, transformers\n"
        "torch.set_num_threads(int(sys.argv[2]))\n"
        "model = transformers.AutoModel.from_pretrained(sys.argv[1]).eval().to(memory_format=torch.channels_last)\n"
        "x = torch.rand(1, 3, 224, 224).to(memory_format=torch.channels_last)\n"
        "times = []\n"
        "with torch.inference_mode():\n"
        "    for _ in range(60):\n"
        "        began = time.perf_counter()\n"
        "        model(pixel_values=x, output_hidden_states=True)\n"
        "        times.append(time.perf_counter() - began)\n"
        "print(sorted(times[10:])[25])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, backbone, str(threads)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
