"""Hierarchical label smoothing: where the mass goes, worked out by hand and against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.evaluation.hierarchy import tree_distance
from shelfwise.heads.smoothing import HierarchicalSmoothing
from shelfwise.heads.tree import TreeHead, TreeOptions
from shelfwise.taxonomy.targets import PathTarget

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=2, max_size=10, unique=True
)


def spread(target: PathTarget, share: float = 1.0 - 1e-12) -> np.ndarray:
    """float64 [true outcomes, outcomes]: the smoothed targets, read off the loss's slope."""
    smoothing = HierarchicalSmoothing(target, share)
    every = torch.arange(target.n_outcomes)
    values = torch.zeros(len(every), len(every), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(smoothing(values, every).sum(), values)
    return -slope.numpy()


def test_by_hand() -> None:
    target = PathTarget((("a", "x"), ("a", "y"), ("b", "z"), ("c",)))
    # Of a > x: half to a's two, half to all four. Of c: everything to all four.
    np.testing.assert_allclose(spread(target)[0], [0.375, 0.375, 0.125, 0.125], atol=1e-9)
    np.testing.assert_allclose(spread(target)[3], [0.25] * 4, atol=1e-9)
    np.testing.assert_allclose(spread(target, 0.2)[0], [0.8 + 0.075, 0.075, 0.025, 0.025])


def test_of_one_level_is_ordinary_label_smoothing() -> None:
    target = PathTarget((("a",), ("b",), ("c",)))
    scores = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([0, 2, 1, 1])
    expected = F.cross_entropy(scores, truth, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(HierarchicalSmoothing(target, 0.1)(scores.log_softmax(1), truth), expected)


@given(PATHS, st.floats(0, 0.9))
@settings(deadline=None)
def test_the_mass_is_all_there_and_falls_with_the_distance(
    paths: list[tuple[str, ...]], share: float
) -> None:
    target = PathTarget(tuple(sorted(paths)))
    found = spread(target, share)
    np.testing.assert_allclose(found.sum(1), 1.0)
    assert (found >= 0).all()
    for truth, row in zip(target.outcomes, found, strict=True):
        assert row.argmax() == target.outcomes.index(truth) or share > 0.5
        # Of two outcomes at equal depth the nearer gets no less.
        for one, first in zip(target.outcomes, row, strict=True):
            for other, second in zip(target.outcomes, row, strict=True):
                same = len(one) == len(other) and truth not in (one, other)
                if same and tree_distance(truth, one) < tree_distance(truth, other):
                    assert first >= second - 1e-12


def test_a_share_of_nothing_changes_nothing() -> None:
    target = PathTarget((("a", "x"), ("a", "y"), ("b",)))
    scores = torch.randn(3, TreeHead(target).n_scores, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([0, 1, 2])
    plain, none = TreeHead(target), TreeHead(target, TreeOptions(smoothing=0.0))
    assert float(plain.loss(scores, truth)) == float(none.loss(scores, truth))


def test_a_sibling_costs_less_than_a_stranger() -> None:
    target = PathTarget((("a", "x"), ("a", "y"), ("b", "z")))
    smoothing = HierarchicalSmoothing(target, 0.3)
    sibling = torch.tensor([[0.1, 0.8, 0.1]]).log()
    stranger = torch.tensor([[0.1, 0.1, 0.8]]).log()
    truth = torch.tensor([0])
    assert float(smoothing(sibling, truth)) < float(smoothing(stranger, truth))
    plain = HierarchicalSmoothing(target, 0.0)
    assert float(plain(sibling, truth)) == pytest.approx(float(plain(stranger, truth)))
