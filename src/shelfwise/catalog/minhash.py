"""Which of many sets are nearly the same, without comparing every pair: MinHash and locality-sensitive hashing in NumPy.

Broder 1997, *On the resemblance and containment of documents*; bands as in Leskovec, Rajaraman & Ullman, *Mining of Massive
Datasets*, section 3.4. Candidates are always compared exactly; hashing only decides what is compared.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

BANDS, ROWS = 20, 5
"""Sets of Jaccard similarity .8 share a band with probability 1 - (1 - .8⁵)²⁰ > .999, of .5 with .47, of .3 with .05."""
_PRIME_BITS = 61
_PAIRS_AT_ONCE = 200_000


def signatures(sets: sp.csr_matrix, seed: int = 0) -> np.ndarray:
    """uint64 [N, BANDS × ROWS]: for each of as many hash functions the smallest hash among a row's columns.

    ``sets`` is bool-like [N, items]: row i holds the items of set i. An empty set has the largest value everywhere.
    """
    random = np.random.default_rng(seed)
    items = random.integers(1, 2**_PRIME_BITS, sets.shape[1], dtype=np.uint64)
    count = BANDS * ROWS
    multiply = random.integers(1, 2**63, count, dtype=np.uint64) | np.uint64(1)
    add = random.integers(0, 2**63, count, dtype=np.uint64)
    filled = np.flatnonzero(np.diff(sets.indptr) > 0)
    found = np.full((sets.shape[0], count), np.iinfo(np.uint64).max, np.uint64)
    starts = sets.indptr[filled]
    for which in range(count):
        # Multiply-shift (Dietzfelbinger et al. 1997) of each item once; then the least of each row's.
        hashed = (items * multiply[which] + add[which]) >> np.uint64(16)
        if len(filled):
            found[filled, which] = np.minimum.reduceat(hashed[sets.indices], starts)
    return found


def candidate_pairs(sets: sp.csr_matrix, order: np.ndarray, seed: int = 0) -> np.ndarray:
    """int64 [P, 2], ascending, first < second: sets that share a band and should be compared; empty sets have none.

    In every bucket each set is paired with the first and with the one before it in ``order`` (int [N], a rank: equal or similar
    things next to each other), not with all: a bucket of a thousand would have half a million pairs, and groups are connected by
    chains anyway.
    """
    filled = np.flatnonzero(np.diff(sets.indptr) > 0)
    mine = signatures(sets[filled], seed)
    rank = order[filled]
    pairs = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        part = np.ascontiguousarray(mine[:, band * ROWS : (band + 1) * ROWS])
        key = _mixed(part)
        by_bucket = np.lexsort((rank, key))
        same = key[by_bucket][1:] == key[by_bucket][:-1]
        later = np.flatnonzero(same) + 1
        first = np.maximum.accumulate(np.where(np.r_[False, same], 0, np.arange(len(key))))
        for other in (later - 1, first[later]):
            pairs.append(np.stack([filled[by_bucket[other]], filled[by_bucket[later]]], axis=1))
    found = np.sort(np.concatenate(pairs), axis=1)
    found = found[found[:, 0] != found[:, 1]]
    return np.unique(found, axis=0) if len(found) else found


def jaccard(sets: sp.csr_matrix, pairs: np.ndarray) -> np.ndarray:
    """float64 [P], 0–1: the share of items of either set that are in both; 0 of two empty ones."""
    size = np.diff(sets.indptr)
    both = np.zeros(len(pairs))
    ones = sp.csr_matrix((np.ones(len(sets.indices), np.float32), sets.indices, sets.indptr), sets.shape)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        left, right = pairs[start : start + _PAIRS_AT_ONCE].T
        both[start : start + _PAIRS_AT_ONCE] = np.asarray(ones[left].multiply(ones[right]).sum(1)).ravel()
    either = size[pairs[:, 0]] + size[pairs[:, 1]] - both
    return np.where(either > 0, both / np.maximum(either, 1), 0.0)


def _mixed(values: np.ndarray) -> np.ndarray:
    """uint64 [N]: one number a row of uint64 [N, k], equal for equal rows."""
    mixed = np.zeros(len(values), np.uint64)
    for column in values.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed
