"""The tree head: a path's score is the sum of its parts', worked out by hand."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.heads.tree import OWN_SCORE_SCALE, TreeHead, outcome_parts
from shelfwise.taxonomy.targets import PathTarget

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=2, max_size=10, unique=True
)


def test_parts_are_numbered_as_they_are_met() -> None:
    target = PathTarget((("Men", "Shoes"), ("Women", "Bags"), ("Women", "Shoes")))
    parts, scale, _ = outcome_parts(target)
    # 0 Men, 1 Shoes (level 2), 2 its own (Shoes has two parents), 3 Women, 4 Bags, 5 its own
    assert parts.T.tolist() == [[0, 1, 2], [3, 4, 6], [3, 1, 5]]
    np.testing.assert_allclose(scale, [1, 1, OWN_SCORE_SCALE, 1, 1, OWN_SCORE_SCALE])


def test_to_stop_at_an_inner_category_has_a_score_of_its_own() -> None:
    parts, scale, _ = outcome_parts(PathTarget((("Men",), ("Men", "Shoes"), ("Women",))))
    # 0 Men, 1 stop at Men, 2 Shoes, 3 Women
    assert parts.T.tolist() == [[0, 1], [0, 2], [3, 4]]
    assert scale.tolist() == [1, 1, 1, 1]


def test_a_name_counts_anew_on_another_level() -> None:
    parts, _ = outcome_parts(PathTarget((("Toys", "Toys"), ("Toys", "Dolls"))))
    assert parts.T.tolist() == [[0, 1], [0, 2]]


def test_probabilities_by_hand() -> None:
    head = TreeHead(PathTarget((("a", "x"), ("a", "y"), ("b", "x"))))
    # parts: a, x, own(a x), y, b, own(b x)
    scores = torch.tensor([[1.0, 0.5, 2.0, 0.2, -1.0, -3.0]])
    totals = np.array([1 + 0.5 + 0.3 * 2, 1 + 0.2, -1 + 0.5 - 0.3 * 3])
    expected = np.exp(totals) / np.exp(totals).sum()
    np.testing.assert_allclose(head.outcome_logits(scores).exp().numpy()[0], expected, rtol=1e-5)


def test_what_is_learned_of_a_name_serves_its_other_parent() -> None:
    head = TreeHead(PathTarget((("Men", "Bags"), ("Men", "Shoes"), ("Women", "Bags"), ("Women", "Shoes"))))
    scores = torch.zeros(1, head.n_scores, requires_grad=True)
    head.loss(scores, torch.tensor([1])).backward()
    step = (-scores.grad).detach()
    probabilities = head.outcome_logits(step * 5).exp()[0]
    assert probabilities[3] > probabilities[2], "shoes for men say something of shoes for women"


@given(PATHS)
def test_every_outcome_has_its_own_sum(paths: list[tuple[str, ...]]) -> None:
    parts, scale, _ = outcome_parts(PathTarget(tuple(sorted(paths))))
    assert parts.max() <= len(scale)
    assert sorted(set(parts.ravel().tolist()) - {len(scale)}) == list(range(len(scale)))
    columns = {tuple(sorted(column)) for column in parts.T.tolist()}
    assert len(columns) == len(paths)
    for column in parts.T.tolist():
        used = [part for part in column if part < len(scale)]
        assert len(used) == len(set(used))
