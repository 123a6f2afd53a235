"""How long classifiers are expected to train beside each other."""

from __future__ import annotations

from itertools import pairwise

from shelfwise.encoders.base import Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.learning.lessons import effort_a_product
from shelfwise.recipe import ClassifierRecipe

ENCODERS: dict[str, Encoder] = {
    "title": build_encoder("ngrams", {}),
    "brand": build_encoder("one_hot", {}),
    "photo": build_encoder("small_cnn", {}),
}


def effort(outcomes: int = 100, epochs: int = 10, **recipe: object) -> float:
    one = ClassifierRecipe.model_validate({"name": "one", "inputs": ["title"], **recipe})
    return effort_a_product(one, epochs, outcomes, ENCODERS)


def test_one_epoch_of_a_linear_classifier_is_the_unit() -> None:
    assert effort(epochs=1) == 1
    assert effort(epochs=7) == 7


def test_what_takes_longer_counts_more() -> None:
    ascending = [
        effort(),
        effort(inputs=["title", "brand"]),
        effort(inputs=["title", "brand"], hidden=[512]),
        effort(inputs=["photo"]),
    ]
    assert all(less < more for less, more in pairwise(ascending))


def test_machines_are_one_an_outcome_and_have_no_epochs() -> None:
    machines = [effort(solver="svm", outcomes=outcomes) for outcomes in (10, 100, 1_000)]
    assert machines == sorted(set(machines))
    assert effort(solver="svm", epochs=1) == effort(solver="svm", epochs=50)
