"""Dropout: the same expectation as PyTorch's, zero or scaled, and nothing outside training."""

from __future__ import annotations

import pytest
import torch

from shelfwise.training.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_numbers_are_zero_or_scaled(share: float) -> None:
    torch.manual_seed(0)
    given = torch.rand(400, 100) + 1
    found = Dropout(share)(given)
    zero = found == 0
    assert float(zero.float().mean()) == pytest.approx(share, abs=0.01)
    torch.testing.assert_close(found[~zero], (given / (1 - share))[~zero])


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
