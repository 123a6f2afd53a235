"""Lets one process at a time do a thing; the system takes the lock back from a process that dies, however it dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def holding(file: Path) -> Iterator[bool]:
    """Whether this process alone holds ``file`` (made where there is none) now; never waits.

    False also where no lock can be had, as on a disk that cannot be written.
    """
    handle = take(file)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            os.close(handle)  # which gives the lock back


def take(file: Path) -> int | None:
    """Hold ``file`` until the number returned is closed; None where another process does, or no lock can be had."""
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return None
    if _lock(handle):
        return handle
    with suppress(OSError):
        os.close(handle)
    return None


def _lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
