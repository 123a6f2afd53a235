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
