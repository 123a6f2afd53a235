"""Figures that many pages show and that may be a few seconds old: computed once, by one of those who ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from shelfwise.review.clock import Clock

T = TypeVar("T")
MOST_KEPT = 256


class Recent:
    """Values by name, each as good as new for some seconds. Whoever asks while one is being made waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, name: Hashable, seconds: float, make: Callable[[], T]) -> T:
        """The value under ``name``, made by ``make`` if there is none of the last ``seconds``."""
        with self._turn:
            mine = self._making.setdefault(name, threading.Lock())
        with mine:
            kept = self._kept.get(name)
            if kept is not None and self._clock() - kept[0] < seconds:
                return kept[1]
            value = make()
            with self._turn:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                    self._making = {name: mine}
                self._kept[name] = (self._clock(), value)
            return value

    def forget(self, name: Hashable) -> None:
        """Have the value made anew when it is next asked for."""
        with self._turn:
            self._kept.pop(name, None)
