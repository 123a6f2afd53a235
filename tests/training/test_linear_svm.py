"""Linear SVMs: the planes that scikit-learn finds, inside the same network that everything else uses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from tests.tiny_catalog import TAGS, accuracy, read, text_recipe, tiny_rows, title_recipe

from shelfwise import Categorizer
from shelfwise.errors import RecipeError
from shelfwise.recipe import Recipe
from shelfwise.training.linear_svm import _scales

SVM = {"solver": "svm"}


def recipe(inputs: tuple[str, ...] = ("title", "brand"), **declared: object) -> Recipe:
    classifier = {"name": "words", "inputs": list(inputs), **SVM, **declared.pop("classifier", {})}
    return title_recipe(inputs=[{"name": name} for name in inputs], classifiers=[classifier], **declared)


@pytest.mark.parametrize("head", ["tree", "per_level"])
def test_it_learns_paths(tmp_path: Path, head: str) -> None:
    made = Categorizer(recipe(classifier={"head": head})).fit(read(tmp_path / "a.csv", tiny_rows(160)))
    rows = tiny_rows(80, seed=3)
    assert accuracy(made.predict(read(tmp_path / "b.csv", rows)), rows) > 0.9


@pytest.mark.parametrize("space", ["labels", "sets"])
def test_it_learns_label_sets(tmp_path: Path, space: str) -> None:
    declared = {"columns": ["tags"], "multilabel": True, "label_space": space}
    made = Categorizer(recipe(target=declared)).fit(read(tmp_path / "a.csv", tiny_rows(160)))
    rows = tiny_rows(80, seed=3)
    predictions = made.predict(read(tmp_path / "b.csv", rows))
    right = [
        set(one.answer) == set(row["tags"].split("|")) for one, row in zip(predictions, rows, strict=True)
    ]
    assert np.mean(right) > 0.85
    assert {label for one in predictions for label in one.answer} <= {tag for tags in TAGS for tag in tags}


def test_its_planes_are_those_of_scikit_learn(tmp_path: Path) -> None:
    """One input, no product without it: the network's scores are the machines' decision functions."""
    rows = [{**row, "title": row["title"] or "pot"} for row in tiny_rows(120)]
    shop = read(tmp_path / "a.csv", rows)
    made = Categorizer(recipe(("title",), classifier={"head": "per_level"})).fit(shop)
    (classifier,), encoder = made.ensemble_.classifiers, made.ensemble_.encoders["title"]
    matrix = encoder.transform(encoder.prepare(shop.input("title"))).matrix
    names = np.array([row["category"].split(" > ")[1] for row in rows])
    machine = LinearSVC(C=2.0, tol=0.3).fit(matrix.astype(np.float64), names)
    wanted = machine.decision_function(matrix)
    start = classifier.head.sizes[0]
    layer = classifier.sparse_layers()[0]
    found = matrix @ layer.weight.numpy() + classifier.bias.detach().numpy()
    level = found[:, start : start + len(machine.classes_)]
    assert np.abs(level - wanted).max() < 0.25
    assert (level.argmax(1) == wanted.argmax(1)).mean() > 0.98


def test_planes_are_of_half_precision(tmp_path: Path) -> None:
    made = Categorizer(recipe()).fit(read(tmp_path / "a.csv", tiny_rows(80)))
    for layer in made.ensemble_.classifiers[0].sparse_layers():
        assert layer.weight.abs().max() > 0
        assert layer.weight.equal(layer.weight.half().float())


def test_absent_inputs_have_planes_of_their_own(tmp_path: Path) -> None:
    made = Categorizer(recipe()).fit(read(tmp_path / "a.csv", tiny_rows(160)))
    (classifier,) = made.ensemble_.classifiers
    assert all(layer.absent.abs().sum() > 0 for layer in classifier.inputs.values())


def test_the_same_whatever_the_threads(tmp_path: Path) -> None:
    shop, found = read(tmp_path / "a.csv", tiny_rows(120)), []
    for threads in (1, 3):
        made = Categorizer(recipe(training={"threads": threads})).fit(shop)
        found.append(made.ensemble_.classifiers[0].sparse_layers()[0].weight)
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("target", ["category", "tags"])
def test_class_weights(tmp_path: Path, weights: str, target: str) -> None:
    declared = {"columns": [target], "multilabel": target == "tags", "label_space": "labels"}
    training = {"threads": 1, "class_weights": weights}
    made = Categorizer(recipe(target=declared, training=training)).fit(
        read(tmp_path / "a.csv", tiny_rows(120))
    )
    assert max(made.facts_.scores.values()) > 0.8


def test_categories_of_a_fold_without_products_are_not_answered(tmp_path: Path) -> None:
    rows = tiny_rows(120)
    rows[0]["category"] = "Only > Once"
    made = Categorizer(recipe()).fit(read(tmp_path / "a.csv", rows))
    answers = [one.answer for one in made.predict(read(tmp_path / "b.csv", tiny_rows(60, seed=2)))]
    assert ("Only", "Once") not in answers


def test_numbers_are_read_beside_words(tmp_path: Path) -> None:
    rows = [
        {**row, "title": "a thing", "price": str(place % 90), "category": f"Range {place % 90 // 15}"}
        for place, row in enumerate(tiny_rows(360))
    ]
    inputs = [{"name": "title"}, {"name": "price"}]
    classifier = {"name": "words", "inputs": ["title", "price"], **SVM}
    made = Categorizer(text_recipe(inputs=inputs, classifiers=[classifier])).fit(
        read(tmp_path / "a.csv", rows[:180])
    )
    answers = [one.answer for one in made.predict(read(tmp_path / "b.csv", rows[180:]))]
    assert (
        np.mean([answer == (row["category"],) for answer, row in zip(answers, rows[180:], strict=True)]) > 0.9
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["ngrams", "one_hot", "number"], [1.0, 0.5, 0.5]),
        (["one_hot", "number", "number", "number", "number"], [0.5] * 5),
        (["ngrams", "number", "number", "number", "number"], [1.0] + [0.25] * 4),
        (["ngrams", *["one_hot"] * 16], [1.0] + [0.25] * 16),
    ],
)
def test_many_values_do_not_drown_a_text(kinds: list[str], expected: list[float]) -> None:
    names = [f"input {place}" for place in range(len(kinds))]
    classifier = SimpleNamespace(
        recipe=SimpleNamespace(inputs=names), reads_by=dict(zip(names, kinds, strict=True))
    )
    assert _scales(classifier) == pytest.approx(expected)  # type: ignore[arg-type]


def test_save_and_load(tmp_path: Path) -> None:
    shop = read(tmp_path / "a.csv", tiny_rows(80))
    made = Categorizer(recipe()).fit(shop)
    made.save(tmp_path / "model")
    assert Categorizer.load(tmp_path / "model").predict(shop) == made.predict(shop)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"hidden": [8]}, "hidden layers"),
        ({"rank": 4}, "hidden layers or a rank"),
        ({"inputs": ["title", "in order"]}, "in order are not"),
        ({"head": "sequential"}, "sequential|Sequential"),
    ],
)
def test_what_it_cannot_train_is_refused(tmp_path: Path, declared: dict[str, object], says: str) -> None:
    shop = read(tmp_path / "a.csv", tiny_rows(60))
    in_order = {"name": "in order", "column": "title", "encoder": {"kind": "kim_cnn", "filters": 4}}
    inputs = [{"name": "title"}, in_order]
    classifier = {"name": "words", "inputs": ["title"], **SVM, **declared}
    with pytest.raises(RecipeError, match=says):
        Categorizer(text_recipe(inputs=inputs, classifiers=[classifier])).fit(shop)
