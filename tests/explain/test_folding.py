"""Folding: entries add up where they should, C and NumPy give the same bits, and nothing is read that is not there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.explain import folding
from shelfwise.explain.folding import Part, fold_together, row_lengths

needs_native = pytest.mark.skipif(folding._folding is None, reason="installed without the compiled loop")


def made(rows: int, columns: int, density: float, random: np.random.Generator) -> Part:
    """A part with some entries, slots up to 63 and random signs."""
    found = sp.random(rows, columns, density, "csr", np.float32, random)
    arrays = (found.data, found.indices.astype(np.int32), found.indptr.astype(np.int32))
    signs = random.choice(np.array([-1, 1], np.float32), columns)
    return Part(sp.csr_matrix(arrays, found.shape), random.integers(0, 64, columns, np.int32), signs)


def by_hand(parts: list[Part], scales: list[np.ndarray], width: int) -> np.ndarray:
    whole = np.zeros((parts[0].rows.shape[0], width))
    for part, scale in zip(parts, scales, strict=True):
        dense = part.rows.toarray()
        for row, column in zip(*dense.nonzero(), strict=True):
            value = float(dense[row, column]) * float(part.signs[column]) * float(scale[row])
            whole[row, part.slots[column] % width] += value
    return whole


@given(
    rows=st.integers(0, 12),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=3),
    density=st.floats(0, 1),
    width=st.sampled_from([1, 8, 64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_ways_give_the_same_bits_and_the_right_sums(
    rows: int, sizes: list[int], density: float, width: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    parts = [made(rows, size, density, random) for size in sizes]
    scales = [random.random(rows, np.float32) for _ in sizes]
    native = fold_together(parts, scales, width)
    lengths = [row_lengths(part.rows) for part in parts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_folding", None)
        plain = fold_together(parts, scales, width)
        for part, length in zip(parts, lengths, strict=True):
            np.testing.assert_array_equal(row_lengths(part.rows), length)
    for one, other in (
        (native.data, plain.data),
        (native.indices, plain.indices),
        (native.indptr, plain.indptr),
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(native.toarray(), by_hand(parts, scales, width), atol=1e-5)
    for part, length in zip(parts, lengths, strict=True):
        np.testing.assert_allclose(length, np.linalg.norm(part.rows.toarray(), axis=1), rtol=1e-6)


def arrays(**changes: object) -> list[object]:
    """Two rows of one entry each, of three columns."""
    given = {
        "bounds": np.array([0, 1, 2], np.int64),
        "columns": np.array([0, 2], np.int32),
        "values": np.ones(2, np.float32),
        "scales": np.ones(2, np.float32),
        "slots": np.zeros(3, np.int32),
        "signs": np.ones(3, np.float32),
        "mask": 7,
        "starts": np.array([0, 1], np.int64),
        "out_slots": np.empty(2, np.int32),
        "out_values": np.empty(2, np.float32),
    }
    return list((given | changes).values())


@needs_native
@pytest.mark.parametrize(
    "changes",
    [
        {"columns": np.array([0, 3], np.int32)},
        {"columns": np.array([-1, 2], np.int32)},
        {"starts": np.array([0, 2], np.int64)},
        {"starts": np.array([-1, 1], np.int64)},
    ],
)
def test_indices_out_of_range_are_refused_not_followed(changes: dict[str, object]) -> None:
    with pytest.raises(IndexError, match="out of range"):
        folding._folding.fold(*arrays(**changes))


@needs_native
@pytest.mark.parametrize(
    "changes",
    [
        {"bounds": np.array([0, 2, 1], np.int64)},
        {"bounds": np.array([0, 1, 9], np.int64)},
        {"bounds": np.array([-5, 1, 2], np.int64)},
        {"bounds": np.empty(0, np.int64)},
        {"values": np.ones(3, np.float32)},
        {"scales": np.ones(1, np.float32)},
        {"signs": np.ones(2, np.float32)},
        {"starts": np.zeros(3, np.int64)},
        {"out_values": np.empty(1, np.float32)},
        {"mask": -1},
    ],
)
def test_sizes_that_do_not_go_together_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="sizes that go together"):
        folding._folding.fold(*arrays(**changes))


@needs_native
def test_results_that_cannot_be_written_to_are_refused() -> None:
    out = np.empty(2, np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        folding._folding.fold(*arrays(out_values=out))
    with pytest.raises(ValueError, match="for each row"):
        folding._folding.row_lengths(np.array([0, 1], np.int64), np.ones(1, np.float32), np.empty(3))
