"""Has SIGTERM and SIGHUP end a command as Ctrl-C does: what is finished is kept, and temporary files go."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@dataclass
class Ending:
    """What ended a command before its time; Ctrl-C unless a signal came."""

    signal_number: int = signal.SIGINT

    @property
    def status(self) -> int:
        """What shells report for a program that the signal ended."""
        return 128 + self.signal_number


@contextmanager
def orderly_end() -> Iterator[Ending]:
    """Inside, the first SIGTERM or SIGHUP raises KeyboardInterrupt, so that ``finally`` blocks run; further ones do nothing.

    A signal that somebody ignores (``nohup``) or handles already is left as it is; so are all outside the main thread. At the
    end signals do what they did before.
    """
    ending = Ending()
    taken = [signal.Signals[name] for name in _NAMES if _is_free(name)]

    def end(number: int, _frame: FrameType | None) -> None:
        # A closed terminal sends SIGHUP twice, and a second one must not stop the tidying up.
        for one in taken:
            signal.signal(one, signal.SIG_IGN)
        ending.signal_number = number
        raise KeyboardInterrupt

    for one in taken:
        signal.signal(one, end)
    try:
        yield ending
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)


def _is_free(name: str) -> bool:
    """Whether a signal exists here, would end the process, and may be handled."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, name):
        return False
    return signal.getsignal(signal.Signals[name]) is signal.SIG_DFL
