"""Sparse times dense: the loop in C gives what SciPy gives, bit for bit, and reads nothing that is not there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.engine import sparse
from shelfwise.engine.sparse import is_native, smallest, sparse_times_dense, take_rows

needs_native = pytest.mark.skipif(not is_native(), reason="installed without the compiled loop")
needs_halves = pytest.mark.skipif(
    not is_native() or not sparse._native.reads_halves(), reason="this processor reads no half precision"
)


@given(
    rows=st.integers(0, 20),
    height=st.integers(1, 60),
    width=st.integers(1, 40),
    density=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_ways_give_the_same_bits(rows: int, height: int, width: int, density: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix = sp.random(rows, height, density, "csr", np.float32, random)
    matrix = sp.csr_matrix(
        (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), matrix.shape
    )
    dense = random.standard_normal((height, width)).astype(np.float32)
    np.testing.assert_array_equal(sparse_times_dense(matrix, dense), matrix @ dense)
    halves = dense.astype(np.float16)
    np.testing.assert_array_equal(
        sparse_times_dense(matrix, smallest(halves.astype(np.float32))), matrix @ halves
    )


@needs_native
@given(
    height=st.integers(1, 40),
    width=st.one_of(st.integers(1, 40), st.integers(100, 500)),
    density=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_width_of_registers_gives_the_same_bits(
    height: int, width: int, density: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    matrix = sp.random(5, height, density, "csr", np.float32, random)
    bounds, columns = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    halves = random.standard_normal((height, width)).astype(np.float16)
    wanted = matrix @ halves.astype(np.float32)
    try:
        for bits in (512, 256, 0):
            here = sparse._native.hold_to(bits)
            assert here <= bits
            for dense in (halves, halves.astype(np.float32))[0 if here else 1 :]:
                out = np.full((7, width), 7, np.float32)  # the last two rows are not to be written
                size = dense.itemsize
                sparse._native.sparse_times_dense(bounds, columns, matrix.data, dense, size, width, out[:5])
                np.testing.assert_array_equal(out[:5], wanted)
                np.testing.assert_array_equal(out[5:], 7)
    finally:
        sparse._native.hold_to(512)


@needs_halves
def test_numbers_that_half_precision_holds_are_kept_in_it() -> None:
    odd = [0.0, -0.0, 1.0, -2.5, 65504.0, 2.0**-14, 2.0**-24, -(2.0**-24), 1 / 3]
    held = np.array([odd], np.float16).astype(np.float32)
    kept = smallest(held)
    assert kept.dtype == np.float16
    one = sp.csr_matrix(np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(sparse_times_dense(one, kept), held + np.float32(0))


@pytest.mark.parametrize("value", [0.1, 65505.0, 1e30, 2.0**-25, np.nan])
def test_numbers_that_half_precision_does_not_hold_stay_as_they_are(value: float) -> None:
    matrix = np.array([[1.0, value]], np.float32)
    assert smallest(matrix) is matrix


@needs_halves
def test_infinities_come_out_as_they_went_in() -> None:
    matrix = np.array([[np.inf, -np.inf]], np.float32)
    one = sp.csr_matrix(np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(sparse_times_dense(one, smallest(matrix)), matrix)


def test_a_row_does_not_depend_on_the_others() -> None:
    random = np.random.default_rng(0)
    matrix = sp.csr_matrix(sp.random(40, 300, 0.2, "csr", np.float32, random))
    dense = random.standard_normal((300, 33)).astype(np.float32)
    alone = np.concatenate([sparse_times_dense(matrix[[row]], dense) for row in range(40)])
    np.testing.assert_array_equal(alone, sparse_times_dense(matrix, dense))


def test_without_the_compiled_loop_scipy_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse, "_NATIVE", None)
    matrix = sp.csr_matrix(np.array([[0, 2], [0, 0]], np.float32))
    dense = np.array([[1, 1], [3, 4]], np.float32)
    np.testing.assert_array_equal(sparse_times_dense(matrix, dense), [[6, 8], [0, 0]])
    np.testing.assert_array_equal(sparse_times_dense(matrix, dense.astype(np.float16)), [[6, 8], [0, 0]])


def test_a_dense_matrix_of_another_height_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a dense matrix of 3 rows, got 2"):
        sparse_times_dense(sp.csr_matrix((1, 3), dtype=np.float32), np.zeros((2, 2), np.float32))


def arrays(**changes: object) -> list[object]:
    """Two rows of one entry each, times a matrix [3, 2]."""
    given = {
        "bounds": np.array([0, 1, 2], np.int32),
        "columns": np.array([0, 2], np.int32),
        "values": np.ones(2, np.float32),
        "dense": np.ones((3, 2), np.float32),
        "size": 4,
        "width": 2,
        "out": np.empty((2, 2), np.float32),
    }
    return list((given | changes).values())


@needs_native
@pytest.mark.parametrize(
    "changes",
    [
        {"columns": np.array([0, 3], np.int32)},
        {"columns": np.array([-1, 2], np.int32)},
        {"bounds": np.array([0, 1, 9], np.int32)},
        {"bounds": np.array([0, 2, 1], np.int32)},
        {"bounds": np.array([-5, 1, 2], np.int32)},
    ],
)
def test_indices_out_of_range_are_refused_not_followed(changes: dict[str, object]) -> None:
    with pytest.raises(IndexError, match="out of range"):
        sparse._native.sparse_times_dense(*arrays(**changes))


@needs_native
@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"width": 4},
        {"size": 0},
        {"size": 8},
        {"size": -4},
        {"values": np.ones(3, np.float32)},
        {"out": np.empty((3, 2), np.float32)},
        {"bounds": np.empty(0, np.int32)},
        {"dense": np.ones((3, 3), np.float32)},
    ],
)
def test_sizes_that_do_not_go_together_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="sizes that go together"):
        sparse._native.sparse_times_dense(*arrays(**changes))


@pytest.mark.parametrize("rows", [[], [0], [2, 3, 4], [0, 1, 2, 3, 4, 5], [5, 4], [1, 3], [2, 2]])
def test_rows_taken_are_those_asked_for(rows: list[int]) -> None:
    matrix = sp.csr_matrix(sp.random(6, 9, 0.4, "csr", np.float32, np.random.default_rng(0)))
    wanted = np.array(rows, np.int64)
    np.testing.assert_array_equal(take_rows(matrix, wanted).toarray(), matrix.toarray()[wanted])


def test_halves_are_read_as_singles_where_the_processor_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    halves = np.array([[1.0, 2.0**-14]], np.float16)
    monkeypatch.setattr(sparse, "_native", None)
    assert smallest(halves).dtype == np.float32
    np.testing.assert_array_equal(smallest(halves), halves)
