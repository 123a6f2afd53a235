"""The fusion experiment's figures against hand-worked cases and properties."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from shelfwise.experiments import paper_a
from shelfwise.experiments.fusion_methods import counts_by_product, truth_matrix
from shelfwise.experiments.fusion_scores import Bootstrap, found_by_none, most_missed, rescues
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

TRUTH = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]], bool)
GIVEN = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0]], bool)
LABELS = LabelTarget(("a", "b", "c"))
matrices = hnp.arrays(bool, (7, 4))


def test_most_missed_by_hand() -> None:
    worst, other = most_missed(sp.csr_matrix(TRUTH), sp.csr_matrix(GIVEN))
    assert (worst.category, worst.missed, worst.total, worst.precision) == (1, 2, 2, None)
    assert (other.category, other.missed, other.total, other.precision) == (0, 1, 3, 1.0)
    assert worst.share == 1.0
    assert len(most_missed(sp.csr_matrix(TRUTH), sp.csr_matrix(GIVEN), most=1)) == 1


def test_rescues_by_hand() -> None:
    title = sp.csr_matrix(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]], bool))
    image = sp.csr_matrix(np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]], bool))
    one, two = rescues(sp.csr_matrix(TRUTH), {"title": title, "image": image})
    assert (one.name, one.products, one.categories) == ("title", 1, [(1, 1, 2)])
    assert (two.name, two.products, two.categories) == ("image", 1, [(0, 1, 3)])
    missed = found_by_none(sp.csr_matrix(TRUTH), [title, image])
    assert sorted(zip(*missed.nonzero(), strict=True)) == [(2, 1), (3, 0)]


@given(matrices, matrices, matrices)
def test_every_true_category_is_found_by_none_one_or_several(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> None:
    given = {"first": sp.csr_matrix(first), "second": sp.csr_matrix(second)}
    alone = sum(one.products for one in rescues(sp.csr_matrix(truth), given))
    none = found_by_none(sp.csr_matrix(truth), list(given.values())).nnz
    assert alone + none + (truth & first & second).sum() == truth.sum()
    assert none == (truth & ~first & ~second).sum()


@settings(deadline=None)
@given(matrices, matrices)
def test_the_score_is_micro_f1(truth: np.ndarray, answers: np.ndarray) -> None:
    top, bottom = counts_by_product(sp.csr_matrix(truth), sp.csr_matrix(answers), LABELS)
    found = Bootstrap.of(top[None], bottom[None], seed=0).score(0)
    assert found.value == pytest.approx(f1_score(truth, answers, average="micro", zero_division=0))
    assert 0 <= found.low <= found.high <= 1


def test_whole_paths_are_right_or_wrong() -> None:
    target = PathTarget((("a",), ("b",)))
    truth = truth_matrix(target, np.array([0, 1, -1, 1]))
    answers = sp.csr_matrix(np.array([[1, 0], [1, 0], [1, 0], [0, 0]], bool))
    top, bottom = counts_by_product(truth, answers, target)
    assert top.tolist() == [1, 0, 0, 0]
    assert bottom.tolist() == [1, 1, 1, 1]


def test_sets_become_labels() -> None:
    target = LabelTarget(("a", "b"), ((0,), (0, 1)))
    found = truth_matrix(target, np.array([1, 0, -1])).toarray()
    assert found.tolist() == [[True, True], [True, False], [False, False]]


def test_differences_are_paired() -> None:
    random = np.random.default_rng(0)
    right = (random.random(400) < 0.7).astype(float)
    better = right.copy()
    better[np.flatnonzero(right == 0)[:40]] = 1
    found = Bootstrap.of(np.stack([right, better]), np.ones((2, 400)), seed=0)
    gain, alone = found.gain(1, 0), found.score(0)
    assert gain.value == pytest.approx(0.1)
    assert 0.06 < gain.low < 0.1 < gain.high < 0.14
    assert alone.high - alone.low > gain.high - gain.low
    assert found.gain(0, 0).low == 0


def test_no_products_are_no_score() -> None:
    assert Bootstrap.of(np.zeros((1, 0)), np.zeros((1, 0)), seed=0).score(0).value == 0


def test_the_papers_figures_are_found_by_names() -> None:
    assert paper_a.of_input("Title") == 0.827
    assert paper_a.of_input("brand") is None
    assert paper_a.of_fusion("policy_network", ("title", "image", "description")) == 0.882
    assert paper_a.of_fusion("policy_network", ("description", "title")) == 0.87
    assert paper_a.of_fusion("mean", ("title", "image", "description")) == 0.817
    assert paper_a.of_fusion("mean", ("title", "image")) is None
    assert paper_a.of_fusion("selected", ("title", "image", "description")) is None
