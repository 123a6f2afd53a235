"""The sparse linear layer is a linear layer, and keeps what its optimizer needs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from shelfwise.training.sparse import SparseLinear, drop_features, sparse_matmul

torch.set_num_threads(1)


def random_rows(rows: int, width: int, density: float = 0.3, seed: int = 0) -> sp.csr_matrix:
    matrix = sp.random(rows, width, density, "csr", np.float32, random_state=seed)
    matrix.data -= 0.4  # negative values too
    return matrix


EMPTY_ROWS = sp.csr_matrix((np.array([2.0], np.float32), np.array([1]), np.array([0, 0, 1, 1])), shape=(3, 4))
NOTHING = sp.csr_matrix((3, 4), dtype=np.float32)
MATRICES = [random_rows(6, 9), random_rows(1, 50, 0.05), EMPTY_ROWS, NOTHING]


@pytest.fixture(params=MATRICES, ids=["random", "one row", "empty rows", "nothing"])
def matrix(request: pytest.FixtureRequest) -> sp.csr_matrix:
    return request.param


class TestSparseLinear:
    def test_it_computes_what_a_dense_layer_computes(self, matrix: sp.csr_matrix) -> None:
        layer = SparseLinear(matrix.shape[1], 5, scale=0.5)
        expected = torch.from_numpy(matrix.toarray()) @ layer.weight
        torch.testing.assert_close(layer(matrix), expected)
        torch.testing.assert_close(layer.eval()(matrix), expected)

    def test_the_gradient_of_what_it_gave_is_the_dense_layers(self, matrix: sp.csr_matrix) -> None:
        layer = SparseLinear(matrix.shape[1], 5, scale=0.5).train()
        dense = torch.nn.Linear(matrix.shape[1], 5, bias=False)
        with torch.no_grad():
            dense.weight.copy_(layer.weight.T)
        pull = torch.randn(matrix.shape[0], 5, generator=torch.Generator().manual_seed(1))
        (layer(matrix).tanh() * pull).sum().backward()
        (dense(torch.from_numpy(matrix.toarray())).tanh() * pull).sum().backward()
        [(batch, given)] = layer.given
        found = torch.from_numpy(batch.toarray().T) @ given.grad
        torch.testing.assert_close(found, dense.weight.grad.T)

    def test_nothing_is_kept_outside_training(self) -> None:
        layer = SparseLinear(9, 2, scale=1.0).eval()
        layer(random_rows(4, 9))
        assert layer.given == []

    def test_untrained_it_says_nothing_where_the_scale_is_zero(self) -> None:
        assert not SparseLinear(4, 3, scale=0.0).weight.any()

    def test_indices_of_64_bits(self) -> None:
        matrix = random_rows(3, 9)
        wide = matrix.copy()
        wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
        layer = SparseLinear(9, 2, scale=1.0)
        torch.testing.assert_close(layer(wide), layer(matrix))
        mixed = matrix.copy()
        mixed.indptr = mixed.indptr.astype(np.int64)
        torch.testing.assert_close(sparse_matmul(mixed, layer.weight), layer(matrix))


class TestDropFeatures:
    def test_the_expectation_stays(self) -> None:
        matrix = random_rows(5, 20, 0.5)
        random = np.random.default_rng(0)
        mean = sum(drop_features(matrix, 0.3, random).toarray() for _ in range(3000)) / 3000
        np.testing.assert_allclose(mean, matrix.toarray(), atol=0.05)

    def test_each_feature_is_kept_scaled_or_gone(self) -> None:
        matrix = random_rows(5, 20, 0.5)
        dropped = drop_features(matrix, 0.5, np.random.default_rng(0)).toarray()
        full = matrix.toarray()
        assert ((dropped == 0) | np.isclose(dropped, full * 2)).all()
        assert 0 < np.count_nonzero(dropped) < matrix.nnz

    def test_the_matrix_itself_is_left_alone(self) -> None:
        matrix = random_rows(5, 20, 0.5)
        before = matrix.copy()
        drop_features(matrix, 0.5, np.random.default_rng(0)).data[:] = 9
        assert (matrix != before).nnz == 0

    @pytest.mark.parametrize("matrix", [EMPTY_ROWS, NOTHING])
    def test_empty_rows(self, matrix: sp.csr_matrix) -> None:
        dropped = drop_features(matrix, 0.9, np.random.default_rng(1))
        assert dropped.shape == matrix.shape
        assert dropped.nnz <= matrix.nnz
