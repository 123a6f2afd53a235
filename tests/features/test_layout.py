"""What is written of features is what they are."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded
from shelfwise.features.layout import Computed, Origin, features_table, read_origins

ORIGIN = Origin("text-0123abcd", "float32")


def computed(states: list[State], width: int = 3, name: str = "title") -> Computed:
    """An input whose row r holds r in every number."""
    matrix = np.repeat(np.arange(len(states), dtype=np.float32)[:, None], width, axis=1)
    state = np.array(states, dtype=np.int8)
    matrix[state != State.PRESENT] = 0
    reasons = {row: f"reason {row}" for row, one in enumerate(states) if one is State.FAILED}
    keys = {row: bytes([row] * 16) for row, one in enumerate(states) if one is State.PRESENT}
    return Computed(name, Encoded(matrix, state, reasons), keys, ORIGIN)


@given(st.lists(st.sampled_from(State), min_size=1, max_size=30), st.integers(1, 5))
def test_each_row_has_its_vector_state_and_key(states: list[State], width: int) -> None:
    one = computed(states, width)
    table = features_table([str(row) for row in range(len(states))], [one])
    for row, (state, told) in enumerate(zip(states, table.to_pylist(), strict=True)):
        there = state is State.PRESENT
        failed = f"failed: reason {row}" if state is State.FAILED else state.name.lower()
        assert told == {
            "id": str(row),
            "title_features": [float(row)] * width if there else None,
            "title_state": failed,
            "title_key": bytes([row] * 16) if there else None,
        }
    assert sum(one.counts().values()) == len(states)


def test_where_vectors_belong_is_in_the_file() -> None:
    table = features_table(["a"], [computed([State.PRESENT]), computed([State.ABSENT], name="a_state")])
    assert read_origins(table.schema) == {"title": ORIGIN, "a_state": ORIGIN}


@pytest.mark.parametrize(
    "told",
    [
        None,
        "no json",
        "[1]",
        json.dumps({"title": {"cache": "x"}}),
        json.dumps({"title": {"cache": "x", "precision": "float32", "more": 1}}),
        json.dumps({"title": {"cache": 1, "precision": "float32"}}),
        json.dumps({"title": {"cache": "x", "precision": 32}}),
        "[" * 100_000,
        json.dumps({"title": {"cache": "../x", "precision": "float32"}}),
        json.dumps({"brand": {"cache": "x", "precision": "float32"}}),
        json.dumps({"id": {"cache": "x", "precision": "float32"}}),
    ],
)
def test_files_of_others_are_not_read(told: str | None) -> None:
    table = features_table(["a"], [computed([State.PRESENT])])
    metadata = None if told is None else {b"shelfwise.features": told.encode()}
    assert read_origins(table.schema.with_metadata(metadata)) is None


def test_columns_of_other_types_are_not_read() -> None:
    table = features_table(["a"], [computed([State.PRESENT])])
    for name, column in (
        ("title_features", pa.array([[1.0]])),
        ("title_features", pa.array([[1.0] * 3], pa.list_(pa.float64(), 3))),
        ("title_features", pa.array([[]], pa.list_(pa.float32(), 0))),
        ("title_key", pa.array([b"short"])),
    ):
        other = table.set_column(table.column_names.index(name), name, column)
        assert read_origins(other.schema) is None
