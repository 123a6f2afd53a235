"""However jobs come and end, no host is asked faster or by more than was promised, and no job is lost."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog.fetching.ask import Job
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.schedule import CATCH_UP_S, Schedule


def job(host: str, number: int) -> Job:
    url = f"http://{host}/{number}"
    return Job(url, url)


def run_all(
    schedule: Schedule, duration_s: float, started: list[tuple[float, Job]], limit: int = 10_000
) -> None:
    """Take every job when it may start; each runs for ``duration_s``. A clock without sleeping."""
    now, running = 0.0, []
    while schedule.waiting or running:
        assert len(started) < limit
        while taken := schedule.take(now):
            started.append((now, taken))
            running.append((now + duration_s, taken.host))
        moments = [when for when, _ in running]
        next_at = schedule.next_at()
        if next_at is not None and next_at > now:
            moments.append(next_at)
        now = min(moments)
        for one in [one for one in running if one[0] <= now]:
            running.remove(one)
            schedule.release(one[1])


@given(
    hosts=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    waits=st.lists(st.floats(0, 3), max_size=10),
    per_host=st.integers(1, 4),
    rate=st.floats(0.5, 50),
    duration_s=st.floats(0.001, 2),
)
def test_limits_hold(
    hosts: list[int], waits: list[float], per_host: int, rate: float, duration_s: float
) -> None:
    schedule = Schedule(FetchLimits(per_host=per_host, rate=rate))
    jobs = [job(f"h{host}", number) for number, host in enumerate(hosts)]
    for one in jobs:
        schedule.add(one)
    later = {job("h0", 1000 + number): when for number, when in enumerate(waits)}
    for one, when in later.items():
        schedule.add_later(one, when)
    started: list[tuple[float, Job]] = []
    run_all(schedule, duration_s, started)
    assert Counter(one for _, one in started) == Counter([*jobs, *later])
    for when, one in started:
        assert when >= later.get(one, 0.0)
    by_host = defaultdict(list)
    for when, one in started:
        by_host[one.host].append(when)
    for times in by_host.values():
        for first in range(len(times)):
            for last in range(first, len(times)):
                most = rate * (times[last] - times[first] + CATCH_UP_S) + 1
                assert last - first + 1 <= most + 1e-6
            at_once = sum(start <= times[first] < start + duration_s - 1e-9 for start in times)
            assert at_once <= per_host


def test_a_host_that_is_alone_is_asked_as_fast_as_allowed() -> None:
    schedule = Schedule(FetchLimits(per_host=100, rate=10))
    for number in range(101):
        schedule.add(job("h", number))
    started: list[tuple[float, Job]] = []
    run_all(schedule, 0.01, started)
    assert started[-1][0] <= 10.0 + 1e-6
    assert [int(one.url.rsplit("/", 1)[1]) for _, one in started] == list(range(101))


def test_a_slow_host_does_not_hold_up_another() -> None:
    schedule = Schedule(FetchLimits(per_host=1, rate=1000))
    for number in range(3):
        schedule.add(job("slow", number))
        schedule.add(job("quick", number))
    assert schedule.take(0.0) == job("slow", 0)
    assert schedule.take(0.0) == job("quick", 0)
    assert schedule.take(0.0) is None
    schedule.release("quick")
    assert schedule.take(1.0) == job("quick", 1)


def test_what_is_under_way_comes_first() -> None:
    schedule = Schedule(FetchLimits())
    schedule.add(job("h", 1))
    schedule.add_next(job("h", 2))
    assert schedule.take(0.0) == job("h", 2)


def test_a_pause_holds_the_whole_host() -> None:
    schedule = Schedule(FetchLimits(rate=1000))
    schedule.add(job("h", 1))
    schedule.add(job("other", 1))
    schedule.pause("h", 5.0)
    schedule.pause("h", 3.0)
    assert schedule.take(1.0) == job("other", 1)
    assert schedule.take(4.9) is None
    assert schedule.next_at() == 5.0
    assert schedule.take(5.0) == job("h", 1)
    assert schedule.next_at() is None


def test_strikes_in_a_row() -> None:
    schedule = Schedule(FetchLimits(strikes=3))
    assert [schedule.strike("h") for _ in range(2)] == [False, False]
    schedule.answered("h")
    assert [schedule.strike("h") for _ in range(3)] == [False, False, True]


def test_dropping_a_host() -> None:
    schedule = Schedule(FetchLimits())
    schedule.add(job("h", 1))
    schedule.add_later(job("h", 2), 9.0)
    schedule.add(job("other", 1))
    assert schedule.drop("h") == [job("h", 1), job("h", 2)]
    assert schedule.waiting == 1
    assert schedule.take(10.0) == job("other", 1)
    assert schedule.take(10.0) is None
