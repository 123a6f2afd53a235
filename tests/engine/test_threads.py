"""Threads: what the process may use, and fewer where it was told so."""

from __future__ import annotations

import os

import numpy as np
import pytest
import threadpoolctl

from shelfwise.engine.threads import compute_threads, hold_linear_algebra_to


@pytest.mark.parametrize(
    ("told", "expected"), [("1", 1), ("1000000", None), ("", None), ("0", None), ("two", None)]
)
def test_the_environment_lowers_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, told: str, expected: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert compute_threads() == (expected or usable)


def test_linear_algebra_is_held_to_its_threads() -> None:
    assert np.ones(2) @ np.ones(2) == 2  # the library is loaded
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        for wanted in (2, 1):
            hold_linear_algebra_to(wanted)
            found = {
                one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"
            }
            assert found == {wanted}
