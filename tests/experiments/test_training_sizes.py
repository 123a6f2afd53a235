"""Sizes are read as written or refused; samples hold whole groups and lie in each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.training_sizes import LEAST_SIZE, halving_sizes, nested_sample, parse_sizes


class TestParseSizes:
    def test_sorted_each_once_and_all_last(self) -> None:
        assert parse_sizes(" all,8000 , 2000,2_000,ALL") == [2000, 8000, None]

    @pytest.mark.parametrize("text", ["", "2000,,all", "-5", "2.5", "many", "3", "２０００"])
    def test_anything_else_is_refused_with_what_came(self, text: str) -> None:
        with pytest.raises(ShelfwiseError, match="2000,8000,all"):
            parse_sizes(text)


def test_halving_ends_with_all_and_never_below_what_teaches() -> None:
    assert halving_sizes(24_000) == [375, 750, 1500, 3000, 6000, 12000, None]
    for products in (20, 45, 200, 999, 10**6):
        sizes = halving_sizes(products)
        numbers = [size for size in sizes if size is not None]
        assert sizes[-1] is None
        assert all(LEAST_SIZE <= size < products for size in numbers)
        assert numbers == sorted(set(numbers))


groups_of = st.lists(st.integers(0, 12), min_size=1, max_size=60)


class TestNestedSample:
    @settings(max_examples=60, deadline=None)
    @given(groups=groups_of, sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)), seed=st.integers(0, 5))
    def test_whole_groups_and_nested(self, groups: list[int], sizes: tuple[int, int], seed: int) -> None:
        drawn = np.array(groups)
        ids = [str(row) for row in range(len(groups))]
        small, large = (nested_sample(drawn, ids, size, seed) for size in sorted(sizes))
        assert set(small) <= set(large)
        for sample in (small, large):
            rest = np.setdiff1d(np.arange(len(drawn)), sample)
            assert len(sample)
            assert not set(drawn[sample]) & set(drawn[rest])

    @settings(max_examples=40, deadline=None)
    @given(groups=groups_of, size=st.integers(1, 60), seed=st.integers(0, 5), data=st.data())
    def test_the_order_of_rows_makes_no_difference(
        self, groups: list[int], size: int, seed: int, data: st.DataObject
    ) -> None:
        drawn, ids = np.array(groups), [f"id {row}" for row in range(len(groups))]
        order = np.array(data.draw(st.permutations(range(len(groups)))))
        straight = {ids[row] for row in nested_sample(drawn, ids, size, seed)}
        mixed = [ids[row] for row in order]
        assert straight == {mixed[row] for row in nested_sample(drawn[order], mixed, size, seed)}

    def test_as_near_to_the_size_as_whole_groups_allow(self) -> None:
        groups = np.repeat(np.arange(100), 3)
        found = nested_sample(groups, [str(row) for row in range(300)], 100, 0)
        assert len(found) == 99

    def test_all_where_there_are_no_more(self) -> None:
        assert nested_sample(np.zeros(4, int), list("abcd"), None, 0).tolist() == [0, 1, 2, 3]
        assert nested_sample(np.arange(4), list("abcd"), 9, 0).tolist() == [0, 1, 2, 3]

    def test_another_seed_is_another_sample(self) -> None:
        groups, ids = np.arange(200), [str(row) for row in range(200)]
        assert set(nested_sample(groups, ids, 50, 0)) != set(nested_sample(groups, ids, 50, 1))
