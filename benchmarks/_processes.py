"""Commands run to their end, or to a time limit, and the most memory that they and their children held meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Ran:
    """How a command went. ``peak_mib``: of the one process where it had no children, as the system counts it
    (``ru_maxrss``); of several the largest sum seen of their shares (PSS). ``cpu_s``: of all of them."""

    finished: bool
    wall_s: float
    cpu_s: float
    peak_mib: float
    said: str


def shelfwise(*words: object) -> list[str]:
    """The command line of the package beside this Python."""
    return [sys.executable, "-m", "shelfwise", *map(str, words), "--quiet"]


def run_watched(arguments: list[str], limit_s: float | None = None, threads: int = 1) -> Ran:
    """Run a program; after ``limit_s`` it is killed. Leaves this program with its words where it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    start, peak, family = time.perf_counter(), 0.0, 1
    before = os.times()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(arguments, stdout=words, stderr=words, env=environment)
        limited = False
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            members = _family(process.pid)
            family = max(family, len(members))
            if len(members) > 1:
                peak = max(peak, sum(map(_share_mib, members)))
            if limit_s is not None and not limited and time.perf_counter() - start > limit_s:
                limited = True
                process.kill()
            time.sleep(LOOK_EVERY_S)
        process.returncode = os.waitstatus_to_exitcode(status)
        words.seek(0)
        said = words.read().decode(errors="replace")
    if process.returncode and not limited:
        sys.exit(f"{' '.join(arguments[:4])} ended with {process.returncode}: {said.strip()}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    alone = usage.ru_maxrss / 1024
    return Ran(
        process.returncode == 0,
        time.perf_counter() - start,
        cpu,
        max(peak, alone) if family > 1 else alone,
        said,
    )


def _family(process: int) -> list[int]:
    """A process and all below it."""
    found = [process]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _share_mib(process: int) -> float:
    """The process's own pages, and its share of those that it has in common with others, in MiB."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
