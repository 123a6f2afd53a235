"""SIGTERM and SIGHUP end a command in order, as Ctrl-C does, and are left as they are for everybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shelfwise.commands.orderly_end import orderly_end

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

WORKING = """
import sys, time
import shelfwise.demo.run as run
from shelfwise.training.side_by_side import SideBySide

def busy(stage):
    time.sleep(60)

def work(*_):
    with SideBySide.working(1) as pool:
        pool.share(list(range(1000)))
        pool.submit(busy)
        print("working", flush=True)
        pool.results(Quiet())

class Quiet:
    def advance(self, done, note=""):
        if sys.argv[1:]:
            sys.exit(0)

if __name__ == "__main__":
    run.run_demo = work
    from shelfwise.cli import main
    main(["demo", "--quiet"])
"""


def heed_hangups() -> None:
    """The tests themselves may run under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def begin(
    tmp_path: Path, *arguments: str, first: Callable[[], object] = heed_hangups
) -> subprocess.Popen[str]:
    """A process in which a command works, with its temporary files in ``tmp_path``."""
    script = tmp_path / "working.py"
    script.write_text(WORKING)
    (tmp_path / "temporary").mkdir()
    working = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary"), "OMP_NUM_THREADS": "1"},
        preexec_fn=first,
    )
    assert working.stdout is not None
    assert working.stdout.readline() == "working\n"
    return working


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_ends_in_order(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with begin(tmp_path) as working:
        working.send_signal(number)
        assert (
            working.communicate(timeout=30)[1] == "shelfwise: interrupted; files already finished are kept\n"
        )
    assert working.returncode == status
    assert list((tmp_path / "temporary").glob("shelfwise-training-*")) == []


def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    with begin(tmp_path, "end soon", first=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as working:
        working.send_signal(signal.SIGHUP)
        working.communicate(timeout=30)
    assert working.returncode == 0


def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt), orderly_end() as ending:
        signal.raise_signal(signal.SIGTERM)
    assert ending.status == 143
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == before


def test_who_handles_a_signal_goes_on_doing_so() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with orderly_end() as ending:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert ending.status == 130


def test_a_thread_takes_no_signals() -> None:
    found: list[object] = []

    def work() -> None:
        with orderly_end():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]
