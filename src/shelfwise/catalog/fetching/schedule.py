"""Who is asked next, and when: a few requests at once a host, at a steady rate, after the waits it asked for.

All times are seconds of one clock that only goes forward, and are passed in, so that nothing here sleeps.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field

from shelfwise.catalog.fetching.ask import Job
from shelfwise.catalog.fetching.limits import FetchLimits

CATCH_UP_S = 0.1
"""A host may get the requests of this long at once, where timers woke late."""


@dataclass
class _Host:
    ready: deque[Job] = field(default_factory=deque)
    later: list[tuple[float, int, Job]] = field(default_factory=list)
    """A heap by the time before which the job must not start."""
    active: int = 0
    next_at: float = 0.0
    paused_until: float = 0.0
    strikes: int = 0
    turn: int | None = None
    """Its valid place in the queue of hosts, of which older ones are dropped when they come up."""
    turn_at: float = 0.0

    def may_start_at(self) -> float | None:
        """When its next job may start; None where there is no job."""
        if self.ready:
            return max(self.next_at, self.paused_until)
        return max(self.next_at, self.paused_until, self.later[0][0]) if self.later else None


class Schedule:
    """Jobs waiting at their hosts. Jobs taken must be given back by ``release``."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        self._hosts: dict[str, _Host] = {}
        self._turns: list[tuple[float, int, str]] = []
        self._number = itertools.count()
        self.waiting = 0
        """Jobs that have not been taken."""

    def add(self, job: Job) -> None:
        """At the end of its host's queue."""
        self._host(job.host).ready.append(job)
        self._added(job.host)

    def add_next(self, job: Job) -> None:
        """At the head of its host's queue: an image that is under way comes before new ones."""
        self._host(job.host).ready.appendleft(job)
        self._added(job.host)

    def add_later(self, job: Job, when: float) -> None:
        """To start at ``when`` or later."""
        heapq.heappush(self._host(job.host).later, (when, next(self._number), job))
        self._added(job.host)

    def take(self, now: float) -> Job | None:
        """A job that may start now, or None."""
        while self._turns and self._turns[0][0] <= now:
            _, turn, name = heapq.heappop(self._turns)
            host = self._hosts[name]
            if turn != host.turn:
                continue
            host.turn = None
            when = host.may_start_at()
            if when is not None and when <= now and host.active < self._limits.per_host:
                job = heapq.heappop(host.later)[2] if _due(host, now) else host.ready.popleft()
                host.active += 1
                host.next_at = max(host.next_at, now - CATCH_UP_S) + 1 / self._limits.rate
                self.waiting -= 1
                self._enlist(name)
                return job
            self._enlist(name)
        return None

    def release(self, host: str) -> None:
        """A request of the host is over."""
        self._hosts[host].active -= 1
        self._enlist(host)

    def pause(self, host: str, until: float) -> None:
        """The host gets no request before ``until``."""
        one = self._host(host)
        one.paused_until = max(one.paused_until, until)

    def next_at(self) -> float | None:
        """When ``take`` may have a job; None where only a ``release`` or a new job can change that."""
        return self._turns[0][0] if self._turns else None

    def answered(self, host: str) -> None:
        """The host can be reached."""
        self._host(host).strikes = 0

    def strike(self, host: str) -> bool:
        """The host could not be reached; True where that was once too often in a row."""
        one = self._host(host)
        one.strikes += 1
        return one.strikes >= self._limits.strikes

    def drop(self, host: str) -> list[Job]:
        """Every job that waits for the host, removed."""
        one = self._host(host)
        dropped = [*one.ready, *(job for _, _, job in one.later)]
        one.ready.clear()
        one.later.clear()
        self.waiting -= len(dropped)
        return dropped

    def _host(self, name: str) -> _Host:
        return self._hosts.setdefault(name, _Host())

    def _added(self, name: str) -> None:
        self.waiting += 1
        self._enlist(name)

    def _enlist(self, name: str) -> None:
        """Give the host its turn at the time its next job may start."""
        host = self._hosts[name]
        when = host.may_start_at()
        if when is None or host.active >= self._limits.per_host:
            return
        if host.turn is None or when < host.turn_at:
            host.turn, host.turn_at = next(self._number), when
            heapq.heappush(self._turns, (when, host.turn, name))


def _due(host: _Host, now: float) -> bool:
    """Whether a delayed job's time has come: it was here before those that have not been tried."""
    return bool(host.later) and (host.later[0][0] <= now or not host.ready)
