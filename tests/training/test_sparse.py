"""The sparse linear layer is a linear layer, and its optimizer touches what was used and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.training.sparse import RowAdagrad, SparseLinear, compact, drop_features, sparse_matmul

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
        torch.testing.assert_close(layer(compact(matrix)), expected)

    def test_its_gradient_is_the_dense_layers(self, matrix: sp.csr_matrix) -> None:
        layer = SparseLinear(matrix.shape[1], 5, scale=0.5).train()
        dense = torch.nn.Linear(matrix.shape[1], 5, bias=False)
        with torch.no_grad():
            dense.weight.copy_(layer.weight.T)
        pull = torch.randn(matrix.shape[0], 5, generator=torch.Generator().manual_seed(1))
        (layer(compact(matrix)).tanh() * pull).sum().backward()
        (dense(torch.from_numpy(matrix.toarray())).tanh() * pull).sum().backward()
        [(columns, used)] = layer.touched
        found = torch.zeros(matrix.shape[1], 5)
        found[columns] = used.grad
        torch.testing.assert_close(found, dense.weight.grad.T)

    def test_several_products_sharing_features(self) -> None:
        matrix = sp.csr_matrix(np.array([[1, 2, 0], [1, 0, 0], [3, 2, 0]], np.float32))
        layer = SparseLinear(3, 2, scale=1.0).train()
        layer(compact(matrix)).sum().backward()
        [(columns, used)] = layer.touched
        assert columns.tolist() == [0, 1]
        torch.testing.assert_close(used.grad, torch.tensor([[5.0, 5.0], [4.0, 4.0]]))

    def test_nothing_is_kept_outside_training(self) -> None:
        layer = SparseLinear(9, 2, scale=1.0).eval()
        layer(compact(random_rows(4, 9)))
        assert layer.touched == []

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


@given(st.integers(0, 999), st.integers(1, 7), st.integers(1, 12), st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_compact_keeps_the_matrix(seed: int, rows: int, width: int, density: float) -> None:
    matrix = random_rows(rows, width, density, seed)
    batch = compact(matrix)
    columns = batch.columns.numpy()
    assert columns.tolist() == sorted(set(matrix.indices.tolist()))
    full = np.zeros(matrix.shape, np.float32)
    full[:, columns] = batch.rows.toarray()
    np.testing.assert_array_equal(full, matrix.toarray())


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
        compact(dropped)


class TestRowAdagrad:
    def test_only_rows_in_use_change(self) -> None:
        layer = SparseLinear(6, 2, scale=1.0).train()
        before = layer.weight.clone()
        optimizer = RowAdagrad([layer], learning_rate=0.1)
        matrix = sp.csr_matrix(np.array([[0, 1, 0, 0, 2, 0]], np.float32))
        layer(compact(matrix)).sum().backward()
        optimizer.step(1.0)
        changed = (layer.weight != before).any(dim=1)
        assert changed.tolist() == [False, True, False, False, True, False]
        assert layer.touched == []

    def test_two_steps_by_hand(self) -> None:
        layer = SparseLinear(1, 2, scale=0.0).train()
        optimizer = RowAdagrad([layer], learning_rate=0.5)
        one = sp.csr_matrix(np.array([[1.0]], np.float32))
        pull = torch.tensor([[3.0, -1.0]])
        for _ in range(2):
            (layer(compact(one)) * pull).sum().backward()
            optimizer.step(1.0)
        # mean square of the gradient: 5, then 10 in all
        expected = -0.5 * pull / np.sqrt(5) - 0.5 * pull / np.sqrt(10)
        torch.testing.assert_close(layer.weight.data, expected)

    def test_the_schedule_scales_the_step(self) -> None:
        steps = []
        for scale in (1.0, 0.25):
            layer = SparseLinear(1, 1, scale=0.0).train()
            optimizer = RowAdagrad([layer], learning_rate=0.5)
            layer(compact(sp.csr_matrix(np.array([[1.0]], np.float32)))).sum().backward()
            optimizer.step(scale)
            steps.append(float(layer.weight.detach()))
        assert steps[1] == pytest.approx(steps[0] / 4)

    def test_a_batch_of_nothing(self) -> None:
        layer = SparseLinear(4, 2, scale=1.0).train()
        before = layer.weight.clone()
        optimizer = RowAdagrad([layer], learning_rate=0.1)
        (layer(compact(NOTHING)).sum() + torch.zeros(1, requires_grad=True).sum()).backward()
        optimizer.step(1.0)
        assert torch.equal(layer.weight, before)

    def test_it_learns(self) -> None:
        random = np.random.default_rng(0)
        matrix = random_rows(200, 30, 0.2)
        wanted = random.normal(size=(30, 3))
        truth = torch.from_numpy((matrix @ wanted).argmax(1))
        layer = SparseLinear(30, 3, scale=0.0).train()
        optimizer = RowAdagrad([layer], learning_rate=0.3)
        losses = []
        for _ in range(60):
            loss = torch.nn.functional.cross_entropy(layer(compact(matrix)), truth)
            loss.backward()
            optimizer.step(1.0)
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.3 * losses[0]
