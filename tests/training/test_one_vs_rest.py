"""The compiled machines are liblinear's, whatever is solved with them; and nothing is read or written that is not theirs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.training import one_vs_rest
from shelfwise.training.one_vs_rest import Question, train_one_vs_rest

needs_native = pytest.mark.skipif(one_vs_rest.NATIVE is None, reason="installed without the compiled solver")


def question(
    seed: int = 0, products: int = 200, features: int = 60, categories: int = 5, **changes
) -> Question:
    """Products of one of ``categories`` or none, whose features tell which, with noise."""
    random = np.random.default_rng(seed)
    chosen = random.integers(-1, categories, products)
    matrix = sp.random(products, features, density=0.2, random_state=random, dtype=np.float32, format="lil")
    for row, category in enumerate(chosen.tolist()):
        if category >= 0 and random.random() < 0.9:
            matrix[row, category] = 1.0
    has = np.flatnonzero(chosen >= 0)
    positives = sp.csr_matrix((np.ones(len(has), bool), (has, chosen[has])), shape=(products, categories))
    arrays = {
        "features": matrix.tocsr(),
        "positives": positives,
        "cost": np.full(products, 1.5, np.float32),
        "positive_cost": np.ones(categories, np.float32),
        "seed": seed,
    }
    return Question(**{**arrays, **changes})


def by_liblinear(asked: Question, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    with monkeypatch.context() as patch:
        patch.setattr(one_vs_rest, "NATIVE", None)
        return train_one_vs_rest(asked, 1)


def objective(asked: Question, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """float64 [categories]: what a machine minimises."""
    sign = np.where(asked.positives.toarray(), 1.0, -1.0)
    missed = np.maximum(0.0, 1.0 - sign * (asked.features @ weights.astype(np.float64) + biases)) ** 2
    cost = asked.cost[:, None] * np.where(sign > 0, asked.positive_cost, 1.0)
    return (np.square(weights, dtype=np.float64).sum(0) + np.square(biases, dtype=np.float64)) / 2 + (
        cost * missed
    ).sum(0)


@needs_native
@pytest.mark.parametrize("categories", [1, 5, 37])
def test_every_width_of_registers_gives_the_same_bits(categories: int) -> None:
    asked = question(categories=categories)
    found = []
    try:
        for bits in (512, 256, 0):
            one_vs_rest._one_vs_rest.hold_to(bits)
            found.append(train_one_vs_rest(asked, 1))
    finally:
        one_vs_rest._one_vs_rest.hold_to(512)
    for weights, biases in found[1:]:
        np.testing.assert_array_equal(weights, found[0][0])
        np.testing.assert_array_equal(biases, found[0][1])


@needs_native
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.booleans(), st.booleans())
def test_as_good_a_minimum_as_liblinear_s(seed: int, categories: int, costs: bool, extra: bool) -> None:
    asked = question(seed, categories=categories)
    random = np.random.default_rng(seed)
    if costs:
        asked.cost[:] = random.choice([0.0, 0.5, 2.0], len(asked.cost), p=[0.1, 0.5, 0.4])
    if extra:
        asked.positive_cost[:] = random.uniform(0.5, 4.0, categories)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_vs_rest, "TOLERANCE", 1e-3)
        mine = objective(asked, *train_one_vs_rest(asked, 1))
        theirs = objective(asked, *by_liblinear(asked, patch))
    np.testing.assert_allclose(mine, theirs, rtol=2e-3)


@needs_native
def test_the_planes_are_liblinear_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_vs_rest, "TOLERANCE", 1e-3)
    asked = question()
    for mine, theirs in zip(train_one_vs_rest(asked, 1), by_liblinear(asked, monkeypatch), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0.01)


@needs_native
def test_a_category_does_not_depend_on_the_others_or_the_threads() -> None:
    asked = question(3, products=120, features=90, categories=70)
    weights, biases = train_one_vs_rest(asked, 1)
    for threads in (2, 3):
        others = train_one_vs_rest(asked, threads)
        np.testing.assert_array_equal(weights, others[0])
        np.testing.assert_array_equal(biases, others[1])
    for some in ([0], [5, 3, 40], list(range(0, 70, 7))):
        alone = train_one_vs_rest(asked.of(np.array(some)), 1)
        np.testing.assert_array_equal(weights[:, some], alone[0])
        np.testing.assert_array_equal(biases[some], alone[1])


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_native), False])
def test_categories_that_all_or_none_have(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(one_vs_rest, "NATIVE", None)
    positives = sp.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [1, 0, 1]], bool))
    cost, told = np.ones(3, np.float32), []
    asked = Question(sp.identity(3, np.float32, format="csr"), positives, cost, np.ones(3, np.float32), 0)
    weights, biases = train_one_vs_rest(asked, 1, told.append)
    assert (weights[:, :2] == 0).all()
    assert biases[:2].tolist() == [1.0, -1.0]
    assert (weights[:, 2] != 0).any()
    assert told == [1.0]


@needs_native
def test_a_product_of_no_cost_teaches_nothing() -> None:
    asked = question(1)
    asked.cost[100:] = 0.0
    kept = Question(
        asked.features[:100], asked.positives[:100], asked.cost[:100], asked.positive_cost, asked.seed
    )
    mine, theirs = train_one_vs_rest(asked, 1), train_one_vs_rest(kept, 1)
    margins = [asked.features[:100] @ one[0] + one[1] for one in (mine, theirs)]
    assert ((margins[0] > 0) == (margins[1] > 0)).mean() > 0.98


def arrays(**changes: object) -> tuple[object, ...]:
    given = {
        "bounds": np.array([0, 1, 3], np.int64),
        "columns": np.array([0, 1, 2], np.int32),
        "values": np.ones(3, np.float32),
        "positive_bounds": np.array([0, 1, 2], np.int64),
        "positives": np.array([1, 0], np.int32),
        "cost": np.ones(2, np.float32),
        "positive_cost": np.ones(2, np.float32),
        "weights": np.zeros((3, 2), np.float32),
        "bias": np.zeros(2, np.float32),
        "tolerance": 0.3,
        "most": 10,
        "seed": 0,
    }
    return tuple({**given, **changes}.values())


@needs_native
@pytest.mark.parametrize(
    "changes",
    [
        {"columns": np.array([0, 1, 3], np.int32)},
        {"columns": np.array([0, -1, 2], np.int32)},
        {"positives": np.array([2, 0], np.int32)},
        {"positives": np.array([-1, 0], np.int32)},
        {"bounds": np.array([0, 2, 1], np.int64)},
        {"bounds": np.array([0, 4, 3], np.int64)},
        {"bounds": np.array([0, 1], np.int64)},
        {"positive_bounds": np.array([1, 1, 2], np.int64)},
        {"values": np.ones(2, np.float32)},
        {"cost": np.ones(3, np.float32)},
        {"positive_cost": np.ones(1, np.float32)},
        {"weights": np.zeros(5, np.float32)},
        {"bias": np.zeros(0, np.float32)},
        {"bounds": np.zeros(0, np.int64), "positive_bounds": np.zeros(0, np.int64)},
    ],
)
def test_arrays_that_do_not_go_together_are_refused(changes: dict[str, object]) -> None:
    assert one_vs_rest.NATIVE.train(*arrays()) >= 1
    with pytest.raises(ValueError, match="go together"):
        one_vs_rest.NATIVE.train(*arrays(**changes))
