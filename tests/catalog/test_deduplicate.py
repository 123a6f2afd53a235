"""One product of every group: which, whatever the order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.deduplicate import one_a_group

A, B = ("a",), ("b",)


def test_the_commonest_answer_then_the_smallest_key() -> None:
    groups = np.array([0, 1, 0, 0, 2, 1])
    answers = [B, A, A, A, B, B]
    keys = ["1", "9", "7", "3", "4", "8"]
    kept = one_a_group(np.arange(6), groups, answers, keys)
    assert kept.dtype == np.int64
    # Of group 0 rows 2 and 3 say a, 3 has the smaller key; of group 1 a comes before b.
    assert kept.tolist() == [1, 3, 4]


def test_rows_that_are_not_asked_about_do_not_vote() -> None:
    groups = np.array([0, 0, 0])
    assert one_a_group(np.array([0, 1]), groups, [B, A, A], ["1", "2", "3"]).tolist() == [1]
    assert one_a_group(np.array([0]), groups, [B, A, A], ["1", "2", "3"]).tolist() == [0]
    assert one_a_group(np.zeros(0, np.int64), groups, [B, A, A], ["1", "2", "3"]).tolist() == []


def test_equal_keys_leave_the_first() -> None:
    assert one_a_group(np.arange(2), np.zeros(2, int), [A, A], ["x", "x"]).tolist() == [0]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([A, B])), max_size=15), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_catalog_does_not_matter(
    products: list[tuple[int, tuple[str, ...]]], random
) -> None:
    order = list(range(len(products)))
    random.shuffle(order)

    def kept(rows: list[int]) -> set[int]:
        found = one_a_group(
            np.arange(len(rows)),
            np.array([products[row][0] for row in rows], dtype=np.int64),
            [products[row][1] for row in rows],
            [f"{row:02d}" for row in rows],
        )
        return {rows[place] for place in found.tolist()}

    first = kept(list(range(len(products))))
    assert first == kept(order)
    assert len(first) == len({group for group, _ in products})
