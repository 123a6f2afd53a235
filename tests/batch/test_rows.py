"""A table from columns is the table from objects, whatever was predicted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.batch.rows import column_table, prediction_table
from shelfwise.predicted_columns import FAILED, InputColumns, Listed, PredictedColumns
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

PATHS = PathTarget((("Home",), ("Home", "Lamps"), ("Toys", "Cars"), ("Toys", "Dolls, dressed", "=1+1")))
LABELS = LabelTarget(("gift", "red", "soft", ""))


def made_up(
    target: Target, count: int, sets: bool, novelty: bool, inputs: int, seed: int
) -> PredictedColumns:
    """Columns of products that went every way."""
    random = np.random.default_rng(seed)
    decisions = random.integers(0, 3, count).astype(np.int8)
    well = decisions != FAILED

    def lists(most: int, values: int) -> Listed:
        lengths = random.integers(0, most + 1, count)
        return Listed.of_rows(
            [random.integers(0, values, length) for length in lengths],
            [np.round(random.random(length), 6) for length in lengths],
        ).only(well)

    told = ("present", "absent", "failed", "failed: it is no image")
    return PredictedColumns(
        target,
        [f"00{row}" for row in range(count)],
        decisions,
        [["", "confidence 0.5 is below 0.9"][row % 2] for row in range(count)],
        np.where(well, np.round(random.random(count), 6), 0.0),
        lists(4, len(target.part_names)),
        lists(3, len(target.as_paths)),
        InputColumns(
            tuple(f"input {place}" for place in range(inputs)), told, random.integers(0, 4, (count, inputs))
        ),
        lists(3, len(target.as_paths)) if sets else None,
        np.round(random.random(count), 6) if novelty else None,
    )


@pytest.mark.parametrize("target", [PATHS, LABELS], ids=["paths", "labels"])
@given(
    count=st.integers(0, 12),
    sets=st.booleans(),
    novelty=st.booleans(),
    inputs=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_both_tables_are_the_same(
    target: Target, count: int, sets: bool, novelty: bool, inputs: int, seed: int
) -> None:
    columns = made_up(target, count, sets, novelty, inputs, seed)
    table = column_table(columns)
    table.validate(full=True)
    assert table.equals(prediction_table(columns.predictions(), target.multilabel))
