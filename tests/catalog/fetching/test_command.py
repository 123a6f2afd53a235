"""`shelfwise fetch` as people run it: killed at any moment it goes on, and every product keeps its row."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _image_server import ImageServer

from shelfwise.catalog.fetching import options as fetch_options
from shelfwise.catalog.fetching.index import Index
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.records import Found
from shelfwise.catalog.fetching.store import DEFAULT_SIDE, INDEX_NAME

Shelfwise = Callable[..., Any]


def write_catalog(path: Path, urls: list[str]) -> Path:
    lines = [f"p{number},shoe {number},{url}" for number, url in enumerate(urls)]
    path.write_text("id,title,image_url\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def arguments(catalog: Path, folder: Path, server: ImageServer, *more: str) -> list[str]:
    allowed = ["--allow-host", "127.0.0.1", "--allow-port", str(server.port)]
    return ["fetch", str(catalog), "-o", str(folder), "--rate", "1000", *allowed, *more]


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def start(command: list[str]) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "shelfwise", *command]
    # A test run in the background ignores Ctrl-C, and so would everything that it starts.
    return subprocess.Popen(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not condition() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)


def test_every_product_has_its_row_and_the_table_tells(
    server: ImageServer, tmp_path: Path, shelfwise: Shelfwise
) -> None:
    paths = ["image/1", "missing/1", "missing/2", "image/1", "html/1", "large/1"]
    urls = [*(server.url(path) for path in paths), "", "ftp://a/b.jpg"]
    catalog = write_catalog(tmp_path / "c.csv", urls)
    done = shelfwise(*arguments(catalog, tmp_path / "out", server, "--max-side", "64"))
    assert (done.status, done.err) == (0, "")
    rows = manifest(tmp_path / "out")
    assert [row["state"] for row in rows] == [
        "ok",
        "failed",
        "failed",
        "ok",
        "failed",
        "ok",
        "absent",
        "failed",
    ]
    assert [row["id"] for row in rows] == [f"p{number}" for number in range(8)]
    assert [row["url"] for row in rows] == urls
    for row in rows:
        if row["state"] == "ok":
            assert (tmp_path / "out" / row["image"]).stat().st_size == int(row["bytes"])
            assert int(row["width"]) == 64
    for words in (
        "products          8\n",
        "ok                3\n",
        "failed            4\n",
        "not found (404)",
    ):
        assert words in done.out
    # The manifest is a catalog whose images are found.
    found = shelfwise("inspect", tmp_path / "out" / "manifest.csv", "--image", "image", "--json")
    assert '"found": 3' in found.out


def test_what_failed_is_tried_again_by_the_next_run(
    server: ImageServer, tmp_path: Path, shelfwise: Shelfwise
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [server.url("image/1"), server.url("missing/1")])
    for _ in range(2):
        shelfwise(*arguments(catalog, tmp_path / "out", server))
    assert server.asked.requests == {"/image/1": 1, "/missing/1": 2}
    done = shelfwise(*arguments(catalog, tmp_path / "out", server, "--refresh"))
    assert done.status == 0
    assert server.asked.requests == {"/image/1": 2, "/missing/1": 3}


def test_killed_at_random_it_goes_on_and_fetches_nothing_twice(server: ImageServer, tmp_path: Path) -> None:
    """Only requests that were on the wire at a kill may come again: never more than --per-host a host."""
    count, per_host, kills = 200, 5, 4
    paths = [f"wait/{5 + number % 20}/{number}" for number in range(count - 8)]
    paths += [f"missing/{number}" for number in range(8)]
    random.Random(0).shuffle(paths)
    ids = [f"p{number}" for number in range(count)]
    catalog = write_catalog(tmp_path / "c.csv", [server.url(path) for path in paths])
    folder = tmp_path / "out"
    command = arguments(catalog, folder, server, "--per-host", str(per_host), "--quiet")
    chance = random.Random()
    requests = server.asked.requests
    safe: dict[str, int] = {}  # path → requests for it, when it was found in the index
    for kill in range(kills):
        enough = sum(requests.values()) + chance.randrange(1, count // (kills + 2))
        process = start(command)
        wait_for(lambda enough=enough: sum(requests.values()) >= enough, process)
        time.sleep(chance.random() * 0.03)
        process.kill()
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err
        time.sleep(0.2)  # until the server has noticed
        index = Index(folder / INDEX_NAME)
        stored = index.look_up(server.url(path) for path in paths)
        index.close()
        assert len(stored) < count, f"kill {kill} came after the end: raise the count"
        assert {path for path in paths if server.url(path) in stored} >= {path[1:] for path in safe}
        assert [row["id"] for row in manifest(folder)] == ids
        assert {path: requests[path] for path in safe} == safe
        safe = {f"/{path}": requests[f"/{path}"] for path in paths if server.url(path) in stored}
    last = start(command)
    _, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert {path: requests[path] for path in safe} == safe
    rows = manifest(folder)
    assert [row["id"] for row in rows] == ids
    assert [row["state"] for row in rows] == ["failed" if "missing" in path else "ok" for path in paths]
    assert set(requests) == {f"/{path}" for path in paths}
    assert sum(times - 1 for path, times in requests.items() if "wait" in path) <= kills * per_host
    assert not list((folder / "parts").iterdir())


def test_interrupted_it_says_what_is_kept(server: ImageServer, tmp_path: Path) -> None:
    urls = [server.url(f"wait/20/{number}") for number in range(300)]
    catalog = write_catalog(tmp_path / "c.csv", urls)
    folder = tmp_path / "out"
    process = start(arguments(catalog, folder, server, "--concurrency", "4"))
    wait_for(lambda: sum(server.asked.requests.values()) > 30, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), err
    assert f"interrupted; images already fetched are kept in {folder}" in err
    assert "Traceback" not in err
    rows = manifest(folder)
    assert len(rows) == 300
    states = [row["state"] for row in rows]
    assert set(states) == {"ok", "not tried"}
    index = Index(folder / INDEX_NAME)
    stored = index.look_up(urls)
    index.close()
    assert all(record.state is Found.OK for record in stored.values())
    assert abs(len(stored) - states.count("ok")) <= 4
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_help_imports_nothing_heavy() -> None:
    heavy = ("numpy", "pyarrow", "PIL", "httpx", "httpcore", "sqlite3", "rich")
    code = f"""
