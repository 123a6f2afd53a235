"""Dropout: the same expectation as PyTorch's, zero or scaled, and nothing outside training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfwise.training.dropout import Dropout, dropped


def scale(share: float) -> float:
    """What keeps the sum where a share is dropped, to the nearest 256th."""
    return 1 / (1 - round(share * 256) / 256)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_numbers_are_zero_or_scaled(share: float) -> None:
    torch.manual_seed(0)
    given = torch.rand(400, 100) + 1
    found = Dropout(share)(given)
    zero = found == 0
    assert float(zero.float().mean()) == pytest.approx(share, abs=0.01)
    torch.testing.assert_close(found[~zero], (given * scale(share))[~zero])


def test_gradients_pass_where_numbers_do() -> None:
    given = torch.ones(50, 20, requires_grad=True)
    found = Dropout(0.4)(given)
    found.sum().backward()
    torch.testing.assert_close(given.grad, found.detach())


def test_the_same_seed_drops_the_same() -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(Dropout(0.5)(torch.ones(30, 30)))
    assert torch.equal(*found)


@pytest.mark.parametrize("layer", [Dropout(0.5).eval(), Dropout(0.0)])
def test_nothing_is_dropped_outside_training_or_at_zero(layer: Dropout) -> None:
    given = torch.rand(5, 5)
    assert torch.equal(layer(given), given)


def test_everything_is_dropped_at_one() -> None:
    assert not Dropout(1.0)(torch.ones(4, 4)).any()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_features_are_zero_or_scaled_and_the_same_on_average(share: float) -> None:
    given = np.random.default_rng(1).random((2000, 301), np.float32) + 1
    found = dropped(given.copy(), share, np.random.default_rng(0))
    zero = found == 0
    assert zero.mean() == pytest.approx(share, abs=0.005)
    assert 0 < zero.sum() < zero.size
    assert found.dtype == np.float32
    spread = np.sqrt(share / (1 - min(share, 255 / 256)) / zero.size)
    assert found.mean() == pytest.approx(given.mean(), rel=5 * spread + 1e-3)


def test_sizes_that_are_no_multiple_of_a_word() -> None:
    for size in (0, 1, 7, 8, 9):
        assert Dropout(0.5)(torch.ones(size)).shape == (size,)
        assert dropped(np.ones(size, np.float32), 0.5, np.random.default_rng(0)).shape == (size,)
