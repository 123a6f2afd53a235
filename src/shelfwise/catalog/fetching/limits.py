"""How much is asked of others, and how much of them is put up with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from shelfwise.errors import FetchError

LARGEST_BODY_BYTES = 64 << 20
"""No limit for bodies may be above what the catalog accepts of an image file."""
SMALLEST_SIDE, LARGEST_SIDE = 32, 8192


@dataclass(frozen=True)
class FetchLimits:
    """Raises FetchError for values that cannot work.

    Attributes
    ----------
    concurrent
        Images under way at once, over all hosts. Also the most that a kill can make come twice.
    per_host
        Requests under way at once at one host; browsers open six.
    rate
        Requests a second that one host gets, on average.
    attempts
        Requests for one image, at most, where answers say that another try can help.
    first_wait_s, longest_wait_s
        Before the second attempt, doubled for each later one, give or take a half; and what a server may ask
        us to wait (``Retry-After``) before we give the image up for this run.
    connect_s, answer_s, total_s
        Seconds to connect, until an answer begins, and for a whole request with its body.
    slowest_bytes_s, patience_s
        A body that is slower on average, once ``patience_s`` seconds have passed, is given up.
    body_bytes
        Of a body, as sent and as unpacked.
    redirects
        In a row.
    strikes
        Failures in a row to reach a host after which it gets no more requests in this run.
    """

    concurrent: int = 32
    per_host: int = 6
    rate: float = 20.0
    attempts: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    connect_s: float = 10.0
    answer_s: float = 20.0
    total_s: float = 60.0
    slowest_bytes_s: float = 2048.0
    patience_s: float = 10.0
    body_bytes: int = 20 << 20
    redirects: int = 5
    strikes: int = 10

    @classmethod
    def given(
        cls,
        *,
        concurrent: int | None = None,
        per_host: int | None = None,
        rate: float | None = None,
        megabytes: float | None = None,
        total_s: float | None = None,
    ) -> FetchLimits:
        """What a person chose, the rest as usual; no other time is longer than ``total_s``. Raises FetchError."""
        if megabytes is not None and not math.isfinite(megabytes):
            raise FetchError(f"expected a number of megabytes, got {megabytes}")
        chosen: dict[str, Any] = {
            "concurrent": concurrent,
            "per_host": per_host,
            "rate": rate,
            "total_s": total_s,
            "body_bytes": None if megabytes is None else int(megabytes * (1 << 20)),
        }
        limits = cls(**{name: value for name, value in chosen.items() if value is not None})
        shorter = {
            name: min(getattr(limits, name), limits.total_s)
            for name in ("connect_s", "answer_s", "patience_s")
        }
        return replace(limits, **shorter)

    def __post_init__(self) -> None:
        positive = ("concurrent", "per_host", "rate", "attempts", "strikes", "body_bytes", "slowest_bytes_s")
        seconds = ("first_wait_s", "longest_wait_s", "connect_s", "answer_s", "total_s", "patience_s")
        for name in (*positive, *seconds):
            if not 0 < getattr(self, name) < float("inf"):
                raise FetchError(f"expected a {name} above 0, got {getattr(self, name)}")
        if self.redirects < 0:
            raise FetchError(f"expected 0 or more redirects, got {self.redirects}")
        if self.body_bytes > LARGEST_BODY_BYTES:
            raise FetchError(
                f"expected at most {LARGEST_BODY_BYTES >> 20} MB an image, got {self.body_bytes / (1 << 20):.0f}; "
                "larger files could not be read back"
            )


def check_side(max_side: int) -> int:
    """``max_side`` itself. Raises FetchError below 32 or above 8,192 pixels."""
    if not SMALLEST_SIDE <= max_side <= LARGEST_SIDE:
        raise FetchError(
            f"expected a longest side of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, got {max_side}"
        )
    return max_side
