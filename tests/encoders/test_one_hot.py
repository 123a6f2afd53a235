"""One column a known value, one for all others, and nothing mistaken for anything else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.hashing import VALUE_BUCKETS
from shelfwise.encoders.one_hot import OneHot, OneHotOptions
from shelfwise.errors import ModelFolderError


def brand_column(values: list[str | None]) -> InputColumn:
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    return InputColumn("brand", Role.CATEGORY, pa.array(values, pa.string()), state)


def fitted(values: list[str | None], **options: int) -> OneHot:
    encoder = OneHot(OneHotOptions(**options))
    return encoder.fit(encoder.prepare(brand_column(values)), np.arange(len(values)))


def columns(encoder: OneHot, values: list[str | None]) -> list[int | None]:
    """The column that holds the 1 of each row; None for empty rows."""
    encoded = encoder.transform(encoder.prepare(brand_column(values)))
    dense = encoded.matrix.toarray()
    assert dense.shape == (len(values), encoder.width)
    assert set(dense.sum(1).tolist()) <= {0.0, 1.0}
    np.testing.assert_array_equal(dense.sum(1) == 1, encoded.present)
    return [int(row.argmax()) if row.any() else None for row in dense]


def test_each_frequent_value_has_its_column_and_all_others_the_last() -> None:
    encoder = fitted(["Nike", "Puma", "Nike", "Puma", "Rare", None])
    assert encoder.width == 3
    nike, puma, rare, new, missing = columns(encoder, ["Nike", "Puma", "Rare", "Never seen", None])
    assert {nike, puma} == {0, 1}
    assert (rare, new, missing) == (2, 2, None)


def test_spellings_are_tidied() -> None:
    encoder = fitted(["Under Armour", " UNDER  armour "])
    assert columns(encoder, ["under\u00a0armour", "Under\tArmour", "UnderArmour"]) == [0, 0, 1]


def test_blank_values_become_absent_without_a_reason() -> None:
    encoder = fitted(["Nike", "Nike", "  "])
    found = encoder.transform(encoder.prepare(brand_column(["  ", "", "Nike"])))
    assert found.state.tolist() == [State.ABSENT, State.ABSENT, State.PRESENT]
    assert found.reasons == {}


def test_max_values_keeps_those_of_most_products() -> None:
    encoder = fitted(["a"] * 5 + ["b"] * 2 + ["c"] * 4 + ["d"] * 3, max_values=2)
    places = columns(encoder, ["a", "c", "b", "d"])
    assert {places[0], places[1]} == {0, 1}
    assert places[2:] == [2, 2]


def test_only_training_rows_count() -> None:
    encoder = OneHot(OneHotOptions(min_products=1))
    prepared = encoder.prepare(brand_column(["a", "b", "c"]))
    assert encoder.fit(prepared, np.array([0, 2])).width == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.sampled_from("abcdef "), max_size=20), st.integers(1, 3))
def test_equals_counting_by_hand(values: list[str | None], min_products: int) -> None:
    encoder = fitted(values, min_products=min_products)
    seen = [value for value in values if value and value.strip()]
    kept = {value for value in seen if seen.count(value) >= min_products}
    assert encoder.width == len(kept) + 1
    known = [value for value, column in zip(values, columns(encoder, values), strict=True) if value in kept]
    assert set(known) == kept
    for value, column in zip(values, columns(encoder, values), strict=True):
        if value is None or not value.strip():
            assert column is None
        else:
            assert (column == len(kept)) == (value not in kept)


@pytest.mark.parametrize(
    "buckets",
    [
        None,
        np.array([4, 4], np.int32),
        np.array([-4, 4], np.int32),
        np.array([4, VALUE_BUCKETS], np.int32),
        np.array([4, 5], np.uint32),
        np.arange(50_001, dtype=np.int32),
    ],
)
def test_an_altered_state_is_refused(buckets: np.ndarray | None) -> None:
    arrays = {} if buckets is None else {"buckets": buckets}
    with pytest.raises(ModelFolderError, match="buckets"):
        OneHot(OneHotOptions()).load_state(arrays, {})
