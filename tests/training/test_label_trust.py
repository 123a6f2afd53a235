"""Which labels machines trust that did not learn from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import softmax

from shelfwise.training import label_trust
from shelfwise.training.label_trust import LEAST_SHARE, trust_in_labels
from shelfwise.training.one_vs_rest import Question, train_one_vs_rest

CATEGORIES, WORDS = 12, 600


def shop(products: int, wrong: float, seed: int = 0) -> tuple[Question, np.ndarray, np.ndarray, np.ndarray]:
    """Products of three words of their category and some of anybody's: the question, the labels given (int64 [N]), those that
    are right, and which were given blindly (bool [N])."""
    random = np.random.default_rng(seed)
    right = random.integers(0, CATEGORIES, products)
    own = right[:, None] * 20 + random.integers(0, 20, (products, 3))
    words = np.concatenate([own, random.integers(0, WORDS, (products, 5))], axis=1)
    features = sp.csr_matrix(
        (np.full(words.size, 8**-0.5, np.float32), words.ravel(), np.arange(0, words.size + 1, 8)),
        shape=(products, WORDS),
    )
    features.sum_duplicates()
    blind = random.random(products) < wrong
    given = np.where(blind, random.integers(0, CATEGORIES, products), right)
    positives = sp.csr_matrix(
        (np.ones(products, bool), (np.arange(products), given)), shape=(products, CATEGORIES)
    )
    cost, every = np.full(products, 1.5, np.float32), np.ones(CATEGORIES, np.float32)
    return Question(features, positives, cost, every, seed), given, right, blind


def probabilities(said: np.ndarray) -> np.ndarray:
    return softmax(said, axis=1)


def test_wrong_labels_are_told_from_right_ones() -> None:
    question, given, right, _ = shop(2_000, 0.3)
    trust = trust_in_labels(question, given, probabilities, 1)
    assert trust is not None
    assert trust.shape == (2_000,)
    assert trust.dtype == np.float32
    assert 0 <= trust.min() <= trust.max() <= 1
    assert trust[given == right].mean() > 0.9
    assert trust[given != right].mean() < 0.2


def test_categories_that_seem_all_wrong_are_not_given_up() -> None:
    lifted = label_trust._lifted(np.array([0.0, 0.1, 0.9, 0.5, 0.0]), np.array([3, 3, 0, 0, 1]))
    assert lifted[:2].mean() == pytest.approx(0.2)
    assert lifted[0] < lifted[1]
    np.testing.assert_allclose(lifted[2:], [0.9, 0.5, 0.2])


def test_where_hardly_any_looks_wrong_all_are_trusted() -> None:
    question, given, *_ = shop(2_000, LEAST_SHARE / 6)
    assert trust_in_labels(question, given, probabilities, 1) is None


def test_products_that_are_hard_are_not_called_wrong() -> None:
    """Nothing that can be read tells one half of the categories from the other."""
    question, given, *_ = shop(2_000, 0.0)
    positives = question.positives[:, np.arange(CATEGORIES) // 2 * 2]
    coin = np.random.default_rng(1).integers(0, 2, len(given))
    unsure = given // 2 * 2 + coin
    positives = sp.csr_matrix(
        (np.ones(len(given), bool), (np.arange(len(given)), unsure)), shape=positives.shape
    )
    assert trust_in_labels(replace(question, positives=positives), unsure, probabilities, 1) is None


def test_few_products_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    question, given, *_ = shop(400, 0.4)
    monkeypatch.setattr(label_trust, "train_one_vs_rest", None)
    assert trust_in_labels(question, given, probabilities, 1) is None


def test_the_same_whatever_the_threads() -> None:
    question, given, *_ = shop(1_000, 0.3)
    one, three = (trust_in_labels(question, given, probabilities, threads) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_machines_that_trust_less_are_right_more_often() -> None:
    question, given, *_ = shop(2_000, 0.4)
    new, _, right, _ = shop(1_000, 0.0, seed=1)

    def score(asked: Question) -> float:
        weights, biases = train_one_vs_rest(asked, 1)
        return float(((new.features @ weights + biases).argmax(1) == right).mean())

    trust = trust_in_labels(question, given, probabilities, 1)
    assert trust is not None
    assert score(replace(question, cost=question.cost * trust)) > score(question) + 0.03


@pytest.mark.parametrize("copies", [False, True])
def test_categories_that_were_hardly_seen_are_trusted(copies: bool) -> None:
    """Four products a category, or sixty that are copies of one, beside common ones of which many are wrong."""
    question, given, _, blind = shop(2_000, 0.3)
    rare, given, features = 60 if copies else 48, given.copy(), question.features
    given[:rare] = CATEGORIES + (0 if copies else np.arange(rare) // 4)
    if copies:
        features = sp.vstack([features[np.zeros(rare, np.int64)], features[rare:]], format="csr")
    categories = int(given.max()) + 1
    positives = sp.csr_matrix((np.ones(2_000, bool), (np.arange(2_000), given)), shape=(2_000, categories))
    every = np.ones(categories, np.float32)
    asked = replace(question, features=features, positives=positives, positive_cost=every)
    trust = trust_in_labels(asked, given, probabilities, 1)
    assert trust is not None
    assert (trust[:rare] == 1).all()
    assert trust[rare:][blind[rare:]].mean() < 0.4
