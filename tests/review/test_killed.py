"""A desk that is killed in the middle of its work has lost nothing that it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tests.review import desk_maker
from tests.review.conftest import free_port
from tests.review.desk_maker import decision_of, make_desk, predicted, sign_in

from shelfwise.review.database import Database
from shelfwise.review.schema import decisions

DECISIONS = 1_000
KILLS = 3
PEOPLE = 4
ROOT = Path(__file__).resolve().parents[2]


class DeskProcess:
    """A desk as a process of its own that is killed and started again on the same port."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, desk_maker.__file__, self.database, str(self.port)]
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
        for _ in range(600):
            try:
                httpx.get(f"{self.address}/healthz", timeout=5)
                return
            except httpx.TransportError:
                assert self.process.poll() is None, "the desk ended by itself"
                time.sleep(0.05)
        raise AssertionError("the desk did not come up")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Person(threading.Thread):
    """Decides one product after the other, and remembers each decision only once the desk has said yes."""

    def __init__(self, name: str, address: str, enough: threading.Event) -> None:
        super().__init__(name=name)
        self.address = address
        self.enough = enough
        self.acknowledged: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=10) as client:
            while not self.enough.is_set():
                try:
                    if not client.cookies:
                        sign_in(client, self.name)
                    self.work(client)
                except httpx.TransportError:
                    time.sleep(0.05)  # killed just now; it comes back

    def work(self, client: httpx.Client) -> None:
        page = client.get("/review?scope=all").text
        form = decision_of(page, query="scope=all")
        while not self.enough.is_set():
            answer = client.post("/decide", data=form, headers={"x-desk": "1"})
            if answer.status_code != 200:
                return
            self.acknowledged.append(str(form["ticket"]))
            upcoming = answer.json()["upcoming"]
            if not upcoming:
                self.enough.set()
                return
            form = decision_of(upcoming, query="scope=all")


def test_nothing_acknowledged_is_lost(database_url: str, tmp_path: Path) -> None:
    desk = make_desk(
        tmp_path,
        DECISIONS + 400,
        database=database_url,
        predictions=[predicted(number) for number in range(DECISIONS + 400)],
        titles=[f"{number:b}".replace("0", "o").replace("1", "l") for number in range(DECISIONS + 400)],
    )
    desk.database.close()
    served = DeskProcess(database_url)
    enough = threading.Event()
    people = [Person(f"Person {number}", served.address, enough) for number in range(PEOPLE)]
    for person in people:
        person.start()
    chance = random.Random(5)
    try:
        kills = 0
        ends_s = time.monotonic() + 120
        while sum(len(person.acknowledged) for person in people) < DECISIONS and time.monotonic() < ends_s:
            done = sum(len(person.acknowledged) for person in people)
            if kills < KILLS and done >= (kills + 1) * DECISIONS // (KILLS + 2):
                time.sleep(chance.random() * 0.05)  # at any point of a request
                served.kill()
                kills += 1
                served.start()
            time.sleep(0.005)
        served.kill()
    finally:
        enough.set()
        for person in people:
            person.join()
        served.kill()

    acknowledged = [ticket for person in people for ticket in person.acknowledged]
    assert kills == KILLS
    assert len(acknowledged) >= DECISIONS
    store = Database(database_url)
    with store.read() as connection:
        rows = connection.execute(select(decisions.c.ticket, decisions.c.product)).all()
    store.close()
    kept = {row.ticket for row in rows}
    assert set(acknowledged) <= kept
    assert len({row.product for row in rows}) == len(rows), "a product was decided twice"


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_desk_that_is_told_to_stop_stops(tmp_path: Path, signal_number: signal.Signals) -> None:
    make_desk(tmp_path, 2).database.close()
    served = DeskProcess(str(tmp_path / "review.db"))
    served.process.send_signal(signal_number)
    served.process.wait(timeout=15)
