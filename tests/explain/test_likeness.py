"""Likeness in whole numbers: in C as by NumPy, bit for bit, and what cosines say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.explain import likeness as likeness_module
from shelfwise.explain.likeness import MOST_NUMBERS, Shards

native = pytest.mark.skipif(
    likeness_module._likeness is None or not likeness_module._likeness.works_here(),
    reason="the loop was not compiled, or this processor does not run it",
)


def any_sizes(test: Callable[..., None]) -> Callable[..., None]:
    """With how many vectors are asked about, how many others there are in how many shards, half their numbers, and a seed."""
    sizes = (st.integers(0, 140), st.integers(1, 40), st.sampled_from([1, 3, 8]))
    return settings(max_examples=60, deadline=None)(
        given(*sizes, st.integers(1, MOST_NUMBERS // 2), st.integers(0, 10_000))(test)
    )


def unit(count: int, numbers: int, seed: int) -> np.ndarray:
    """Some of them zero."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, numbers)) * (rng.random((count, 1)) > 0.1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)


def cosines(vectors: np.ndarray, others: np.ndarray, shards: int) -> np.ndarray:
    found = vectors.astype(np.float64) @ others.T.astype(np.float64)
    return found.reshape(len(vectors), shards, len(others) // shards).max(2)


@any_sizes
def test_it_is_the_cosine_with_the_likest_of_each_shard(
    count: int, size: int, shards: int, twos: int, seed: int
) -> None:
    others, asked = unit(shards * size, 2 * twos, seed), unit(count, 2 * twos, seed + 1)
    found = Shards(others, shards).likest(asked)
    np.testing.assert_allclose(found, cosines(asked, others, shards), atol=3e-3)
    assert np.abs(found).max(initial=0) <= 1


@native
@any_sizes
def test_numpy_finds_the_same_bit_for_bit(count: int, size: int, shards: int, twos: int, seed: int) -> None:
    others, asked = unit(shards * size, 2 * twos, seed), unit(count, 2 * twos, seed + 1)
    # What is barred is looked for by NumPy; here nothing is.
    by_numpy = Shards(others, shards).likest(asked, [np.zeros(0, np.int64)] * count)
    try:
        for bits in (512, 256, 0):  # without wide registers NumPy does it again
            likeness_module._likeness.hold_to(bits)
            np.testing.assert_array_equal(Shards(others, shards).likest(asked), by_numpy)
    finally:
        likeness_module._likeness.hold_to(512)


def test_sums_are_exact_where_they_are_largest() -> None:
    """Vectors of the most numbers, each as large as can be: what a rounding could spoil, in any order of summing."""
    even = np.full((1, MOST_NUMBERS), 1 / np.sqrt(MOST_NUMBERS), np.float32)
    shards = Shards(np.repeat(even, 4, axis=0), 2)
    for found in (shards.likest(even), shards.likest(even, [np.array([0, 2])])):
        np.testing.assert_allclose(found, 1, atol=2e-3)
    largest = likeness_module._whole(even).astype(np.int64)
    assert (largest**2).sum() < 2**24


def test_a_product_finds_the_same_whatever_else_is_asked() -> None:
    others, asked = unit(8 * 50, 128, 1), unit(203, 128, 2)
    shards = Shards(others, 8)
    together = shards.likest(asked)
    np.testing.assert_array_equal(together, np.vstack([shards.likest(asked[[row]]) for row in range(203)]))


def test_what_is_barred_does_not_count() -> None:
    others = unit(16, 128, 3)
    found = Shards(others, 2).likest(others[[5]], [np.array([5, 400])])
    left = others.copy()
    left[5] = -others[5]
    np.testing.assert_allclose(found, cosines(others[[5]], left, 2), atol=3e-3)
    assert found[0, 0] < 0.9
    nothing = Shards(others, 2).likest(others[[5]], [np.arange(16)])
    np.testing.assert_array_equal(nothing, -1)


@native
def test_sizes_that_do_not_go_together_are_refused() -> None:
    asked, others, out = (
        np.zeros((2, 4), np.int16),
        np.zeros((1, 1, 2, 16, 2), np.int16),
        np.zeros((2, 1), np.int32),
    )
    run = likeness_module._likeness.likest
    run(asked, others, 4, 1, out)
    for arguments in (
        (asked, others, 3, 1, out),
        (asked, others, 0, 1, out),
        (asked, others, 4, 0, out),
        (asked, others, 4, 2, out),
        (asked[:1], others, 4, 1, out),
        (asked, others[..., :8, :].copy(), 4, 1, out),
        (asked, others, 4, 1, out[:1]),
    ):
        with pytest.raises(ValueError, match="sizes that go together"):
            run(*arguments)
