"""A likelihood that expects some labels to be wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.heads import build_head
from shelfwise.heads.wrong_labels import expecting_wrong_labels
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

PATHS = PathTarget((("a", "x"), ("a", "y"), ("b", "z")))
SETS = LabelTarget(("s", "t"), sets=((0,), (1,), (0, 1)))
HEADS: list[tuple[str, Target]] = [("tree", PATHS), ("conditional_tree", PATHS), ("label_sets", SETS)]


def test_by_hand() -> None:
    probabilities = torch.tensor([[0.9, 0.06, 0.04], [0.001, 0.999, 0.0]], dtype=torch.float64)
    found = expecting_wrong_labels(probabilities.log(), torch.tensor([0, 2]), 0.3)
    expected = -np.log([0.7 * 0.9 + 0.1, 0.1])
    np.testing.assert_allclose(found.numpy(), expected)


def test_of_none_it_is_cross_entropy() -> None:
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([0, 3, 1, 1, 2])
    found = expecting_wrong_labels(scores.log_softmax(1), truth, 0.0)
    torch.testing.assert_close(found, F.cross_entropy(scores, truth, reduction="none"))


@given(st.floats(0.01, 0.9), st.integers(2, 500), st.floats(0, 200))
def test_what_cannot_be_costs_no_more_than_chance_and_teaches_less(
    share: float, outcomes: int, against: float
) -> None:
    scores = torch.zeros(1, outcomes, dtype=torch.float64)
    scores[0, 0] = -against
    scores.requires_grad_()
    loss = expecting_wrong_labels(scores.log_softmax(1), torch.tensor([0]), share)
    assert 0 <= float(loss) <= np.log(outcomes / share) + 1e-9
    (slope,) = torch.autograd.grad(loss.sum(), scores)
    assert float(slope.abs().max()) <= 1.0
    if against > 50:
        assert float(slope.abs().max()) < 1e-12


@pytest.mark.parametrize(("kind", "target"), HEADS, ids=[kind for kind, _ in HEADS])
def test_heads_learn_little_from_what_they_find_impossible(kind: str, target: Target) -> None:
    def slope(wrong_labels: float, truth: int) -> float:
        head = build_head({"kind": kind, "wrong_labels": wrong_labels}, target)
        scores = torch.zeros(1, head.n_scores)
        sure = head.outcome_logits(torch.eye(head.n_scores) * 30.0).argmax(1) == 0
        scores[0, torch.nonzero(sure)[:, 0]] = 30.0
        scores.requires_grad_()
        head.loss(scores, torch.tensor([truth])).backward()
        assert scores.grad is not None
        return float(scores.grad.abs().max())

    assert slope(0.0, truth=1) > 0.5
    assert slope(0.2, truth=1) < 0.01


@pytest.mark.parametrize(("kind", "target"), HEADS, ids=[kind for kind, _ in HEADS])
def test_learned_from_a_third_of_wrong_labels_probabilities_are_those_of_right_ones(
    kind: str, target: Target
) -> None:
    """What is fitted is the truth behind the labels, not their share."""
    head = build_head({"kind": kind, "wrong_labels": 0.3}, target)
    truth = torch.tensor([0] * 80 + [1] * 10 + [2] * 10)
    scores = torch.zeros(1, head.n_scores, requires_grad=True)
    steps = torch.optim.LBFGS([scores, *head.parameters()], max_iter=200)

    def step() -> torch.Tensor:
        steps.zero_grad()
        loss = head.loss(scores.expand(len(truth), -1), truth)
        loss.backward()
        return loss

    steps.step(step)
    said = head.outcome_logits(scores).detach().exp()[0]
    assert float(said[0]) == pytest.approx(1.0, abs=0.02)
