"""The conditional tree: one softmax per parent, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shelfwise.errors import RecipeError
from shelfwise.heads import build_head
from shelfwise.heads.conditional_tree import ConditionalTreeHead, ConditionalTreeOptions
from shelfwise.heads.tree import OWN_SCORE_SCALE
from shelfwise.taxonomy.targets import PathTarget

TARGET = PathTarget((("Men",), ("Men", "Shoes"), ("Women", "Bags"), ("Women", "Shoes")))
# Scores: Men, Women | stop, Bags, Shoes | own: Men > Shoes, Women > Shoes
SCORES = torch.tensor([[0.4, -0.2, 1.0, 0.5, 2.0, -1.0, 3.0]], dtype=torch.float64)


def softmax(*values: float) -> np.ndarray:
    exponents = np.exp(np.array(values))
    return exponents / exponents.sum()


def test_probabilities_by_hand() -> None:
    head = ConditionalTreeHead(TARGET)
    assert head.n_scores == 7
    men, women = softmax(0.4, -0.2)
    stop, his = softmax(1.0, 2.0 - OWN_SCORE_SCALE)
    bags, hers = softmax(0.5, 2.0 + 3 * OWN_SCORE_SCALE)
    found = head.outcome_logits(SCORES).exp().numpy()[0]
    np.testing.assert_allclose(found, [men * stop, men * his, women * bags, women * hers])


def test_the_loss_is_the_log_probability_of_the_true_path() -> None:
    head = ConditionalTreeHead(TARGET, ConditionalTreeOptions(wrong_labels=0))
    assert float(head.loss(SCORES, torch.tensor([3]))) == pytest.approx(
        -float(head.outcome_logits(SCORES)[0, 3])
    )


def test_an_only_child_is_certain_given_its_parent() -> None:
    head = ConditionalTreeHead(PathTarget((("a", "x"), ("b", "y"), ("b", "z"))))
    scores = torch.randn(1, head.n_scores, generator=torch.Generator().manual_seed(0))
    probabilities = head.outcome_logits(scores).exp()[0]
    first = scores[0, :2].softmax(0)
    torch.testing.assert_close(probabilities[0], first[0])


def test_siblings_alone_compete() -> None:
    """What is said of Women's children says nothing about Men's."""
    head = ConditionalTreeHead(TARGET)
    louder = SCORES.clone()
    louder[0, 6] += 5  # Women > Shoes' own score
    torch.testing.assert_close(head.outcome_logits(SCORES)[0, :2], head.outcome_logits(louder)[0, :2])


def test_smoothing_makes_it_less_sure() -> None:
    sure, smooth = (
        ConditionalTreeHead(TARGET, ConditionalTreeOptions(smoothing=share, wrong_labels=0))
        for share in (0.0, 0.2)
    )
    extreme = torch.tensor([[-30.0, 30.0, 0.0, 30.0, -30.0, 0.0, 0.0]])
    truth = torch.tensor([2])
    assert float(sure.loss(extreme, truth)) < 1e-6
    assert float(smooth.loss(extreme, truth)) > 1


@pytest.mark.parametrize("kind", ["tree", "conditional_tree"])
def test_all_smoothed_away_is_refused(kind: str) -> None:
    with pytest.raises(RecipeError, match=f"'smoothing' of the head '{kind}'.*less than 1, got 1"):
        build_head({"kind": kind, "smoothing": 1}, TARGET)
