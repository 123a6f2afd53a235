"""Numbers: scaled and shared among quantiles by hand-worked cases, and never anything but finite, whatever comes."""

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


def fitted(training: list[float | None], **options: int) -> Number:
    encoder = Number(NumberOptions(**options))
    return encoder.fit(encoder.prepare(price_column(training)), np.arange(len(training)))


def encoded(training: list[float | None], products: list[float | None], **options: int) -> Encoded:
    encoder = fitted(training, **options)
    return encoder.transform(encoder.prepare(price_column(products)))


def scaled(found: Encoded) -> np.ndarray:
    """The scaled numbers and their logarithms, float32 [N, 2]."""
    assert not isinstance(found.matrix, np.ndarray)
    return found.matrix[:, :2].toarray()


def test_a_number_is_shared_by_the_quantiles_it_lies_between() -> None:
    training: list[float | None] = [float(value) for value in range(41)]
    found = encoded(training, [0, 5, 10, 12.5, 40, 99, -99, None], bins=4, values=0)
    half = 0.5 * np.eye(5)[0] + 0.5 * np.eye(5)[1]
    quarter = 0.75 * np.eye(5)[1] + 0.25 * np.eye(5)[2]
    first, second, last = np.eye(5)[[0, 1, 4]]
    expected = [first, half, second, quarter, last, last, first, np.zeros(5)]
    np.testing.assert_allclose(found.matrix[:, 2:].toarray(), expected)


def test_bins_have_ten_training_products_and_there_may_be_none() -> None:
    training: list[float | None] = [float(value) for value in range(35)]
    assert len(fitted(training).state_arrays()["edges"]) == 4
    assert len(fitted(training[:9]).state_arrays()["edges"]) == 0
    assert len(fitted(training, bins=0).state_arrays()["edges"]) == 0
    assert len(fitted([7.0] * 50).state_arrays()["edges"]) == 0


def test_common_values_have_a_column_each() -> None:
    training: list[float | None] = [12.0] * 5 + [24.0] * 3 + [5.0] * 2 + [48.0] * 4
    encoder = fitted(training, bins=0)
    assert encoder.state_arrays()["values"].tolist() == [12, 24, 48]
    assert fitted(training, bins=0, values=2).state_arrays()["values"].tolist() == [12, 48]
    found = encoder.transform(encoder.prepare(price_column([24, 24.5, 5, 1000, None, 12])))
    told = [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert found.matrix[:, 2:].toarray().tolist() == told


def test_what_was_learned_is_read_back() -> None:
    training: list[float | None] = [10.0, 20.0, 20.0, 20.0, None, *map(float, range(100))]
    before = fitted(training)
    after = Number(NumberOptions()).load_state(before.state_arrays(), before.state_json())
    prepared = before.prepare(price_column([*training, 33.3]))
    same = after.transform(prepared).matrix != before.transform(prepared).matrix
    assert after.width == before.width == before.transform(prepared).matrix.shape[1]
    assert same.nnz == 0


def test_by_hand() -> None:
    # Median 30 and quartiles 20 and 40 of 10, 20, 30, 40, 50.
    found = encoded([10, 20, 30, 40, 50, None], [30, 50, 10, None, 1000])
    np.testing.assert_allclose(scaled(found)[:, 0], [0, 1, -1, 0, CLIP])
    logs = np.log1p([10, 20, 30, 40, 50])
    expected = (logs[4] - logs[2]) / (logs[3] - logs[1])
    assert scaled(found)[1, 1] == pytest.approx(expected, rel=1e-5)
    assert found.state.tolist() == [0, 0, 0, State.ABSENT, 0]


def test_nan_is_absent_and_infinity_failed_with_its_reason() -> None:
    found = encoded([1, 2, 3], [float("nan"), float("inf"), -float("inf"), 2])
    assert found.state.tolist() == [State.ABSENT, State.FAILED, State.FAILED, State.PRESENT]
    assert found.reasons == {
        1: "expected a finite number, got inf",
        2: "expected a finite number, got -inf",
    }
    assert found.matrix[:3].nnz == 0


def test_one_price_for_most_products_still_spreads_the_others() -> None:
    found = encoded([10.0] * 90 + [20.0] * 10, [10.0, 20.0])
    np.testing.assert_allclose(scaled(found)[:, 0], [0, 1])


def test_one_price_for_all_products() -> None:
    found = encoded([7.0, 7.0], [7.0, 8.0])
    np.testing.assert_allclose(scaled(found)[:, 0], [0, 1])


def test_wild_prices_do_not_move_the_scale() -> None:
    sane: list[float | None] = [float(price) for price in range(10, 60)]
    plain = scaled(encoded(sane, sane))
    wild = scaled(encoded([*sane, 1e308, -1e308], sane))
    assert np.abs(plain - wild).max() < 0.2


ANY_NUMBER = (
    st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([1e308, -1e308, 5e-324])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANY_NUMBER, max_size=12), st.lists(ANY_NUMBER, max_size=12))
def test_always_finite_and_clipped(training: list[float | None], values: list[float | None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = encoded(training, values)
    assert found.matrix.shape[0] == len(values)
    assert found.matrix.dtype == np.float32
    matrix = found.matrix.toarray()
    assert np.isfinite(matrix).all()
    assert (np.abs(matrix) <= CLIP).all()
    assert not matrix[~found.present].any()
    usable = [value is not None and bool(np.isfinite(value)) for value in values]
    np.testing.assert_array_equal(found.present, usable)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_order_is_kept(values: list[float]) -> None:
    found = scaled(encoded(list(values), sorted(values)))
    assert (np.diff(found, axis=0) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=60), st.lists(st.floats(), max_size=10))
def test_shares_of_quantiles_add_up_to_one(training: list[float], values: list[float]) -> None:
    encoder = fitted(list(training), values=0)
    found = encoder.transform(encoder.prepare(price_column(list(values))))
    if len(encoder.state_arrays()["edges"]):
        shares = found.matrix[:, 2:].toarray()
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares[found.present].sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"center": None},
        {"scale": np.array([1.0, 0.0])},
        {"scale": np.array([1.0, -2.0])},
        {"scale": np.array([1.0, np.nan])},
        {"center": np.zeros(3)},
        {"center": np.zeros(2, np.float32)},
        {"edges": None},
        {"edges": np.array([1.0])},
        {"edges": np.array([1.0, 1.0])},
        {"edges": np.array([1.0, np.inf])},
        {"values": np.array([2.0, 1.0])},
        {"values": np.array([[1.0]])},
    ],
)
def test_an_altered_state_is_refused(change: dict[str, np.ndarray | None]) -> None:
    state = {**Number(NumberOptions()).state_arrays(), **change}
    arrays = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ModelFolderError, match=r"expected|train it again"):
        Number(NumberOptions()).load_state(arrays, {})
