"""The time, in one place that tests can turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Seconds since 1970."""

now: Clock = time.time


def to_text(at: float) -> str:
    """A moment as people write it, in UTC.

    >>> to_text(0)
    '1970-01-01 00:00'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
