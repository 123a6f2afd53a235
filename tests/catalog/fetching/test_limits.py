"""Limits that cannot work are refused before anybody is asked for anything."""

from __future__ import annotations

import math

import pytest

from shelfwise.catalog.fetching.limits import FetchLimits, check_side
from shelfwise.errors import FetchError


def test_usual_limits_and_those_given() -> None:
    assert FetchLimits.given() == FetchLimits()
    limits = FetchLimits.given(concurrent=4, per_host=2, rate=0.5, megabytes=1.5, total_s=3)
    assert (limits.concurrent, limits.per_host, limits.rate, limits.body_bytes) == (4, 2, 0.5, 1_572_864)
    assert max(limits.connect_s, limits.answer_s, limits.patience_s) == limits.total_s == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrent": 0},
        {"rate": 0.0},
        {"rate": math.nan},
        {"rate": math.inf},
        {"megabytes": 0.0},
        {"megabytes": 65.0},
        {"megabytes": math.nan},
        {"total_s": -1.0},
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(FetchError, match="expected"):
        FetchLimits.given(**wrong)  # type: ignore[arg-type]


def test_more_that_cannot_work() -> None:
    with pytest.raises(FetchError, match="redirects"):
        FetchLimits(redirects=-1)
    for side in (31, 8193):
        with pytest.raises(FetchError, match="longest side"):
            check_side(side)
