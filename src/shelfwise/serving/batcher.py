"""Requests computed together: a bounded queue, and one thread that takes what has come and runs the model once for all.

While the model computes, the next requests gather; so the busier it is, the larger the batches. A request that finds the
model idle waits a moment for company. Nothing that was accepted is lost: closing waits until all of it is answered.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelfwise.serving.errors import OverloadedError
from shelfwise.serving.products import Product
from shelfwise.serving.settings import ServeSettings

Answer = TypeVar("Answer")
LEAST_RETRY_S, MOST_RETRY_S = 1, 30


@dataclass
class _Waiting(Generic[Answer]):
    """One request's products, and where its answers go."""

    products: Sequence[Product]
    size: int
    future: asyncio.Future[list[Answer]]
    loop: asyncio.AbstractEventLoop
    since: float


class Batcher(Generic[Answer]):
    """``work`` gets the products of whole requests, at most ``batch_products`` (or one larger request), and gives one answer
    each, in order. It runs in one thread, and what it raises is raised to every request of the batch."""

    def __init__(
        self,
        work: Callable[[list[Product]], list[Answer]],
        settings: ServeSettings,
        told: Callable[[int, float], None] | None = None,
    ) -> None:
        """``told`` hears of every batch: how many products, and how many seconds they took."""
        self._work = work
        self._settings = settings
        self._told = told or (lambda _products, _seconds: None)
        self._waiting: deque[_Waiting[Answer]] = deque()
        self._change = threading.Condition()
        self._products = 0
        self._bytes = 0
        self._closing = False
        self._product_s = 0.01
        """What a product takes at present, in seconds: by it callers are told when to come again."""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to compute, again where it was closed; nothing where it has begun."""
        if self.alive:
            return
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether requests are computed."""
        return self._thread is not None and self._thread.is_alive() and not self._closing

    @property
    def products(self) -> int:
        """Products accepted and not yet answered."""
        return self._products

    async def ask(self, products: Sequence[Product]) -> list[Answer]:
        """The answers of some products. Raises OverloadedError where the queue is full, closing, or too slow."""
        loop = asyncio.get_running_loop()
        size = sum(one.size for one in products)
        one = _Waiting(products, size, loop.create_future(), loop, time.monotonic())
        with self._change:
            if self._closing:
                raise OverloadedError("the service is being stopped", LEAST_RETRY_S)
            full = self._products + len(products) > self._settings.queue_products
            if self._products and (full or self._bytes + size > self._settings.queue_bytes):
                raise OverloadedError("too many requests are waiting; try again", self._retry_after())
            self._products += len(products)
            self._bytes += size
            self._waiting.append(one)
            self._change.notify()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await one.future
        except TimeoutError as error:
            raise OverloadedError(
                f"no answer within {self._settings.timeout_s:g} s; try again", self._retry_after()
            ) from error

    def close(self) -> None:
        """Take no more, and come back when all that was accepted is answered."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _retry_after(self) -> int:
        """Whole seconds until the queue will have gone down."""
        return round(min(max(self._products * self._product_s, LEAST_RETRY_S), MOST_RETRY_S))

    def _run(self) -> None:
        # The pool's futures carry whatever the work raises to those who wait for it; this thread goes on.
        with ThreadPoolExecutor(1, thread_name_prefix="model") as pool:
            while batch := self._next():
                products = [product for one in batch for product in one.products]
                began = time.monotonic()
                done = pool.submit(self._work, products)
                error = done.exception()
                self._done(batch)
                if error is not None:
                    self._tell(batch, [error] * len(batch))
                    continue
                took = time.monotonic() - began
                self._product_s = 0.8 * self._product_s + 0.2 * took / max(len(products), 1)
                self._told(len(products), took)
                self._tell(batch, _shared_out(batch, done.result()))

    def _next(self) -> list[_Waiting[Answer]]:
        """The next requests to compute together; none when everything is done and the service is to stop."""
        settings = self._settings
        with self._change:
            while True:
                while not self._waiting:
                    if self._closing:
                        return []
                    self._change.wait()
                until = self._waiting[0].since + settings.wait_ms / 1000
                while self._queued() < settings.batch_products and not self._closing:
                    left = until - time.monotonic()
                    if left <= 0 or not self._change.wait(left):
                        break
                batch = self._take()
                if batch:
                    return batch

    def _queued(self) -> int:
        return sum(len(one.products) for one in self._waiting)

    def _take(self) -> list[_Waiting[Answer]]:
        batch: list[_Waiting[Answer]] = []
        count = 0
        while self._waiting:
            one = self._waiting[0]
            if batch and count + len(one.products) > self._settings.batch_products:
                break
            self._waiting.popleft()
            if one.future.done():  # nobody waits for it any more
                self._products -= len(one.products)
                self._bytes -= one.size
                continue
            batch.append(one)
            count += len(one.products)
        return batch

    def _done(self, batch: Sequence[_Waiting[Answer]]) -> None:
        with self._change:
            self._products -= sum(len(one.products) for one in batch)
            self._bytes -= sum(one.size for one in batch)

    def _tell(self, batch: Sequence[_Waiting[Answer]], found: Sequence[list[Answer] | BaseException]) -> None:
        """Wake those who wait: one call for all, in the loop that they wait in."""
        loop = batch[0].loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, [one.future for one in batch], found)


def _shared_out(
    batch: Sequence[_Waiting[Answer]], answers: list[Answer]
) -> list[list[Answer] | BaseException]:
    """Each request's own answers."""
    found: list[list[Answer] | BaseException] = []
    start = 0
    for one in batch:
        found.append(answers[start : start + len(one.products)])
        start += len(one.products)
    return found


def _set(
    futures: Sequence[asyncio.Future[list[Answer]]], found: Sequence[list[Answer] | BaseException]
) -> None:
    for future, answers in zip(futures, found, strict=True):
        if future.done():
            continue
        if isinstance(answers, BaseException):
            future.set_exception(answers)
        else:
            future.set_result(answers)
