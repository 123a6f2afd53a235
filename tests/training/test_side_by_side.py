"""Work side by side: results in order, progress counted, errors and ended processes told, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shelfwise.errors import ShelfwiseError, TargetError
from shelfwise.progress import Stage
from shelfwise.training.side_by_side import Shared, SideBySide, threads


class Counting:
    """A stage that adds up what it is told."""

    def __init__(self) -> None:
        self.done = 0
        self.notes: list[str] = []

    def advance(self, done: int, note: str = "") -> None:
        self.done += done
        self.notes.append(note)

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def add_up(number: int, shared: Shared, stage: Stage) -> tuple[int, int]:
    values: np.ndarray = shared.load()["values"]
    stage.advance(number)
    return number, int(values.sum()) + number


def scribble(shared: Shared, stage: Stage) -> None:
    shared.load()["values"][:] = 7


def fail(stage: Stage) -> None:
    raise TargetError("nothing to learn here")


def end(stage: Stage) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def count_threads(stage: Stage) -> int:
    import torch

    return torch.get_num_threads()


def run_alone(function: Callable[[Stage], object]) -> None:
    with SideBySide.working(2) as pool:
        pool.submit(function)
        pool.results(Counting())


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_results_come_in_order_and_progress_is_counted(temporary_files: Path) -> None:
    stage = Counting()
    with SideBySide.working(2) as pool:
        shared = pool.share({"values": np.arange(1_000)})
        for number in range(6):
            pool.submit(add_up, number, shared)
        found = pool.results(stage)
        assert found == [(number, 499_500 + number) for number in range(6)]
        assert stage.done == sum(range(6))
        assert stage.notes[-1] == "6 of 6 done"

        again = Counting()
        pool.submit(add_up, 5, pool.share({"values": np.ones(3, int)}))
        assert pool.results(again) == [(5, 8)]
        assert again.done == 5
        pool.submit(count_threads)
        assert pool.results(Counting()) == [1]
    assert list(temporary_files.iterdir()) == []


def test_what_one_process_writes_no_other_sees() -> None:
    import joblib

    with SideBySide.working(1) as pool:
        shared = pool.share({"values": np.arange(1_000)})
        pool.submit(scribble, shared)
        pool.results(Counting())
        assert joblib.load(shared.path)["values"].sum() == 499_500


def test_what_a_piece_raises_comes_out_and_the_next_pool_works(temporary_files: Path) -> None:
    with pytest.raises(TargetError, match="nothing to learn"):
        run_alone(fail)
    assert list(temporary_files.iterdir()) == []
    with SideBySide.working(2) as pool:
        pool.submit(count_threads)
        assert pool.results(Counting()) == [1]


def test_a_process_ended_from_outside_is_told(temporary_files: Path) -> None:
    with pytest.raises(ShelfwiseError, match="memory"):
        run_alone(end)
    assert list(temporary_files.iterdir()) == []


ORPHAN = """
import os, sys, time
from pathlib import Path

def busy(place, stage):
    Path(place).write_text(str(os.getpid()))
    time.sleep(120)

if __name__ == "__main__":
    from shelfwise.training.side_by_side import SideBySide
    with SideBySide.working(1) as pool:
        pool.submit(busy, sys.argv[1])
        while not Path(sys.argv[1]).exists() or not Path(sys.argv[1]).read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_processes_end_with_a_killed_parent(tmp_path: Path) -> None:
    script, place = tmp_path / "orphan.py", tmp_path / "process"
    script.write_text(ORPHAN)
    subprocess.run([sys.executable, str(script), str(place)], timeout=60, check=False)
    orphan = int(place.read_text())
    until = time.monotonic() + 20
    while time.monotonic() < until and Path(f"/proc/{orphan}").exists():
        time.sleep(0.1)
    assert not Path(f"/proc/{orphan}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the script ends itself by a signal")
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, temporary_files: Path) -> None:
    script, place = tmp_path / "orphan.py", tmp_path / "process"
    script.write_text(ORPHAN)
    environment = os.environ | {"TMPDIR": str(temporary_files)}
    subprocess.run([sys.executable, str(script), str(place)], timeout=60, check=False, env=environment)
    (left,) = temporary_files.glob("shelfwise-training-*")
    with SideBySide.working(1) as pool:
        assert left.exists(), "so young a folder may be one that is only being made"
    _age(left)
    with SideBySide.working(1) as pool:
        assert list(temporary_files.glob("shelfwise-training-*")) == [pool.folder]


def test_what_others_hold_or_laid_there_is_let_alone(tmp_path: Path, temporary_files: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    link = temporary_files / "shelfwise-training-link"
    link.symlink_to(elsewhere)
    unheld = temporary_files / "shelfwise-training-unheld"
    unheld.mkdir()
    with SideBySide.working(1) as outer:
        _age(outer.folder)
        _age(link)
        with SideBySide.working(1):
            assert outer.folder.exists()
    assert (link.exists(), unheld.exists(), elsewhere.exists()) == (True, True, True)


def _age(folder: Path) -> None:
    os.utime(folder / "lock", (0, 0))


def test_no_room_for_the_shared_file(monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(joblib, "dump", full)
    with pytest.raises(ShelfwiseError, match="TMPDIR"), SideBySide.working(2) as pool:
        pool.share({"values": np.arange(10)})


def test_threads_are_given_for_a_while() -> None:
    import torch

    before = torch.get_num_threads()
    with threads(3):
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before
