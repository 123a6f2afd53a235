"""Numbers: scaled by hand-worked cases, and never anything but finite, whatever comes."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.number import CLIP, Number, NumberOptions
from shelfwise.errors import ModelFolderError


def price_column(values: list[float | None]) -> InputColumn:
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    return InputColumn("price", Role.NUMBER, pa.array(values, pa.float64(), from_pandas=False), state)


def encoded(training: list[float | None], values: list[float | None]) -> Encoded:
    encoder = Number(NumberOptions())
    encoder.fit(encoder.prepare(price_column(training)), np.arange(len(training)))
    return encoder.transform(encoder.prepare(price_column(values)))


def test_by_hand() -> None:
    # Median 30 and quartiles 20 and 40 of 10, 20, 30, 40, 50.
    found = encoded([10, 20, 30, 40, 50, None], [30, 50, 10, None, 1000])
    np.testing.assert_allclose(found.matrix[:, 0], [0, 1, -1, 0, CLIP])
    assert found.matrix[:, 2].tolist() == [1, 1, 1, 0, 1]
    logs = np.log1p([10, 20, 30, 40, 50])
    expected = (logs[4] - logs[2]) / (logs[3] - logs[1])
    assert found.matrix[1, 1] == pytest.approx(expected, rel=1e-5)
    assert found.state.tolist() == [0, 0, 0, State.ABSENT, 0]


def test_nan_is_absent_and_infinity_failed_with_its_reason() -> None:
    found = encoded([1, 2, 3], [float("nan"), float("inf"), -float("inf"), 2])
    assert found.state.tolist() == [State.ABSENT, State.FAILED, State.FAILED, State.PRESENT]
    assert found.reasons == {
        1: "expected a finite number, got inf",
        2: "expected a finite number, got -inf",
    }
    assert not found.matrix[:3].any()


def test_one_price_for_most_products_still_spreads_the_others() -> None:
    found = encoded([10.0] * 90 + [20.0] * 10, [10.0, 20.0])
    np.testing.assert_allclose(found.matrix[:, 0], [0, 1])


def test_one_price_for_all_products() -> None:
    found = encoded([7.0, 7.0], [7.0, 8.0])
    np.testing.assert_allclose(found.matrix[:, 0], [0, 1])


def test_wild_prices_do_not_move_the_scale() -> None:
    sane: list[float | None] = [float(price) for price in range(10, 60)]
    plain = encoded(sane, sane).matrix
    wild = encoded([*sane, 1e308, -1e308], sane).matrix
    assert np.abs(plain - wild).max() < 0.2


ANY_NUMBER = (
    st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([1e308, -1e308, 5e-324])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANY_NUMBER, max_size=12), st.lists(ANY_NUMBER, max_size=12))
def test_always_finite_clipped_and_flagged(training: list[float | None], values: list[float | None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = encoded(training, values)
    assert found.matrix.shape == (len(values), 3)
    assert found.matrix.dtype == np.float32
    assert np.isfinite(found.matrix).all()
    assert (np.abs(found.matrix) <= CLIP).all()
    np.testing.assert_array_equal(found.matrix[:, 2] == 1, found.present)
    assert not found.matrix[~found.present].any()
    usable = [value is not None and bool(np.isfinite(value)) for value in values]
    np.testing.assert_array_equal(found.present, usable)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_order_is_kept(values: list[float]) -> None:
    found = encoded(list(values), sorted(values)).matrix
    assert (np.diff(found[:, 0]) >= 0).all()
    assert (np.diff(found[:, 1]) >= 0).all()


@pytest.mark.parametrize(
    "change",
    [
        {"center": None},
        {"scale": np.array([1.0, 0.0])},
        {"scale": np.array([1.0, -2.0])},
        {"scale": np.array([1.0, np.nan])},
        {"center": np.zeros(3)},
        {"center": np.zeros(2, np.float32)},
    ],
)
def test_an_altered_state_is_refused(change: dict[str, np.ndarray | None]) -> None:
    state = {**Number(NumberOptions()).state_arrays(), **change}
    arrays = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ModelFolderError, match="expected"):
        Number(NumberOptions()).load_state(arrays, {})
