"""Large arrays are kept in half precision where that loses nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.storage.stored_classifier import packed, unpacked

HALVES = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float16).astype(np.float32)


def test_halves_take_half_the_bytes_and_come_back() -> None:
    kept = packed({"weight": HALVES})
    assert kept["weight"].nbytes == HALVES.nbytes // 2
    back = unpacked(kept)["weight"]
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, HALVES)


@pytest.mark.parametrize("number", [1 / 3, 1e5, 1e-9, np.float32(1) + np.float32(2**-12)])
@given(place=st.integers(0, HALVES.size - 1))
def test_one_number_that_is_none_keeps_the_array_whole(number: float, place: int) -> None:
    array = HALVES.copy()
    array.flat[place] = number
    kept = packed({"weight": array})["weight"]
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, array)


@pytest.mark.parametrize("array", [HALVES[:10], HALVES.astype(np.float64), np.ones((300, 300), np.int64)])
def test_small_ones_and_other_types_stay(array: np.ndarray) -> None:
    kept = packed({"weight": array})["weight"]
    assert kept.dtype == array.dtype
    np.testing.assert_array_equal(unpacked({"weight": kept})["weight"], array)


def test_small_halves_are_not_taken_for_packed_ones() -> None:
    assert unpacked({"bias": np.ones(5, np.float16)})["bias"].dtype == np.float16
