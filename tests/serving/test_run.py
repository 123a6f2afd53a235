"""`shelfwise serve` as it is typed: it comes up, reads the model anew, answers what it accepted, and goes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from tests.conftest import Shelfwise

from shelfwise.errors import ShelfwiseError
from shelfwise.serving.run import ServeOptions, open_service


def product(number: int) -> dict[str, object]:
    return {"id": str(number), "fields": {"title": f"warm shirt {number}"}}


def test_from_start_to_stop(model_folder: Path, shelfwise: Shelfwise, tmp_path: Path) -> None:
    made = shelfwise("api-key", "shop", "--keys", tmp_path / "keys")
    key = next(word for word in made.out.split() if word.startswith("sw_"))
    headers = {"authorization": f"Bearer {key}"}
    command = [
        sys.executable,
        "-m",
        "shelfwise",
        "serve",
        str(model_folder),
        "--port",
        "0",
        "--wait-ms",
        "50",
    ]
    with subprocess.Popen(
        [*command, "--keys", str(tmp_path / "keys")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        try:
            assert served.stdout is not None
            address = re.search(r"http://127\.0\.0\.1:\d+", served.stdout.readline())
            assert address
            with httpx.Client(base_url=address.group(0), timeout=30, headers=headers) as client:
                assert client.get("/readyz").status_code == 200
                before = client.post("/v1/predict", json={"products": [product(1)]}).json()
                served.send_signal(signal.SIGHUP)
                for _ in range(100):
                    if 'shelfwise_reloads_total{outcome="done"} 1.0' in client.get("/metrics").text:
                        break
                    time.sleep(0.1)
                else:
                    pytest.fail("SIGHUP did not have the model read anew")
                assert client.post("/v1/predict", json={"products": [product(1)]}).json() == before
            answers: list[tuple[int, str]] = []
            # Made beforehand: a client takes longer to make than the service waits for company.
            clients = [httpx.Client(base_url=address.group(0), headers=headers, timeout=30) for _ in range(5)]

            def ask(number: int) -> None:
                answer = clients[number].post("/v1/predict", json={"products": [product(number)] * 3})
                answers.append((answer.status_code, answer.json()["predictions"][-1]["id"]))

            asking = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
            for one in asking:
                one.start()
            while "shelfwise_waiting_products 12.0" not in clients[4].get("/metrics").text:
                assert not answers
            # All are accepted, none is computed: the first waits for company.
            served.send_signal(signal.SIGTERM)
            for one in asking:
                one.join()
            assert sorted(answers) == [(200, str(number)) for number in range(4)]
            assert served.wait(timeout=30) == 0
            assert served.stderr is not None
            assert "interrupted" not in served.stderr.read()
        finally:
            served.kill()
            served.wait()


def test_an_open_door_needs_keys(model_folder: Path) -> None:
    with pytest.raises(ShelfwiseError, match="expected --keys FILE to serve on"):
        open_service(model_folder, ServeOptions("0.0.0.0"))


def test_what_is_wrong_is_one_line(shelfwise: Shelfwise, tmp_path: Path, model_folder: Path) -> None:
    missing = shelfwise("serve", tmp_path / "none", "--port", 0)
    assert (missing.status, missing.err.count("\n")) == (1, 1)
    no_keys = shelfwise("serve", model_folder, "--port", 0, "--keys", tmp_path / "none")
    assert (no_keys.status, "cannot be read" in no_keys.err) == (1, True)
    taken = shelfwise("serve", model_folder, "--port", 0, "--host", "256.0.0.1")
    assert (taken.status, "cannot listen" in taken.err) == (1, True)
