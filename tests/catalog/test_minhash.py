"""MinHash estimates Jaccard similarity, and what is alike becomes a candidate."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.minhash import candidate_pairs, jaccard, signatures


def as_sets(lists: list[list[int]], width: int = 400) -> sp.csr_matrix:
    matrix = sp.lil_matrix((len(lists), width), dtype=bool)
    for row, items in enumerate(lists):
        matrix[row, items] = True
    return matrix.tocsr()


def test_agreeing_hashes_are_the_jaccard_similarity() -> None:
    random = np.random.default_rng(0)
    for shared in (5, 20, 35):
        first = random.permutation(400)[:40]
        second = np.r_[first[:shared], np.setdiff1d(np.arange(400), first)[: 40 - shared]]
        sets = as_sets([first.tolist(), second.tolist()])
        agreed = np.mean(
            [(signatures(sets, seed)[0] == signatures(sets, seed)[1]).mean() for seed in range(6)]
        )
        assert abs(agreed - shared / (80 - shared)) < 0.06


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), max_size=12), min_size=1, max_size=12))
def test_jaccard_is_the_share_of_common_items(lists: list[list[int]]) -> None:
    sets = as_sets(lists, 61)
    pairs = np.array([(i, j) for i in range(len(lists)) for j in range(i, len(lists))])
    for (one, other), found in zip(pairs.tolist(), jaccard(sets, pairs), strict=True):
        a, b = set(lists[one]), set(lists[other])
        assert found == (len(a & b) / len(a | b) if a | b else 0.0)


def test_equal_and_similar_sets_are_candidates_and_empty_ones_are_not() -> None:
    random = np.random.default_rng(1)
    base = random.permutation(400)[:30].tolist()
    near = [*base[:28], 398, 399]
    far = random.permutation(400)[:30].tolist()
    sets = as_sets([base, near, far, base, [], []])
    found = {tuple(pair) for pair in candidate_pairs(sets, np.arange(6)).tolist()}
    assert (0, 1) in found or (1, 3) in found
    assert (0, 3) in found
    assert not any(row in (4, 5) for pair in found for row in pair)
    assert candidate_pairs(as_sets([[], []]), np.arange(2)).shape == (0, 2)


def test_a_large_bucket_does_not_become_every_pair() -> None:
    sets = as_sets([list(range(20))] * 2_000)
    assert len(candidate_pairs(sets, np.arange(2_000))) < 3 * 2_000
