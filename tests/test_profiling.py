"""Stages add up to the whole, each counted for itself, and cost nothing when nobody asks."""

from __future__ import annotations

import threading
import time

import pytest

from shelfwise.batch.profile_report import render_profile
from shelfwise.profiling import REST, THREADS, WORKERS, Profile, Spent, active_profile, timed, timed_items

PAUSE_S = 0.02


@timed("inner")
def inner() -> None:
    time.sleep(PAUSE_S)


def test_a_stage_inside_another_is_counted_for_itself() -> None:
    with Profile() as profile:
        started = time.perf_counter()
        with timed("outer"):
            inner()
            inner()
        whole = time.perf_counter() - started
    assert profile.stages["inner"].times == 2
    assert profile.stages["inner"].wall_s >= 2 * PAUSE_S
    assert profile.stages["outer"].wall_s < whole - profile.stages["inner"].wall_s + PAUSE_S
    assert profile.wall_s == pytest.approx(
        sum(profile.stages[name].wall_s for name in ("inner", "outer", REST))
    )


def test_getting_items_is_a_stage() -> None:
    def slow() -> object:
        for item in range(3):
            time.sleep(PAUSE_S)
            yield item

    with Profile() as profile:
        assert list(timed_items(slow(), "read")) == [0, 1, 2]
    assert profile.stages["read"].wall_s >= 3 * PAUSE_S


def test_nothing_is_kept_without_a_profile() -> None:
    inner()
    assert active_profile() is None


def test_an_error_leaves_the_stage() -> None:
    with Profile() as profile:
        with pytest.raises(ValueError, match="x"), timed("fails"):
            raise ValueError("x")
        with timed("next"):
            pass
    assert active_profile() is None
    assert set(profile.stages) == {REST, "fails", "next"}


def test_other_threads_and_processes_are_told_apart() -> None:
    with Profile() as profile:
        other = threading.Thread(target=inner)
        other.start()
        other.join()
        profile.add({"encode": Spent(2.0, 1.0, 1)})
        profile.add({"encode": Spent(3.0, 1.0, 1)})
    assert profile.stages["inner" + THREADS].wall_s >= PAUSE_S
    assert profile.stages["encode" + WORKERS].wall_s == 5.0
    assert profile.wall_s < 2.0


def test_the_table_says_what_there_is_to_say() -> None:
    profile = Profile({"read": Spent(1.0, 0.5, 3), "classify": Spent(3.0, 6.0, 3)})
    table = render_profile(profile, 1000, 4, {"read": "of plain reading"})
    rows = [line.split() for line in table.strip().splitlines()]
    assert rows[1] == ["classify", "3.00", "75.0%", "333", "2.00", "50%", "of", "4", "cores"]
    assert rows[2] == ["read", "1.00", "25.0%", "1,000", "0.50", "of", "plain", "reading"]
    assert rows[3] == ["all", "4.00", "100.0%", "250"]
