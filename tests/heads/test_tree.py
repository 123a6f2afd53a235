"""The tree head: a path's score is the sum of its parts', worked out by hand."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.heads.tree import OWN_SCORE_SCALE, TreeHead, TreeOptions, outcome_parts
from shelfwise.taxonomy.targets import PathTarget

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=2, max_size=10, unique=True
)


def test_names_of_a_level_lie_side_by_side_and_own_scores_after_them() -> None:
    target = PathTarget((("Men", "Shoes"), ("Women", "Bags"), ("Women", "Shoes")))
    parts, scale, levels = outcome_parts(target)
    # 0 Men, 1 Women | 2 Bags, 3 Shoes | 4 and 5: Men's and Women's own Shoes (Shoes has two parents)
    assert parts.T.tolist() == [[0, 3, 4], [1, 2, 6], [1, 3, 5]]
    np.testing.assert_allclose(scale, [1, 1, 1, 1, OWN_SCORE_SCALE, OWN_SCORE_SCALE])
    assert [(first, last, which.tolist()) for first, last, which in levels] == [
        (0, 2, [0, 1, 1]),
        (2, 4, [1, 0, 1]),
    ]


def test_where_depths_are_unequal_every_path_has_a_score_of_its_own() -> None:
    target = PathTarget((("Men",), ("Men", "Shoes"), ("Women",)))
    parts, scale, levels = outcome_parts(target)
    # 0 Men, 1 Women | 2 Shoes | 3 to 5: each path's own
    assert parts.T.tolist() == [[0, 3, 6], [0, 2, 4], [1, 5, 6]]
    assert scale.tolist() == [1, 1, 1, 1, 1, 1]
    assert levels[1][2].tolist() == [-100, 0, -100], "a path that ends above a level says nothing of it"


def test_machines_are_asked_about_names_and_where_depths_are_unequal_about_paths() -> None:
    truth = np.array([2, 0, 1])
    unequal = TreeHead(PathTarget((("Men",), ("Men", "Shoes"), ("Women",))))
    assert [(first, last, which.tolist()) for first, last, which in unequal.one_vs_rest(truth)] == [
        (0, 2, [1, 0, 0]),
        (2, 3, [-1, -1, 0]),
        (3, 6, [2, 0, 1]),
    ]
    equal = TreeHead(PathTarget((("Men", "Shoes"), ("Women", "Bags"), ("Women", "Shoes"))))
    assert [(first, last) for first, last, _ in equal.one_vs_rest(truth)] == [(0, 2), (2, 4)]


def test_a_name_counts_anew_on_another_level() -> None:
    parts, _, _ = outcome_parts(PathTarget((("Toys", "Toys"), ("Toys", "Dolls"))))
    assert parts.T.tolist() == [[0, 2], [0, 1]]


def test_probabilities_by_hand() -> None:
    head = TreeHead(PathTarget((("a", "x"), ("a", "y"), ("b", "x"))))
    # scores: a, b | x, y | own(a x), own(b x)
    scores = torch.tensor([[1.0, -1.0, 0.5, 0.2, 2.0, -3.0]])
    totals = np.array([1 + 0.5 + 0.3 * 2, 1 + 0.2, -1 + 0.5 - 0.3 * 3])
    expected = np.exp(totals) / np.exp(totals).sum()
    np.testing.assert_allclose(head.outcome_logits(scores).exp().numpy()[0], expected, rtol=1e-5)


def test_the_loss_is_of_the_path_and_of_each_level_it_reaches() -> None:
    target = PathTarget((("a", "x"), ("a", "y"), ("b",)))
    scores = torch.tensor([[1.0, -1.0, 0.5, 0.2, 0.0, 0.0, 0.0]])  # a, b | x, y | each path's own
    paths, tops = np.array([1.5, 1.2, -1.0]), np.array([1.0, -1.0])
    path, top = np.exp(paths[2]) / np.exp(paths).sum(), np.exp(tops[1]) / np.exp(tops).sum()
    for wrong in (0.0, 0.3):
        head = TreeHead(target, TreeOptions(wrong_labels=wrong))
        nll = -np.log((1 - wrong) * path + wrong / 3) - np.log((1 - wrong) * top + wrong / 2)
        np.testing.assert_allclose(float(head.loss(scores, torch.tensor([2]))), nll, rtol=1e-5)


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
