"""Trainings in processes of their own that are killed at random moments, and what they leave behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shelfwise import Categorizer

_NURSERY = """
import json, os, sys
import torch
torch.set_num_threads(1)
import shelfwise.categorizer, shelfwise.terminal, sklearn.svm  # imported once for all trainings
from shelfwise.training import checkpoint
from shelfwise.cli import main
checkpoint.EVERY_S = 0.0  # a snapshot after every epoch: small trainings are over before the usual one
print("ready", flush=True)
for line in sys.stdin:
    arguments, log = json.loads(line)
    child = os.fork()
    if not child:
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        main(arguments)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@dataclass
class Training:
    """One process that trains, and where what it says goes."""

    nursery: Nursery
    pid: int
    log: Path

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        """Kill it now, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal_number)

    def finish(self) -> tuple[int, str]:
        """(Status, negative for a signal; what it said)."""
        status = os.waitstatus_to_exitcode(int(self.nursery.answer()))
        return status, self.log.read_text(encoding="utf-8", errors="replace")


class Nursery:
    """A process with everything imported, which forks one training after the other in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "SHELFWISE_CACHE": str(folder / "cache")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # A shell that started the tests in the background has it ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )

    def __enter__(self) -> Nursery:
        assert self.answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def begin(self, *arguments: str) -> Training:
        """Begin ``shelfwise ARGUMENTS``."""
        assert self._process.stdin is not None
        log = self._folder / "log.txt"
        self._process.stdin.write(json.dumps([arguments, str(log)]) + "\n")
        self._process.stdin.flush()
        return Training(self, int(self.answer()), log)


@dataclass(frozen=True)
class Killed:
    """How a training that was killed now and then went: the kills that met it alive, and what its last run said."""

    kills: int
    said: str


def train_through_kills(
    nursery: Nursery, arguments: list[str], model: Path, kills: int, takes_s: float, seed: int
) -> Killed:
    """Kill the same command ``kills`` times, anywhere in the ``takes_s`` seconds that it takes, then let it end.

    Asserts that a model is at no moment anything but absent or complete.
    """
    random_moment = random.Random(seed)
    met = 0
    for _ in range(kills):
        training = nursery.begin(*arguments)
        time.sleep(random_moment.uniform(0.0, takes_s))
        training.kill()
        status, said = training.finish()
        assert status in (0, -signal.SIGKILL), said
        met += status != 0
        if model.exists():
            Categorizer.load(model)
    status, said = nursery.begin(*arguments).finish()
    assert status == 0, said
    return Killed(met, said)


def train_undisturbed(nursery: Nursery, arguments: list[str]) -> float:
    """Train once without a kill; the seconds it took."""
    started = time.monotonic()
    status, said = nursery.begin(*arguments).finish()
    assert status == 0, said
    return time.monotonic() - started


def same_files(one: Path, other: Path) -> bool:
    """Whether two model folders hold the same files, byte by byte."""
    names = {file.name for file in one.iterdir()}
    return names == {file.name for file in other.iterdir()} and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names
    )
