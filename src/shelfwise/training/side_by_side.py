"""Independent pieces of work side by side, each in a process of its own with one thread.

The layers of a text classifier are so small that threads mostly wait for each other: on three threads a network here took twice
the processor time that it takes on one, and no less of the clock's; beside other programs several times more. Processes of
one thread wait for nobody. Data goes to them through files that they map into memory, so that it is there once for all.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfwise.errors import ShelfwiseError
from shelfwise.locking import take
from shelfwise.progress import SilentStage, Stage

if TYPE_CHECKING:
    from concurrent.futures import Future

_PREFIX = "shelfwise-training-"
_LOCK_FILE = "lock"
_HELD_WITHIN_SECONDS = 5
"""A folder younger than this may not be held yet by the process that has just made it."""
_IDLE_SECONDS = 30
"""Processes without work end after so long."""
_LOOK_SECONDS = 0.2
MOST_PIECES = 4096
"""Submitted between two collections of results."""
_loaded: dict[str, Any] = {}
"""In a worker process: what it last read, by file. One entry, because pieces of work come round by round."""


@dataclass(frozen=True)
class Shared:
    """Something large that many pieces of work read, in a file that only this user can read."""

    path: str

    def load(self) -> Any:
        """The thing itself; its arrays are mapped, not copied, and what is written to them nobody else sees."""
        import joblib

        if self.path not in _loaded:
            _loaded.clear()
            _loaded[self.path] = joblib.load(self.path, mmap_mode="c")
        return _loaded[self.path]


@lru_cache(maxsize=1)
def _counts(path: str) -> np.ndarray:
    """int64 [``MOST_PIECES``]: the counters of all pieces of work, mapped once, because every batch of a training is counted."""
    return np.memmap(path, dtype=np.int64, mode="r+")


@dataclass(frozen=True)
class Tally(SilentStage):
    """A piece of work's progress, counted in a file that the process that waits for it looks at."""

    path: str
    place: int

    def advance(self, done: int, note: str = "") -> None:
        """See ``Stage``."""
        _counts(self.path)[self.place] += done


@dataclass
class SideBySide:
    """Runs pieces of work in ``processes`` processes. Only the process that made it may use it, inside ``working``."""

    processes: int
    folder: Path
    _futures: list[Future[Any]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def working(cls, processes: int) -> Iterator[SideBySide]:
        """Begin; at the end, or where an error or Ctrl-C ends it, no process and no file is left over.

        What a process that was killed left over is removed by the next one.
        """
        _remove_left_over()
        with _own_folder() as folder:
            pool = cls(processes, folder)
            np.zeros(MOST_PIECES, np.int64).tofile(folder / "progress")
            try:
                yield pool
            except BaseException:  # Ctrl-C too: no process works on for nobody, and it is raised again
                pool._executor().shutdown(wait=False, kill_workers=True)
                raise

    def share(self, value: object) -> Shared:
        """Write ``value`` where the processes can read it. Raises ShelfwiseError where there is no room for it."""
        import joblib

        path = self.folder / f"shared-{len(list(self.folder.iterdir()))}"
        try:
            joblib.dump(value, path)
        except OSError as error:
            raise ShelfwiseError(
                f"expected room for the training's temporary files in {self.folder.parent}, but writing there failed: {error}; "
                "free some space, set TMPDIR to another folder, or train with one thread (training.threads in the recipe)"
            ) from error
        return Shared(str(path))

    def submit(self, function: Callable[..., Any], *arguments: object) -> None:
        """Have ``function(*arguments, stage)`` run; both must be picklable, and ``stage`` is told of progress."""
        tally = Tally(str(self.folder / "progress"), len(self._futures))
        self._futures.append(self._executor().submit(function, *arguments, tally))

    def results(self, stage: Stage) -> Sequence[Any]:
        """What all pieces returned, in the order they were submitted in; ``stage`` is told how far all together are.

        Raises what a piece raised first; ShelfwiseError where a process was ended from outside (as the system does when memory
        runs out).
        """
        from concurrent.futures import FIRST_COMPLETED, wait

        from joblib.externals.loky.process_executor import BrokenProcessPool

        counts = np.memmap(self.folder / "progress", dtype=np.int64, mode="r+")
        told, waiting = 0, set(self._futures)
        while waiting:
            done, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
            for one in done:
                try:
                    one.result()
                except BrokenProcessPool as error:
                    raise ShelfwiseError(
                        "a training process was ended from outside, as systems do when memory runs out; train with fewer "
                        "threads (training.threads in the recipe), which need less memory"
                    ) from error
            now = int(counts.sum())
            stage.advance(now - told, f"{len(self._futures) - len(waiting)} of {len(self._futures)} done")
            told = now
        found = [one.result() for one in self._futures]
        self._futures.clear()
        counts[:] = 0
        return found

    def _executor(self) -> Any:
        from joblib.externals.loky import get_reusable_executor

        return get_reusable_executor(
            max_workers=self.processes,
            timeout=_IDLE_SECONDS,
            initializer=_begin,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A temporary folder that this process holds, as its lock tells others; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = take(folder / _LOCK_FILE)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_left_over() -> None:
    """Remove the folders of processes that were killed: this user's, whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = take(folder / _LOCK_FILE) if _may_be_left_over(folder) else None
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _may_be_left_over(folder: Path) -> bool:
    """Whether it is a folder of this user, and no link to one (others may lay there what they like), and had time to be held."""
    try:
        status, lock = folder.lstat(), (folder / _LOCK_FILE).lstat()
    except OSError:  # its process has ended in the meantime, or never held it
        return False
    ours = stat.S_ISDIR(status.st_mode) and (sys.platform == "win32" or status.st_uid == os.getuid())
    return ours and time.time() - lock.st_mtime > _HELD_WITHIN_SECONDS


def _begin() -> None:
    """In a new process: one thread, and Ctrl-C is the parent's to answer."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent was killed: nobody waits for its work any more."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS * 5)
    os._exit(1)


@cache
def processes_possible() -> bool:
    """Whether this system lets processes wait for each other; some closed-off ones do not, and there all is done in this one."""
    try:
        multiprocessing.get_context("spawn").Semaphore(1)
    except (ImportError, OSError):
        return False
    return True


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Give PyTorch ``count`` threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
