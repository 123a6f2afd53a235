"""Small made-up evaluations that several tests look at, as factories: each takes what should differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shelfwise.evaluation.evaluation import DataFacts, Evaluation, evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.results import CurvePoint

BOOTS, SANDALS, TOTES = ("Men", "Shoes", "Boots"), ("Men", "Shoes", "Sandals"), ("Women", "Bags")
CURVE = [
    CurvePoint(part=part, epoch=epoch, loss=1 / epoch, metric=0.5 + epoch / 20)
    for part in ("title", "image")
    for epoch in (1, 2, 3)
]


def make_facts(**changes: object) -> DataFacts:
    given: dict[str, object] = {
        "catalogs": ["new.csv"],
        "products": 8,
        "split": "grouped by title",
        "seed": 3,
        "command": "shelfwise evaluate model new.csv",
        "model": "model",
        "shelfwise_version": "0.1.0",
        "training_curve": CURVE,
    }
    return DataFacts.model_validate(given | changes)


def make_path_evaluation(**changes: object) -> Evaluation:
    """8 products: 1 unlabelled, 1 failed, 1 confused, 1 never seen in training, 4 right."""
    truth = [BOOTS, BOOTS, (), SANDALS, SANDALS, ("Pets",), BOOTS, TOTES]
    predicted = [BOOTS, SANDALS, BOOTS, SANDALS, (), BOOTS, BOOTS, TOTES]
    given: dict = {
        "per_classifier": {
            "title": [BOOTS, BOOTS, BOOTS, SANDALS, BOOTS, BOOTS, BOOTS, ()],
            "image": [TOTES] * 8,
        },
        "training_counts": {BOOTS: 60, SANDALS: 30, TOTES: 5},
        "level_names": ["department", "kind"],
        "data": make_facts(),
    }
    confidence = np.array([0.9, 0.8, 0.9, 0.7, np.nan, 0.3, 0.95, 0.6])
    decisions = ["accept", "accept", "accept", "review", "failed", "review", "accept", "review"]
    return evaluate_paths(truth, predicted, confidence, decisions, **(given | changes))


def make_label_evaluation(**changes: object) -> Evaluation:
    """4 products, 1 of them unlabelled, and a label the model does not know."""
    truth = [("red", "shoe"), ("shoe",), (), ("blue", "rare")]
    predicted = [("shoe", "red"), ("shoe", "blue"), ("shoe",), ("red",)]
    given: dict = {
        "labels": ["red", "blue", "shoe"],
        "per_classifier": {"title": [("shoe",)] * 4},
        "training_counts": {"shoe": 9, "red": 5, "blue": 4},
        "data": make_facts(products=4),
    }
    confidence = np.array([0.9, 0.6, 0.5, 0.2])
    return evaluate_label_sets(
        truth, predicted, confidence, ["accept", "accept", "review", "review"], **(given | changes)
    )


@pytest.fixture(scope="session")
def facts() -> Callable[..., DataFacts]:
    return make_facts


@pytest.fixture(scope="session")
def path_evaluation() -> Callable[..., Evaluation]:
    return make_path_evaluation


@pytest.fixture(scope="session")
def label_evaluation() -> Callable[..., Evaluation]:
    return make_label_evaluation


@pytest.fixture(scope="session", params=["path_evaluation", "label_evaluation"])
def evaluation(request: pytest.FixtureRequest) -> Evaluation:
    """One of either kind."""
    return request.getfixturevalue(request.param)()
