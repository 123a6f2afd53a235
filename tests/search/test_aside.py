"""The test on products kept aside: scores worked out by hand, and no gain where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.progress import Silent
from shelfwise.search.aside import Counts, compare, count_right
from shelfwise.search.bench import Bench
from shelfwise.search.scorer import Scorer


def right(*values: int) -> Counts:
    return Counts(np.array(values, float), np.ones(len(values)))


def test_scores_by_hand() -> None:
    found = compare(right(1, 0, 0, 1), right(1, 1, 0, 1), np.array([5, 5, 9, 9]), seed=0)
    assert (found.products, found.groups) == (4, 2)
    assert (found.start.value, found.best.value, found.gain.value) == (0.5, 0.75, 0.25)
    assert (found.start.low, found.start.high) == (0.5, 0.5)  # both groups have one of two right
    assert (found.best.low, found.best.high) == (0.5, 1.0)


def test_micro_f1_by_hand() -> None:
    # Product 1: 2 labels given, 1 right, 1 true; product 2: 1 given, right, 2 true.
    counts = Counts(np.array([2.0, 2.0]), np.array([3.0, 3.0]))
    assert compare(counts, counts, np.array([0, 1]), seed=0).start.value == pytest.approx(2 / 3)


def test_nothing_given_and_nothing_true() -> None:
    nothing = Counts(np.zeros(3), np.zeros(3))
    assert compare(nothing, nothing, np.arange(3), seed=0).start.value == 0.0


def test_a_clear_gain_is_sure() -> None:
    products = np.arange(100)
    worse, better = right(*(products % 2)), right(*np.ones(100, int))
    assert compare(worse, better, products, seed=0).sure
    assert not compare(better, worse, products, seed=0).sure
    assert not compare(worse, worse, products, seed=0).sure


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_intervals_hold_their_figures(products: list[tuple[bool, bool, int]]) -> None:
    first, second, groups = zip(*products, strict=True)
    found = compare(right(*first), right(*second), np.array(groups), seed=3)
    for one in (found.start, found.best):
        assert 0 <= one.low <= one.high <= 1
    assert found.gain.value == pytest.approx(found.best.value - found.start.value)
    assert found == compare(right(*first), right(*second), np.array(groups), seed=3)


def test_a_product_that_nothing_can_be_said_of_is_wrong(quick_bench: Bench, tmp_path: object) -> None:
    from shelfwise.experiments.cache import ResultStore

    scorer = Scorer(quick_bench, ResultStore(tmp_path / "scores"), set(), set(), Silent())  # type: ignore[operator]
    fused, logits, present = scorer.final(quick_bench.recipe, Silent())
    counts = count_right(quick_bench, fused, logits, present)
    assert counts.hits.mean() > 0.6
    gone = count_right(quick_bench, fused, logits, np.zeros_like(present))
    assert gone.hits.sum() == 0
    assert gone.of.sum() == len(quick_bench.aside)
