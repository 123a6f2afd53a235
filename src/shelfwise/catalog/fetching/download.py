"""Fetches many images into a store: asks by the schedule, keeps what comes, tries again what may come later."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpcore

from shelfwise.catalog.decoding import decoder_threads
from shelfwise.catalog.fetching.addresses import AddressRules
from shelfwise.catalog.fetching.ask import Again, Came, Failed, Job, Moved, Outcome, Unchanged, ask
from shelfwise.catalog.fetching.connect import CheckedBackend, Resolver, SystemResolver
from shelfwise.catalog.fetching.journal import Journal
from shelfwise.catalog.fetching.keep import store_image
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.records import Found, NotTried, Record, Result, Validators, Wanted
from shelfwise.catalog.fetching.schedule import Schedule
from shelfwise.catalog.fetching.spool import Spooled
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.catalog.fetching.transport import CheckedTransport

T = TypeVar("T")
_POLL_S = 0.2


OnResult = Callable[[str, Result], None]
"""Told each URL and what became of it, once it is safe on disk."""


@dataclass(frozen=True)
class Network:
    """How names are looked up and connections made; tests put their own in place."""

    resolve: Resolver | None = None
    connector: httpcore.AsyncNetworkBackend | None = None


class Downloader:
    """One run. ``given_up`` maps hosts to why they are asked no more; it is added to."""

    def __init__(
        self,
        store: ImageStore,
        rules: AddressRules,
        limits: FetchLimits,
        *,
        run: int,
        on_result: OnResult,
        given_up: dict[str, str],
        network: Network = Network(),
    ) -> None:
        self._store, self._rules, self._limits = store, rules, limits
        self._run, self._on_result, self._given_up = run, on_result, given_up
        self._network = network
        self._schedule = Schedule(limits)
        self._journal = Journal(store.index)
        self._earlier: dict[str, Record] = {}
        self._chance = random.Random()
        self._running: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    async def fetch(self, wanted: Iterable[Wanted]) -> None:
        """Fetch all; every URL gets its result. Raises FetchError and OSError where the store fails."""
        self._wake = asyncio.Event()
        resolver = self._network.resolve or SystemResolver()
        backend = CheckedBackend(self._rules, resolver, self._network.connector)
        self._threads = ThreadPoolExecutor(decoder_threads(), thread_name_prefix="shrink")
        self._spooler = ThreadPoolExecutor(1, thread_name_prefix="spool")
        try:
            async with CheckedTransport(backend, self._limits.concurrent) as self._transport:
                for one in wanted:
                    if one.earlier is not None:
                        self._earlier[one.url] = one.earlier
                    known = one.earlier.validators if one.earlier else Validators()
                    self._schedule.add(Job(one.url, one.url, known))
                for host in list(self._given_up):
                    await self._drop(host)
                await self._work_off()
        finally:
            for threads in (self._spooler, self._threads):
                threads.shutdown(wait=True, cancel_futures=True)
            if isinstance(resolver, SystemResolver):
                resolver.close()

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._error is None and (self._schedule.waiting or self._running):
                self._wake.clear()
                now = loop.time()
                while len(self._running) < self._limits.concurrent and (job := self._schedule.take(now)):
                    self._start(job)
                next_at = self._schedule.next_at() if len(self._running) < self._limits.concurrent else None
                try:
                    async with asyncio.timeout_at(next_at):
                        await self._wake.wait()
                except TimeoutError:
                    continue  # the next job's time has come
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        if self._error is not None:
            raise self._error

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._one(job))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            self._error = self._error or task.exception()
        self._wake.set()

    async def _one(self, job: Job) -> None:
        """One request and all that follows from it."""
        outcome: Outcome | Spooled
        try:
            outcome = await ask(self._transport, job, self._limits, self._rules.ports)
            if isinstance(outcome, Came):
                # Before the host's place is free again: so no more than these places can be lost by a kill.
                outcome = await self._spool(job.key, outcome)
        finally:
            # From here on the host has nothing to do with it; the place among all is kept until it is safe.
            self._schedule.release(job.host)
            self._wake.set()
        if not (isinstance(outcome, Again) and outcome.unreachable):
            self._schedule.answered(job.host)
        elif self._schedule.strike(job.host) and job.host not in self._given_up:
            self._given_up[job.host] = f"{job.host} could not be reached: {outcome.reason}"
            await self._drop(job.host)
        await self._follow(job, outcome)

    async def _spool(self, url: str, came: Came) -> Spooled:
        """In a thread that does nothing else; once this returns, a kill does not lose the body."""
        keep = self._store.spool.keep
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._spooler, keep, url, came.body, came.validators)

    async def _follow(self, job: Job, outcome: Outcome | Spooled) -> None:
        match outcome:
            case Spooled():
                await self._keep(job, outcome)
            case Unchanged():
                await self._record(replace(self._earlier[job.key], reason=""))
            case Moved(job=moved):
                if moved.host in self._given_up:
                    await self._fail(job, Failed(self._given_up[moved.host]))
                else:
                    self._schedule.add_next(moved)
            case Again():
                await self._again(job, outcome)
            case Failed():
                await self._fail(job, outcome)

    async def _again(self, job: Job, outcome: Again) -> None:
        attempt = job.attempt + outcome.counts
        backoff = min(self._limits.first_wait_s * 2 ** (attempt - 1), self._limits.longest_wait_s)
        # Spread, so that what failed together does not come back together.
        wait_s = max(outcome.wait_s or 0.0, backoff * self._chance.uniform(0.5, 1.5))
        if outcome.wait_s is not None and outcome.wait_s > self._limits.longest_wait_s:
            asked = f"; the server asks to wait {outcome.wait_s:,.0f} s"
            await self._fail(job, Failed(outcome.reason + asked))
        elif attempt >= self._limits.attempts or job.host in self._given_up:
            await self._fail(job, Failed(outcome.reason))
        else:
            when = asyncio.get_running_loop().time() + wait_s
            if outcome.busy:
                self._schedule.pause(job.host, when)
            self._schedule.add_later(replace(job, attempt=attempt), when)

    async def _drop(self, host: str) -> None:
        """The host is given up: what has not been tried there is not, the rest has failed."""
        reason = self._given_up[host]
        for job in self._schedule.drop(host):
            if job.attempt or job.hops:
                await self._fail(job, Failed(reason))
            else:
                self._on_result(job.key, NotTried(reason))

    async def _keep(self, job: Job, spooled: Spooled) -> None:
        loop = asyncio.get_running_loop()
        record = await loop.run_in_executor(self._threads, store_image, self._store, spooled)
        if record.state is Found.OK:
            await self._record(record)
        else:
            await self._fail(job, Failed(record.reason))
        self._store.spool.drop(spooled)

    async def _fail(self, job: Job, failure: Failed) -> None:
        earlier = self._earlier.get(job.key)
        if earlier is not None:
            # An image that was once had is not lost because its server has a bad day.
            await self._record(replace(earlier, reason=f"an earlier version is kept: {failure.reason}"))
        else:
            state = Found.REFUSED if failure.refused else Found.FAILED
            await self._record(Record(job.key, state, failure.reason))

    async def _record(self, record: Record) -> None:
        record = replace(record, run=self._run, tried_at=time.time())
        await self._journal.record(record)
        self._on_result(record.url, record)


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own, so that it also works beside a running event loop (a notebook).

    Ctrl-C cancels it, waits for its clean end and is raised again.
    """
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as thread:
        future = thread.submit(asyncio.run, main())
        try:
            while not future.done():
                wait([future], timeout=_POLL_S)
        except KeyboardInterrupt:
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
            wait([future])
            raise
        return future.result()
