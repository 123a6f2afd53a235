"""Row-wise Adagrad touches what was used and nothing else, compiled or by PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.test_sparse import EMPTY_ROWS, NOTHING, random_rows

from shelfwise.training import row_adagrad
from shelfwise.training.row_adagrad import RowAdagrad
from shelfwise.training.sparse import SparseLinear

torch.set_num_threads(1)
COMPILED = row_adagrad.NATIVE
needs_compiled = pytest.mark.skipif(COMPILED is None, reason="installed without a C compiler")


@pytest.fixture(params=[pytest.param("compiled", marks=needs_compiled), "PyTorch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "PyTorch":
        monkeypatch.setattr(row_adagrad, "NATIVE", None)
    return request.param


def trained(rows: sp.csr_matrix, out: int, steps: int = 3) -> tuple[SparseLinear, RowAdagrad]:
    """A layer after some steps on the same batch, pulled another way each time."""
    torch.manual_seed(0)
    layer = SparseLinear(rows.shape[1], out, scale=0.5).train()
    optimizer = RowAdagrad([layer], learning_rate=0.1)
    for _ in range(steps):
        (layer(rows) * torch.randn(rows.shape[0], out)).sum().backward()
        optimizer.step(0.5)
    return layer, optimizer


@pytest.mark.usefixtures("way")
class TestSteps:
    def test_only_rows_in_use_change(self) -> None:
        layer = SparseLinear(6, 2, scale=1.0).train()
        before = layer.weight.clone()
        optimizer = RowAdagrad([layer], learning_rate=0.1)
        layer(sp.csr_matrix(np.array([[0, 1, 0, 0, 2, 0]], np.float32))).sum().backward()
        optimizer.step(1.0)
        changed = (layer.weight != before).any(dim=1)
        assert changed.tolist() == [False, True, False, False, True, False]
        assert layer.given == []

    def test_two_steps_by_hand(self) -> None:
        layer = SparseLinear(1, 2, scale=0.0).train()
        optimizer = RowAdagrad([layer], learning_rate=0.5)
        one = sp.csr_matrix(np.array([[1.0]], np.float32))
        pull = torch.tensor([[3.0, -1.0]])
        for _ in range(2):
            (layer(one) * pull).sum().backward()
            optimizer.step(1.0)
        # mean square of the gradient: 5, then 10 in all
        expected = -0.5 * pull / np.sqrt(5) - 0.5 * pull / np.sqrt(10)
        torch.testing.assert_close(layer.weight.data, expected)

    def test_products_that_share_features(self) -> None:
        layer = SparseLinear(3, 2, scale=0.0).train()
        optimizer = RowAdagrad([layer], learning_rate=1.0)
        layer(sp.csr_matrix(np.array([[1, 2, 0], [1, 0, 0], [3, 2, 0]], np.float32))).sum().backward()
        optimizer.step(1.0)
        # Gradients 5 and 4: the first step is as long whatever they are, but what is remembered is not.
        torch.testing.assert_close(layer.weight.data, torch.tensor([[-1.0, -1.0], [-1.0, -1.0], [0.0, 0.0]]))
        assert optimizer.seen[0].tolist() == [25.0, 16.0, 0.0]

    def test_the_schedule_scales_the_step(self) -> None:
        steps = []
        for scale in (1.0, 0.25):
            layer = SparseLinear(1, 1, scale=0.0).train()
            optimizer = RowAdagrad([layer], learning_rate=0.5)
            layer(sp.csr_matrix(np.array([[1.0]], np.float32))).sum().backward()
            optimizer.step(scale)
            steps.append(float(layer.weight.detach()))
        assert steps[1] == pytest.approx(steps[0] / 4)

    def test_a_batch_of_nothing(self) -> None:
        layer = SparseLinear(4, 2, scale=1.0).train()
        before = layer.weight.clone()
        optimizer = RowAdagrad([layer], learning_rate=0.1)
        layer(NOTHING).sum().backward()
        optimizer.step(1.0)
        assert torch.equal(layer.weight, before)

    def test_what_has_no_gradient_is_passed_over(self) -> None:
        layer = SparseLinear(4, 2, scale=1.0).train()
        before = layer.weight.clone()
        layer(EMPTY_ROWS)
        RowAdagrad([layer], learning_rate=0.1).step(1.0)
        assert torch.equal(layer.weight, before)
        assert layer.given == []

    def test_it_learns(self) -> None:
        random = np.random.default_rng(0)
        matrix = random_rows(200, 30, 0.2)
        wanted = random.normal(size=(30, 3))
        truth = torch.from_numpy((matrix @ wanted).argmax(1))
        layer = SparseLinear(30, 3, scale=0.0).train()
        optimizer = RowAdagrad([layer], learning_rate=0.3)
        losses = []
        for _ in range(60):
            loss = torch.nn.functional.cross_entropy(layer(matrix), truth)
            loss.backward()
            optimizer.step(1.0)
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.3 * losses[0]


@needs_compiled
@given(
    seed=st.integers(0, 999),
    rows=st.integers(1, 40),
    width=st.integers(1, 30),
    out=st.integers(1, 70),
    density=st.floats(0, 1),
)
@settings(deadline=None, max_examples=60)
def test_both_ways_come_to_the_same(seed: int, rows: int, width: int, out: int, density: float) -> None:
    batch = random_rows(rows, width, density, seed)
    here, memory = trained(batch, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_adagrad, "NATIVE", None)
        there, other = trained(batch, out)
    torch.testing.assert_close(here.weight, there.weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(memory.seen[0], other.seen[0], rtol=1e-4, atol=1e-5)


@needs_compiled
def test_a_batch_may_have_indices_of_64_bits_or_none_in_order() -> None:
    batch = random_rows(5, 9)
    wide = batch.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    mixed = batch.copy()
    mixed.indptr = mixed.indptr.astype(np.int64)
    backwards = batch.copy()
    for row in range(5):
        mine = slice(backwards.indptr[row], backwards.indptr[row + 1])
        backwards.indices[mine], backwards.data[mine] = (
            backwards.indices[mine][::-1],
            backwards.data[mine][::-1],
        )
    expected = trained(batch, 4)[0].weight
    for other in (wide, mixed, backwards):
        torch.testing.assert_close(trained(other, 4)[0].weight, expected)


@needs_compiled
@pytest.mark.parametrize(
    "spoil",
    [
        {"columns": np.array([0, 9], np.int32)},
        {"columns": np.array([0, -1], np.int32)},
        {"bounds": np.array([0, 3], np.int32)},
        {"bounds": np.array([1, 2], np.int32)},
        {"bounds": np.zeros(0, np.int32)},
        {"values": np.ones(3, np.float32)},
        {"gradient": np.ones((1, 3), np.float32)},
        {"gradient": np.ones((0, 2), np.float32)},
        {"numbers": np.zeros(3, np.int32)},
    ],
)
def test_arrays_that_do_not_go_together_are_refused(spoil: dict[str, np.ndarray]) -> None:
    given = {
        "bounds": np.array([0, 2], np.int32),
        "columns": np.array([0, 3], np.int32),
        "values": np.ones(2, np.float32),
        "gradient": np.ones((1, 2), np.float32),
        "weights": np.ones((4, 2), np.float32),
        "seen": np.zeros(4, np.float32),
        "numbers": np.array([0, 9, -5, 2**31 - 1], np.int32),
    }
    COMPILED(*given.values(), 0.1, 1e-8)  # whatever is in the room that it is given
    before = given["weights"].copy()
    with pytest.raises(ValueError, match="sizes that go together"):
        COMPILED(*(given | spoil).values(), 0.1, 1e-8)
    np.testing.assert_array_equal(given["weights"], before)
