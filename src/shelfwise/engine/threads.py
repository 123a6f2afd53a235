"""How many threads this process may compute with: set once for all libraries, so that they do not fight over the cores."""

from __future__ import annotations

import os


def compute_threads() -> int:
    """The usable cores, or fewer where ``OMP_NUM_THREADS`` says so, as it does in a process that shares a machine.

    >>> compute_threads() >= 1
    True
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(usable, int(told)) if told.isdecimal() and int(told) > 0 else usable)


_held: int | None = None


def hold_linear_algebra_to(threads: int) -> None:
    """NumPy's and SciPy's linear algebra uses so many threads in this process from now on; by itself it takes every core.

    Beside other work its threads then wait for each other: what novelty is learned with took 20 seconds with four threads on four
    cores of which two were busy, and one second with two.
    """
    global _held
    if _held != threads:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, user_api="blas")
        _held = threads
