"""Figures of inputs: counted into training's bins, added up, compared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.catalog.input_figures import InputFigures, counted_like, distance, training_figures
from shelfwise.catalog.inputs import absent_input, number_input, text_input

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["12", "3,5", "n/a", "cheap"])))
ROLES = st.sampled_from([Role.TEXT, Role.CATEGORY, Role.NUMBER])


def column(texts: list[str | None], role: Role) -> InputColumn:
    values = pa.array(texts, pa.string())
    return number_input("x", values, {}) if role is Role.NUMBER else text_input("x", role, values, {})


def test_numbers_fall_into_tenths() -> None:
    prices = column([str(number) for number in range(1, 101)], Role.NUMBER)
    figures = training_figures(prices, prices.state)
    assert figures.edges == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert figures.counts == [10] * 10
    dearer = column([str(2 * number) for number in range(1, 101)], Role.NUMBER)
    moved = distance(figures.shares(), counted_like(figures, dearer, dearer.state).shares())
    assert moved == pytest.approx(0.5, abs=0.05)


def test_categories_are_counted_by_name() -> None:
    brands = column(["a"] * 6 + ["b"] * 3 + [None], Role.CATEGORY)
    figures = training_figures(brands, brands.state)
    assert (figures.values, figures.present, figures.products) == ({"a": 6, "b": 3}, 9, 10)
    later = column(["b", "c", "c", None], Role.CATEGORY)
    counted = counted_like(figures, later, later.state)
    assert counted.values == {"a": 0, "b": 1}
    assert counted.shares() == {"value a": 0, "value b": 0.25, "other": 0.5, "failed": 0, "absent": 0.25}


def test_of_pictures_only_whether_they_are_there() -> None:
    pictures = absent_input("image", Role.IMAGE, 4, {})
    figures = training_figures(pictures, np.array([0, 0, 1, 2], np.int8))
    assert figures.shares() == {"other": 0.5, "failed": 0.25, "absent": 0.25}


@given(TEXTS, TEXTS, ROLES)
def test_two_files_count_as_one(first: list[str | None], second: list[str | None], role: Role) -> None:
    trained = training_figures(column(first, role), column(first, role).state)
    parts = [
        counted_like(trained, column(texts, role), column(texts, role).state) for texts in (first, second)
    ]
    both = column(first + second, role)
    assert parts[0] == trained
    assert parts[0] + parts[1] == counted_like(trained, both, both.state)


@given(TEXTS, TEXTS, ROLES)
def test_shares_sum_to_one_and_distances_are_shares(
    first: list[str | None], second: list[str | None], role: Role
) -> None:
    trained = training_figures(column(first, role), column(first, role).state)
    later = counted_like(trained, column(second, role), column(second, role).state)
    for figures in (trained, later):
        assert not figures.products or sum(figures.shares().values()) == pytest.approx(1)
    assert distance(trained.shares(), trained.shares()) == 0
    if first and second:
        assert 0 <= distance(trained.shares(), later.shares()) <= 1 + 1e-9
    assert InputFigures.model_validate_json(trained.model_dump_json()) == trained


@pytest.mark.parametrize(
    "change",
    [
        {"present": 11},
        {"edges": [2.0, 1.0]},
        {"counts": [1]},
        {"counts": [5, 6]},
        {"edges": [float("nan")]},
        {"role": "id"},
        {"values": {"a": 11}},
        {"products": -1},
    ],
)
def test_figures_that_do_not_hold_together(change: dict[str, object]) -> None:
    good = {"role": "number", "products": 10, "present": 9, "failed": 1, "edges": [1.0], "counts": [4, 5]}
    InputFigures.model_validate(good)
    with pytest.raises(ValidationError):
        InputFigures.model_validate({**good, **change})
