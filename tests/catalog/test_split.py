"""No group on two sides, fractions as near as can be, and the same whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shelfwise.catalog.split import grouped_folds, grouped_split
from shelfwise.errors import CatalogError

groupings = st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array)


@given(groupings, st.integers(0, 5), st.booleans())
def test_a_partition_that_splits_no_group(groups: np.ndarray, seed: int, stratified: bool) -> None:
    assume(len(np.unique(groups)) >= 3)
    strata = np.arange(len(groups)) % 3 if stratified else None
    parts = grouped_split(groups, {"fit": 0.6, "choose": 0.2, "test": 0.2}, seed, strata)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    sides = [set(groups[part].tolist()) for part in parts]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides))


@given(groupings, st.integers(0, 5), st.integers(0, 9), st.booleans())
def test_the_order_of_rows_does_not_matter(
    groups: np.ndarray, seed: int, shuffle: int, stratified: bool
) -> None:
    assume(len(np.unique(groups)) >= 2)
    count = len(groups)
    ids = np.array([f"p{n}" for n in range(count)])
    strata = np.arange(count) % 4 if stratified else np.zeros(count, int)
    order = np.random.default_rng(shuffle).permutation(count)
    renumbered = np.random.default_rng(shuffle).permutation(13)[groups]
    first = grouped_split(groups, [0.7, 0.3], seed, strata, keys=ids.tolist())
    second = grouped_split(renumbered[order], [0.7, 0.3], seed, strata[order], keys=ids[order].tolist())
    for one, other in zip(first, second, strict=True):
        assert set(ids[one]) == set(ids[order][other])


def test_seeds_differ_and_repeat() -> None:
    groups = np.arange(500)
    one, again, other = (grouped_split(groups, [0.5, 0.5], seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert 90 < len(np.intersect1d(one, other)) < 160


def test_fractions_with_groups_of_all_sizes() -> None:
    sizes = np.random.default_rng(0).zipf(1.7, 800).clip(max=150)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    parts = grouped_split(groups, [0.7, 0.1, 0.2], 3)
    shares = [len(part) / len(groups) for part in parts]
    assert np.allclose(shares, [0.7, 0.1, 0.2], atol=0.002)
    mean_sizes = [sizes[np.unique(groups[part])].mean() for part in parts]
    assert max(mean_sizes) < 2 * min(mean_sizes), "large groups must not all be on one side"


def test_strata_are_kept_and_many_small_ones_even_out() -> None:
    groups = np.arange(1_000)
    strata = np.arange(1_000) % 10
    parts = grouped_split(groups, [0.75, 0.25], 0, strata)
    for part, share in zip(parts, [0.75, 0.25], strict=True):
        assert np.abs(np.bincount(strata[part]) - 100 * share).max() <= 1
    alone = grouped_split(groups, [0.75, 0.25], 0, strata=groups)
    assert abs(len(alone[0]) - 750) <= 1


def test_a_giant_group_goes_where_it_fits() -> None:
    groups = np.array([0] * 60 + list(range(1, 41)))
    for seed in range(5):
        sizes = [len(part) for part in grouped_split(groups, [0.8, 0.2], seed)]
        assert sizes == [80, 20]


@pytest.mark.parametrize("count", [3, 10])
def test_tiny_catalogs(count: int) -> None:
    parts = grouped_split(np.arange(count), [0.8, 0.1, 0.1], 0)
    assert [len(part) for part in parts] == [count - 2, 1, 1]


def test_too_few_groups() -> None:
    with pytest.raises(CatalogError, match=r"1 group.*2 parts"):
        grouped_split(np.zeros(10, int), [0.5, 0.5], 0)
    assert [len(part) for part in grouped_split(np.zeros(10, int), [1.0, 0.0], 0)] == [10, 0]


@pytest.mark.parametrize("fractions", [[], [0.0], [-1.0, 2.0], [float("nan")]])
def test_bad_fractions(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="fractions"):
        grouped_split(np.arange(3), fractions, 0)


def test_folds() -> None:
    groups = np.repeat(np.arange(100), 3)
    folds = grouped_folds(groups, 4, 0)
    assert np.bincount(folds).tolist() == [75] * 4
    assert all(len(set(folds[groups == group])) == 1 for group in range(100))
    with pytest.raises(ValueError, match="at least 2"):
        grouped_folds(groups, 1, 0)
    with pytest.raises(CatalogError):
        grouped_folds(np.array([0, 1]), 3, 0)


def test_keys_must_match() -> None:
    with pytest.raises(ValueError, match="one key"):
        grouped_split(np.arange(3), [0.5, 0.5], 0, keys=["a"])
