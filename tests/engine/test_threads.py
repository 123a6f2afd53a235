"""Threads: what the process may use, and fewer where it was told so."""

from __future__ import annotations

import os

import pytest

from shelfwise.engine.threads import compute_threads


@pytest.mark.parametrize(
    ("told", "expected"), [("1", 1), ("1000000", None), ("", None), ("0", None), ("two", None)]
)
def test_the_environment_lowers_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, told: str, expected: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert compute_threads() == (expected or usable)
