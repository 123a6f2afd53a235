"""`shelfwise review` and `shelfwise decisions` as they are typed, on a model that was really trained."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.conftest import Shelfwise
from tests.review.desk_maker import decision_of, make_desk

from shelfwise.demo import StoreFiles
from shelfwise.review.listening import is_loopback, listen
from shelfwise.review.run import TokenNews, let_in, welcome


def test_from_predictions_to_decisions(
    model_folder: Path, store: StoreFiles, shelfwise: Shelfwise, tmp_path: Path
) -> None:
    predictions, database = tmp_path / "predictions.parquet", tmp_path / "review.db"
    assert shelfwise("predict", model_folder, store.new_products, "-o", predictions, "--quiet").status == 0
    given = [model_folder, predictions, "--database", database, "--catalog", store.new_products]
    command = [
        sys.executable,
        "-m",
        "shelfwise",
        "review",
        *given,
        "--labelled",
        store.catalog,
        "--port",
        "0",
    ]
    with subprocess.Popen(
        [*map(str, command), "--value", "price"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        # A shell that started the tests in the background has it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    ) as served:
        try:
            assert served.stdout is not None
            address = re.search(r"http://\S+", served.stdout.readline())
            token = served.stdout.readline().split()[-1]
            assert address
            with httpx.Client(base_url=address.group(0), timeout=30, follow_redirects=True) as client:
                entered = client.post("/sign-in", data={"name": "Ann", "token": token, "next": "/"})
                assert "30" in entered.text
                page = client.get("/review?scope=all").text
                form = decision_of(page)
                assert "Fields" in page
                assert client.get(f"/nearest/{form['product']}").status_code == 200
                assert client.get(f"/picture/medium/{form['product']}").status_code in (200, 404)
                assert client.post("/decide", data=form).status_code == 200
        finally:
            served.send_signal(signal.SIGINT)
            said = served.communicate(timeout=20)[1]
    assert (served.returncode, "interrupted" in said) == (0, False), said
    done = shelfwise("decisions", database, "-o", tmp_path / "decisions.parquet")
    assert (done.status, "decisions" in done.out) == (0, True)
    assert (tmp_path / "decisions.parquet").is_file()


def test_what_is_wrong_is_said_in_one_line(model_folder: Path, shelfwise: Shelfwise, tmp_path: Path) -> None:
    missing = shelfwise("decisions", tmp_path / "none.db", "-o", tmp_path / "d.parquet")
    assert (missing.status, "there is no database" in missing.err) == (1, True)
    nothing = shelfwise("review", model_folder, "--database", tmp_path / "new.db", "--port", 0, "--quiet")
    assert (nothing.status, "nothing to review" in nothing.err) == (1, True)
    other = shelfwise("review", tmp_path, "--database", tmp_path / "new.db", "--port", 0)
    assert (other.status, "not a whole model folder" in other.err) == (1, True)


def test_a_port_that_is_taken() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(Exception, match="give another --port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_who_can_reach_it_is_said() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("0.0.0.0", "192.168.1.5", "desk.example")] == [False] * 3
    with listen("127.0.0.1", 0) as listening:
        near = "\n".join(welcome(listening, TokenNews({"": "abc"}), loopback=True))
        far = "\n".join(welcome(listening, TokenNews(), loopback=False))
    assert "abc" in near
    assert "Other machines" not in near
    assert "Other machines can reach this desk" in far


def test_tokens_are_made_once_and_renewed_on_request(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1)
    assert let_in(desk.database, [], renew=False).made == {}
    assert set(let_in(desk.database, [" Ben  B "], renew=True).made) == {"", "Ben B"}