import atexit, sys
from shelfwise.cli import main
atexit.register(lambda: print([name for name in {heavy} if name in sys.modules]))
main(["fetch", "--help"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    usual = FetchLimits()
    told = " ".join(done.stdout.split())
    for default in (
        usual.concurrent,
        usual.per_host,
        f"{usual.rate:g}",
        f"{usual.total_s:g}",
        usual.body_bytes >> 20,
        DEFAULT_SIDE,
    ):
        assert f"(default {default})" in told


class TestWrongRequests:
    @pytest.mark.parametrize(
        ("more", "word"),
        [
            (["--allow-host", "http://shop"], "expected a host name"),
            (["--max-side", "5"], "longest side"),
            (["--max-mb", "999"], "at most 64 MB"),
            (["--rate", "nan"], "expected a rate"),
            (["--image", "photo"], "no column 'photo'"),
            (["--image", "title"], "expected a column of image addresses"),
        ],
    )
    def test_options(
        self, server: ImageServer, tmp_path: Path, shelfwise: Shelfwise, more: list[str], word: str
    ) -> None:
        catalog = write_catalog(tmp_path / "c.csv", [server.url("image/1")])
        done = shelfwise(*arguments(catalog, tmp_path / "out", server, *more))
        assert (done.status, done.out) == (1, "")
        assert word in done.err
        assert not server.asked.requests

    def test_a_folder_of_something_else(
        self, server: ImageServer, tmp_path: Path, shelfwise: Shelfwise
    ) -> None:
        catalog = write_catalog(tmp_path / "c.csv", [server.url("image/1")])
        done = shelfwise(*arguments(catalog, tmp_path, server))
        assert done.status == 1
        assert "holds 'c.csv'" in done.err
        assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]

    def test_another_size_than_the_stores(
        self, server: ImageServer, tmp_path: Path, shelfwise: Shelfwise
    ) -> None:
        catalog = write_catalog(tmp_path / "c.csv", [server.url("image/1")])
        assert shelfwise(*arguments(catalog, tmp_path / "out", server, "--max-side", "64")).status == 0
        assert shelfwise(*arguments(catalog, tmp_path / "out", server)).status == 0
        done = shelfwise(*arguments(catalog, tmp_path / "out", server, "--max-side", "128"))
        assert done.status == 1
        assert "keeps images of up to 64" in done.err

    def test_without_the_library(
        self, server: ImageServer, tmp_path: Path, shelfwise: Shelfwise, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetch_options, "can_fetch", lambda: False)
        catalog = write_catalog(tmp_path / "c.csv", [server.url("image/1")])
        done = shelfwise(*arguments(catalog, tmp_path / "out", server))
        assert done.status == 1
        assert "pip install 'shelfwise[fetch]'" in done.err
