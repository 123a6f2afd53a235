"""Rounds: every product is held out once, and never from classifiers that saw its group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.errors import CatalogError, RecipeError, TargetError
from shelfwise.learning.rounds import (
    LEAST_PRODUCTS,
    MOST_HELD_OUT,
    Round,
    choose_folds,
    plan_rounds,
    refit_rows,
    with_every_category,
)
from shelfwise.recipe import Recipe


def recipe(**training: object) -> Recipe:
    return Recipe(target="category", training=training)


@given(
    products=st.integers(LEAST_PRODUCTS, 120),
    folds=st.integers(1, 6),
    largest=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_no_group_is_learned_from_and_held_out(products: int, folds: int, largest: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    groups = random.integers(0, products // largest + 1, products + 7)
    labelled = np.sort(random.permutation(products + 7)[:products])
    ids = [str(row) for row in range(products + 7)]
    rounds = plan_rounds(labelled, groups, ids, recipe(folds=folds, seed=seed))
    for one in rounds:
        assert len(one.fit)
        assert len(one.held_out)
        assert not set(groups[one.fit]) & set(groups[one.held_out])
        assert set(one.fit) | set(one.held_out) <= set(labelled)
    held_out = np.concatenate([one.held_out for one in rounds])
    assert len(np.unique(held_out)) == len(held_out)
    if len(rounds) > 1:
        assert sorted(held_out) == list(labelled)


def test_one_fold_holds_out_the_share_asked_for() -> None:
    rows = np.arange(200)
    (only,) = plan_rounds(rows, rows, list(map(str, rows)), recipe(folds=1, held_out=0.3))
    assert len(only.held_out) == 60
    assert len(only.fit) == 140


@pytest.mark.parametrize("folds", [1, 4])
def test_so_many_products_are_held_out_and_no_more(folds: int) -> None:
    rows = np.arange(3 * MOST_HELD_OUT)
    rounds = plan_rounds(rows, rows, list(map(str, rows)), recipe(folds=folds, held_out=0.5))
    assert sum(len(one.held_out) for one in rounds) == pytest.approx(MOST_HELD_OUT, abs=1)
    assert all(len(one.fit) >= len(rows) * (folds - 1) // folds for one in rounds)


def test_folds_follow_ids_and_not_the_order_of_rows() -> None:
    rows = np.arange(100)
    order = np.random.default_rng(1).permutation(100)
    ids = [f"p{row}" for row in rows]
    one = plan_rounds(rows, rows, ids, recipe(folds=4))
    other = plan_rounds(rows, order, [ids[row] for row in order], recipe(folds=4))
    for mine, yours in zip(one, other, strict=True):
        assert {ids[row] for row in mine.held_out} == {ids[order[row]] for row in yours.held_out}


def test_what_cannot_be_split_is_refused() -> None:
    rows = np.arange(20)
    with pytest.raises(TargetError, match="at least 10 labelled products"):
        plan_rounds(rows[:9], rows, list(map(str, rows)), recipe())
    with pytest.raises(CatalogError, match="too few for"):
        plan_rounds(rows, rows * 0, list(map(str, rows)), recipe(folds=4))
    with pytest.raises(RecipeError, match="set folds to 1"):
        plan_rounds(rows, rows, list(map(str, rows)), recipe(folds=4, refit=False))


def test_folds_are_chosen_where_there_is_something_to_fuse() -> None:
    assert choose_folds(recipe(), 5_000, 4, False) > 1
    assert choose_folds(recipe(), 5_000, 1, False) == 1
    assert choose_folds(recipe(refit=False), 5_000, 4, False) == 1
    assert choose_folds(recipe(), 5_000_000, 4, False) == 1
    assert choose_folds(recipe(), 5_000, 4, True) == 2
    assert choose_folds(recipe(), 5_000, 4, False) > choose_folds(recipe(), 50_000, 4, False) > 1


@pytest.mark.parametrize(
    ("held_out", "rounds", "refit", "again"),
    [(100, 1, True, True), (99, 1, True, False), (99, 2, True, True), (5_000, 1, False, False)],
)
def test_what_is_learned_from_once_more(held_out: int, rounds: int, refit: bool, again: bool) -> None:
    rows = np.arange(10_000)
    one = Round(rows[held_out:], rows[:held_out])
    found = refit_rows(recipe(refit=refit), rows, [one] * rounds)
    assert (found is not None) == again
    assert found is None or found.tolist() == rows.tolist()


def test_no_category_is_held_out_whole() -> None:
    outcomes = np.array([0, 0, 0, 1, 1, 2, 2, 2, *[0] * 200])
    groups = np.array([0, 1, 2, 3, 3, 4, 5, 5, *range(6, 206)])
    one = Round(np.array([0, 1, 5]), np.array([2, 3, 4, 6, 7, *range(8, 208)]))
    kept = with_every_category(one, outcomes, groups)
    assert kept is not None
    assert kept.fit.tolist() == [0, 1, 3, 4, 5]
    assert kept.held_out.tolist() == [2, 6, 7, *range(8, 208)]
    assert with_every_category(kept, outcomes, groups) is kept


def test_held_out_products_are_not_made_easier() -> None:
    outcomes = np.array([*[0] * 196, 1, 2, 3, 4])
    one = Round(np.arange(100), np.arange(100, 200))
    assert with_every_category(one, outcomes, np.arange(200)) is None
    assert (
        with_every_category(Round(np.array([0]), np.array([1, 2])), np.array([0, 1, 2]), np.arange(3)) is None
    )
