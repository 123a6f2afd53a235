"""Contributions: exactly the score where a classifier is linear, the slope where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.ensemble import build_classifier
from shelfwise.explain.contributions import contributions
from shelfwise.recipe import ClassifierRecipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.training.loop import outcome_logits
from shelfwise.training.network import Classifier

TEXTS = ["red running shoes", "a lamp of brass and glass", "", "running lamp", "red red red shoes on a lamp"]
PATHS = PathTarget((("Home", "Lamps"), ("Shoes", "Lamps"), ("Shoes", "Running")))
ROWS = np.arange(len(TEXTS))


def made(kind: str, target: Target = PATHS, **options: Any) -> tuple[Classifier, dict[str, Encoded]]:
    """A classifier with weights by chance over a text and a brand."""
    encoders: dict[str, Encoder] = {"text": build_encoder(kind, {}), "brand": build_encoder("one_hot", {})}
    state = np.where([bool(text) for text in TEXTS], State.PRESENT, State.ABSENT).astype(np.int8)
    data = {}
    for name, role in (("text", Role.TEXT), ("brand", Role.CATEGORY)):
        values = TEXTS if name == "text" else ["A", "B", "A", "B", "A"]
        here = state if name == "text" else np.zeros_like(state) + State.PRESENT
        prepared = encoders[name].prepare(InputColumn(name, role, pa.array(values), here.astype(np.int8)))
        data[name] = encoders[name].fit(prepared, ROWS).transform(prepared)
    recipe = ClassifierRecipe(name="one", inputs=["text", "brand"], **options)
    classifier = build_classifier(recipe, encoders, data, target, seed=0)
    random = np.random.default_rng(0)
    for layer in classifier.sparse_layers():
        weight = random.standard_normal(tuple(layer.weight.shape)).astype(np.float32)
        layer.weight.data = layer.weight.new_tensor(weight)
    return classifier.eval(), data


def contrast(target: Target) -> np.ndarray:
    about = np.zeros((len(TEXTS), target.n_outcomes))
    about[ROWS, ROWS % target.n_outcomes] = 1
    return about - 1 / target.n_outcomes


@pytest.mark.parametrize("target", [PATHS, LabelTarget(("a", "b", "c"))])
@pytest.mark.parametrize("options", [{}, {"rank": 4}])
def test_a_linear_classifiers_parts_add_up_to_its_score(target: Target, options: dict[str, Any]) -> None:
    classifier, data = made("ngrams", target, **options)
    wanted = contrast(target)
    score = (outcome_logits(classifier, data, ROWS) * wanted).sum(1)
    found = contributions(classifier, data, ROWS, wanted)
    # What no feature is part of: the bias, and what stands in for an absent text.
    silent = {
        name: Encoded(encoded.matrix * 0, encoded.state, encoded.reasons) for name, encoded in data.items()
    }
    nothing = (outcome_logits(classifier, silent, ROWS) * wanted).sum(1)
    parts = sum(np.asarray(matrix.sum(1)).ravel() for matrix in found.values())
    np.testing.assert_allclose(parts + nothing, score, atol=1e-5)
    assert set(found) == {"text", "brand"}
    assert found["text"][2].nnz == 0


def test_a_networks_parts_are_the_slopes() -> None:
    classifier, data = made("ngrams", hidden=[8], embedding=6)
    wanted = contrast(PATHS)
    found = contributions(classifier, data, ROWS, wanted)["text"]
    matrix, step = data["text"].matrix, 1e-2
    for entry in range(matrix.indptr[0], matrix.indptr[1]):
        moved = matrix.copy()
        moved.data = matrix.data.astype(np.float32).copy()
        heights = []
        for sign in (1, -1):
            moved.data[entry] = matrix.data[entry] * (1 + sign * step)
            changed = data | {"text": Encoded(moved.copy(), data["text"].state)}
            heights.append((outcome_logits(classifier, changed, ROWS[:1]) * wanted[:1]).sum())
        slope = (heights[0] - heights[1]) / (2 * step)
        assert found.data[entry] == pytest.approx(slope, abs=2e-3)


@pytest.mark.parametrize("kind", ["kim_cnn", "lstm"])
def test_words_in_order_have_a_contribution_each(kind: str) -> None:
    classifier, data = made(kind, hidden=[8])
    found = contributions(classifier, data, ROWS, contrast(PATHS))["text"]
    assert found.shape == data["text"].matrix.shape
    assert np.diff(found.indptr).tolist() == [len(text.split()) for text in TEXTS]
    assert np.isfinite(found.data).all()
    assert np.abs(found.data).sum() > 0


def test_explaining_leaves_the_classifier_as_it_was() -> None:
    classifier, data = made("kim_cnn", hidden=[8])
    before = outcome_logits(classifier, data, ROWS)
    contributions(classifier, data, ROWS, contrast(PATHS))
    np.testing.assert_array_equal(before, outcome_logits(classifier, data, ROWS))
    assert all(parameter.grad is None for parameter in classifier.parameters())
