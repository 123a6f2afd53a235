"""Where the time of a command goes: stages are marked where they happen, and cost next to nothing when nobody asks.

``with timed("read"):`` or ``@timed("fuse")`` marks a stretch of work. While a `Profile` is active (``with Profile() as
profile:``) its time is added to that stage; a stage inside another is counted for itself alone, so the stages add up to the
whole. What other threads and processes do beside the one that began the profile is told apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ContextDecorator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

REST = "everything else"
THREADS, WORKERS = " (threads)", " (workers)"
"""Endings of stages that ran beside the thread that is timed: in other threads, and in other processes."""
Item = TypeVar("Item")


@dataclass
class Spent:
    """Wall and processor time in seconds, and how often the stage was entered.

    Of the thread that is timed, the processor time is that of the whole process; of other threads it is their own, and their
    wall times are added up.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    times: int = 0


@dataclass
class Profile:
    """The time of every stage by its name, in the order first met; what no stage covers is ``REST``."""

    stages: dict[str, Spent] = field(default_factory=dict)
    _thread: int = field(default=0, repr=False)
    _local: threading.local = field(default_factory=threading.local, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __enter__(self) -> Self:
        global _active
        self._thread = threading.get_ident()
        self._local.stack, self._local.since = [REST], self._now()
        _active = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _active
        self._pass()
        _active = None

    def enter(self, stage: str) -> None:
        """What this thread does from now on belongs to ``stage``."""
        if not hasattr(self._local, "stack"):
            self._local.stack, self._local.since = [], self._now()
        self._pass()
        self._local.stack.append(stage if self._is_timed() else stage + THREADS)
        with self._lock:
            self._spent(self._local.stack[-1]).times += 1

    def leave(self) -> None:
        """What this thread does from now on belongs to the stage around."""
        self._pass()
        self._local.stack.pop()

    def add(self, stages: dict[str, Spent]) -> None:
        """Count the stages of another process in."""
        for name, theirs in stages.items():
            with self._lock:
                mine = self._spent(name + WORKERS)
                mine.wall_s, mine.cpu_s = mine.wall_s + theirs.wall_s, mine.cpu_s + theirs.cpu_s
                mine.times += theirs.times

    @property
    def wall_s(self) -> float:
        """All stages of the thread that is timed."""
        return sum(
            spent.wall_s for name, spent in self.stages.items() if not name.endswith((THREADS, WORKERS))
        )

    def _is_timed(self) -> bool:
        return threading.get_ident() == self._thread

    def _spent(self, stage: str) -> Spent:
        return self.stages.setdefault(stage, Spent())

    def _pass(self) -> None:
        now = self._now()
        if self._local.stack:
            with self._lock:
                spent = self._spent(self._local.stack[-1])
                spent.wall_s += now[0] - self._local.since[0]
                spent.cpu_s += now[1] - self._local.since[1]
        self._local.since = now

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time() if self._is_timed() else time.thread_time()


_active: Profile | None = None


def active_profile() -> Profile | None:
    """The profile that is being made, if one is."""
    return _active


class timed(ContextDecorator):
    """Marks a stretch of work, as a context manager or a decorator, as belonging to a stage."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def _recreate_cm(self) -> Self:
        return self  # it holds nothing between entering and leaving

    def __enter__(self) -> Self:
        if _active is not None:
            _active.enter(self._stage)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _active is not None:
            _active.leave()


def timed_items(items: Iterable[Item], stage: str) -> Iterator[Item]:
    """The same items; the time that it takes to get each one belongs to ``stage``."""
    source = iter(items)
    while True:
        with timed(stage):
            try:
                item = next(source)
            except StopIteration:
                return
        yield item
