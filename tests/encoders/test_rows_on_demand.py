"""Features that are made when they are asked for are those that are kept, so a model trained on them is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sending import sent
from tests.tiny_catalog import read, tiny_rows

from shelfwise import Categorizer, Recipe
from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.ngrams import Ngrams, NgramsOptions
from shelfwise.encoders.rows_on_demand import RowsOnDemand, StackedRows, is_on_demand
from shelfwise.stacking import stack_encoded

TEXTS = ["red shoe", None, "blue shoe 42", "", "shoe shoe ünïcode", "zebra", "red red red"]
OPTIONS = NgramsOptions(words=(1, 2), chars=(2, 3))


def column(texts: list[str | None] = TEXTS) -> InputColumn:
    state = [State.PRESENT if text else State.ABSENT for text in texts]
    return InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), np.array(state, np.int8))


def same(one: sp.csr_matrix, other: sp.csr_matrix) -> None:
    assert one.shape == other.shape
    np.testing.assert_array_equal(one.toarray(), other.toarray())


def both() -> tuple[Encoded, Encoded]:
    """Kept, and on demand."""
    encoder = Ngrams(OPTIONS)
    return encoder.prepare(column()), encoder.prepare_within(column(), 0)


def test_what_fits_is_kept() -> None:
    assert not is_on_demand(Ngrams(OPTIONS).prepare_within(column(), 1e6).matrix)
    assert is_on_demand(Ngrams(OPTIONS).prepare_within(column(), 1.0).matrix)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(TEXTS) - 1), max_size=12))
def test_rows_are_those_that_are_kept(rows: list[int]) -> None:
    kept, demanded = both()
    chosen = np.array(rows, np.int64)
    same(demanded.matrix[chosen], kept.matrix[chosen])


@pytest.mark.parametrize(
    "rows", [slice(1, 5), slice(None), slice(5, 1, -2), np.array([True, False] * 3 + [True]), np.array([-1])]
)
def test_slices_and_masks(rows: slice | np.ndarray) -> None:
    kept, demanded = both()
    same(demanded.matrix[rows], kept.matrix[rows])


def test_fitting_and_transforming_give_the_same() -> None:
    found = []
    for prepared in both():
        encoder = Ngrams(OPTIONS).fit(prepared, np.array([0, 1, 2, 4, 6]))
        found.append((encoder, encoder.transform(prepared)))
    (kept_encoder, kept), (encoder, demanded) = found
    for name, array in kept_encoder.state_arrays().items():
        np.testing.assert_array_equal(array, encoder.state_arrays()[name])
    np.testing.assert_array_equal(kept.state, demanded.state)
    assert demanded.state[5] == State.ABSENT  # no n-gram of "zebra" is known
    same(demanded.matrix[:], kept.matrix)


def test_catalogs_can_be_stacked() -> None:
    kept, demanded = both()
    two = stack_encoded(kept, kept)
    rows = np.array([9, 0, 13, 2, 2, 7])
    for first, second in ((demanded, demanded), (kept, demanded), (demanded, kept)):
        stacked = stack_encoded(first, second)
        assert isinstance(stacked.matrix, StackedRows)
        same(stacked.matrix[rows], two.matrix[rows])
        encoder = Ngrams(OPTIONS).fit(stacked, np.arange(10))
        same(encoder.transform(stacked).matrix[rows], encoder.transform(two).matrix[rows])


def test_rows_can_be_sent_to_other_processes() -> None:
    kept, demanded = both()
    encoder = Ngrams(OPTIONS).fit(kept, np.arange(7))
    there = sent(encoder.transform(demanded))
    assert isinstance(there.matrix, RowsOnDemand)
    same(there.matrix[:], encoder.transform(kept).matrix)


def test_a_model_trained_without_keeping_features_is_the_same(tmp_path: Path) -> None:
    catalog = read(tmp_path / "catalog.csv", tiny_rows(80))
    weights = []
    for gigabytes in (1.0, 0.0):
        recipe = Recipe(
            target="category",
            inputs=[{"name": "title"}],
            classifiers=[{"name": "title", "inputs": ["title"], "epochs": 3, "batch": 16}],
            training={"threads": 1, "folds": 2, "feature_memory_gb": gigabytes},
        )
        model = Categorizer(recipe).fit(catalog)
        weights.append(model.ensemble_.classifiers[0].state_dict())
    for name, kept in weights[0].items():
        np.testing.assert_array_equal(kept.numpy(), weights[1][name].numpy())
