"""The queue before the model: together, in order, bounded, and nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.serving.batcher import Batcher
from shelfwise.serving.errors import OverloadedError
from shelfwise.serving.products import Product
from shelfwise.serving.settings import ServeSettings


def some(count: int, start: int = 0) -> list[Product]:
    return [Product(str(number), {}) for number in range(start, start + count)]


class Gate:
    """A model that waits to be let through, and remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []

    def __call__(self, products: list[Product]) -> list[str]:
        self.entered.set()
        self.open.wait(10)
        self.batches.append(len(products))
        return [one.id for one in products]


def test_what_waits_is_computed_together() -> None:
    gate = Gate()
    batcher = Batcher(gate, ServeSettings(wait_ms=0, batch_products=8))
    batcher.start()

    async def run() -> list[list[str]]:
        first = asyncio.create_task(batcher.ask(some(1)))
        await asyncio.to_thread(gate.entered.wait, 10)
        others = [asyncio.create_task(batcher.ask(some(3, 10 * number))) for number in range(1, 4)]
        await asyncio.sleep(0.05)
        gate.open.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(run())
    batcher.close()
    assert answers == [["0"], ["10", "11", "12"], ["20", "21", "22"], ["30", "31", "32"]]
    assert gate.batches == [1, 6, 3]  # whole requests, at most eight products
    assert batcher.products == 0


def test_one_request_may_be_larger_than_a_batch() -> None:
    batcher = Batcher(
        lambda products: [one.id for one in products], ServeSettings(wait_ms=0, batch_products=2)
    )
    batcher.start()
    assert asyncio.run(batcher.ask(some(5))) == ["0", "1", "2", "3", "4"]
    batcher.close()


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    gate = Gate()
    batcher = Batcher(gate, ServeSettings(wait_ms=0, queue_products=4))
    batcher.start()

    async def run() -> None:
        first = asyncio.create_task(batcher.ask(some(2)))
        await asyncio.to_thread(gate.entered.wait, 10)
        second = asyncio.create_task(batcher.ask(some(2)))
        await asyncio.sleep(0.02)
        with pytest.raises(OverloadedError) as refused:
            await batcher.ask(some(1))
        assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
        gate.open.set()
        assert await asyncio.gather(first, second) == [["0", "1"]] * 2
        assert await batcher.ask(some(4)) == ["0", "1", "2", "3"]

    asyncio.run(run())
    batcher.close()


def test_bytes_are_bounded_too() -> None:
    gate = Gate()
    batcher = Batcher(gate, ServeSettings(wait_ms=0, queue_bytes=100))
    batcher.start()
    large = [Product("1", {"text": "x" * 80})]

    async def run() -> None:
        first = asyncio.create_task(batcher.ask(large))
        await asyncio.to_thread(gate.entered.wait, 10)
        with pytest.raises(OverloadedError):
            await batcher.ask(large)
        gate.open.set()
        await first

    asyncio.run(run())
    batcher.close()


def test_what_takes_too_long_is_given_up_and_not_computed_later() -> None:
    gate = Gate()
    batcher = Batcher(gate, ServeSettings(wait_ms=0, timeout_s=0.1))
    batcher.start()

    async def run() -> None:
        first = asyncio.create_task(batcher.ask(some(1)))
        await asyncio.to_thread(gate.entered.wait, 10)
        second = asyncio.create_task(batcher.ask(some(2)))
        for one in (first, second):
            with pytest.raises(OverloadedError, match="no answer within"):
                await one
        gate.open.set()

    asyncio.run(run())
    batcher.close()
    assert gate.batches == [1]
    assert batcher.products == 0


def test_closing_answers_what_was_accepted() -> None:
    gate = Gate()
    batcher = Batcher(gate, ServeSettings(wait_ms=0))
    batcher.start()

    async def run() -> list[list[str]]:
        accepted = [asyncio.create_task(batcher.ask(some(1, number))) for number in range(5)]
        await asyncio.to_thread(gate.entered.wait, 10)
        closing = asyncio.create_task(asyncio.to_thread(batcher.close))
        await asyncio.sleep(0.02)
        with pytest.raises(OverloadedError, match="being stopped"):
            await batcher.ask(some(1))
        gate.open.set()
        await closing
        return await asyncio.gather(*accepted)

    assert asyncio.run(run()) == [[str(number)] for number in range(5)]
    assert not batcher.alive


def test_what_the_work_raises_reaches_those_who_wait_and_the_next_are_served() -> None:
    def work(products: list[Product]) -> list[str]:
        if products[0].id == "0":
            raise ArithmeticError("once")
        return [one.id for one in products]

    batcher = Batcher(work, ServeSettings(wait_ms=0))
    batcher.start()

    async def run() -> None:
        with pytest.raises(ArithmeticError, match="once"):
            await batcher.ask(some(2))
        assert await batcher.ask(some(2, 1)) == ["1", "2"]

    asyncio.run(run())
    batcher.close()


def test_the_first_waits_for_company() -> None:
    sizes: list[int] = []

    def work(products: list[Product]) -> list[str]:
        sizes.append(len(products))
        return [one.id for one in products]

    batcher = Batcher(work, ServeSettings(wait_ms=300, batch_products=3))
    batcher.start()

    async def run() -> None:
        began = time.monotonic()
        await asyncio.gather(*(batcher.ask(some(1, number)) for number in range(3)))
        assert time.monotonic() - began < 0.25  # a full batch waits no longer

    asyncio.run(run())
    batcher.close()
    assert sizes == [3]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=25), st.integers(1, 12))
def test_everybody_gets_their_own(sizes: list[int], most: int) -> None:
    batcher = Batcher(
        lambda products: [one.id for one in products], ServeSettings(wait_ms=0.1, batch_products=most)
    )
    batcher.start()
    asked = [some(size, 100 * place) for place, size in enumerate(sizes)]

    async def run() -> list[list[str]]:
        return await asyncio.gather(*(batcher.ask(one) for one in asked))

    answers = asyncio.run(run())
    batcher.close()
    assert answers == [[one.id for one in products] for products in asked]
    assert batcher.products == 0
