"""Losses of labels, against cases worked by hand and against each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.errors import RecipeError
from shelfwise.heads import build_head
from shelfwise.heads.losses import LOSSES, build_loss
from shelfwise.taxonomy.targets import LabelTarget

SCORES = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 1.0]], dtype=torch.float64)
TRUTH = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
LABELS = LabelTarget(("a", "b", "c"))


def p(score: float) -> float:
    return 1 / (1 + math.exp(-score))


@pytest.fixture(params=LOSSES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestEveryLoss:
    def test_it_is_finite_for_any_scores(self, kind: str) -> None:
        scores = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], requires_grad=True)
        loss = build_loss(kind)(scores, TRUTH.float())
        loss.backward()
        assert math.isfinite(float(loss.detach()))
        assert scores.grad is not None
        assert torch.isfinite(scores.grad).all()

    def test_it_falls_as_the_truth_is_followed(self, kind: str) -> None:
        loss = build_loss(kind)
        right = 4 * TRUTH - 2
        assert float(loss(right, TRUTH)) < float(loss(0.5 * right, TRUTH)) < float(loss(-right, TRUTH))

    def test_it_is_the_mean_over_products(self, kind: str) -> None:
        loss = build_loss(kind)
        each = [float(loss(SCORES[row : row + 1], TRUTH[row : row + 1])) for row in range(2)]
        assert float(loss(SCORES, TRUTH)) == pytest.approx(sum(each) / 2)

    def test_a_heavier_label_costs_more_when_missed(self, kind: str) -> None:
        loss = build_loss(kind)
        weights = torch.tensor([1.0, 3.0, 1.0], dtype=torch.float64)
        plain, heavy = (float(loss(SCORES[1:], TRUTH[1:], one)) for one in (None, weights))
        assert heavy > plain
        assert float(loss(SCORES[:1], TRUTH[:1], weights)) == pytest.approx(
            float(loss(SCORES[:1], TRUTH[:1]))
        )

    def test_products_without_labels_are_no_trouble(self, kind: str) -> None:
        assert math.isfinite(float(build_loss(kind)(SCORES, torch.zeros_like(TRUTH))))

    def test_a_head_is_trained_by_it(self, kind: str) -> None:
        head = build_head({"kind": "multilabel", "loss": kind}, LABELS)
        assert float(head.loss(SCORES, TRUTH)) == float(build_loss(kind)(SCORES, TRUTH))
        assert torch.equal(head.outcome_logits(SCORES), SCORES)

    def test_its_gradient_is_the_slope(self, kind: str) -> None:
        scores = SCORES.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda s: build_loss(kind)(s, TRUTH), (scores,))


def test_focal_by_hand() -> None:
    expected = sum(-((1 - q) ** 2) * math.log(q) for q in (p(2.0), p(1.0), p(0.5), p(3.0), p(0.0), p(-1.0)))
    assert float(build_loss("focal")(SCORES, TRUTH)) == pytest.approx(expected / 2)


def test_asymmetric_by_hand() -> None:
    there = sum(-math.log(p(score)) for score in (2.0, 0.5, 0.0))
    missing = 0.0
    for score in (-1.0, -3.0, 1.0):
        q = max(p(score) - 0.05, 0)
        missing -= q**4 * math.log(1 - q)
    assert float(build_loss("asymmetric")(SCORES, TRUTH)) == pytest.approx((there + missing) / 2)


def test_an_easily_missing_label_costs_nothing() -> None:
    scores = torch.tensor([[-4.0, -5.0]], requires_grad=True)
    loss = build_loss("asymmetric")(scores, torch.zeros(1, 2))
    loss.backward()
    assert float(loss.detach()) == 0
    assert scores.grad is not None
    assert not scores.grad.any()


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "focal", "gamma": 0},
        {"kind": "asymmetric", "gamma_positive": 0, "gamma_negative": 0, "margin": 0},
    ],
)
def test_without_its_options_it_is_the_usual_loss(spec: dict[str, Any]) -> None:
    weights = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    usual = F.binary_cross_entropy_with_logits(SCORES, TRUTH, pos_weight=weights, reduction="none")
    assert float(build_loss(spec)(SCORES, TRUTH, weights)) == pytest.approx(float(usual.sum(1).mean()))


def test_renormalised_by_hand() -> None:
    first = [p(2.0), p(-1.0), p(0.5)]
    second = [p(-3.0), p(0.0), p(1.0)]
    expected = -(math.log(first[0] / sum(first)) + math.log(first[2] / sum(first))) / 2
    expected -= math.log(second[1] / sum(second))
    assert float(build_loss("renormalised_cce")(SCORES, TRUTH)) == pytest.approx(expected / 2)


@given(st.floats(-6, -3))
def test_renormalised_learns_ratios_only(shift: float) -> None:
    """Where all outputs are small, adding to all scores multiplies all outputs and changes nothing."""
    scores = torch.tensor([[-6.0, -7.0, -9.0]], dtype=torch.float64)
    truth = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)
    loss = build_loss("renormalised_cce")
    assert float(loss(scores + shift, truth)) == pytest.approx(float(loss(scores, truth)), abs=0.01)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("focl", "got 'focl'; did you mean 'focal'"),
        ({"gamma": 2}, "expected a loss"),
        ({"kind": "focal", "gama": 2}, "did you mean 'gamma'"),
        ({"kind": "binary_cross_entropy", "gamma": 2}, "expected no options"),
        ({"kind": "focal", "gamma": -1}, "cannot use option 'gamma'"),
        ({"kind": "focal", "gamma": float("nan")}, "cannot use option 'gamma'"),
        ({"kind": "asymmetric", "margin": 1.0}, "cannot use option 'margin'"),
        ({"kind": "focal", "gamma": "much"}, "cannot use option 'gamma'"),
    ],
)
def test_what_cannot_work_is_refused(spec: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        build_loss(spec)
    with pytest.raises(RecipeError, match=said):
        build_head({"kind": "multilabel", "loss": spec}, LABELS)


def test_the_linear_solver_takes_no_other_loss() -> None:
    truth = TRUTH.numpy()
    assert len(build_head("multilabel", LABELS).one_vs_rest(truth)) == 3
    with pytest.raises(RecipeError, match="cannot use 'focal'; use the solver 'gradient'"):
        build_head({"kind": "multilabel", "loss": "focal"}, LABELS).one_vs_rest(truth)
