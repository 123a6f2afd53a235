"""Fitting: classifiers learn from a round's fitting products alone, and what cannot be read has no say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import Rows, read, tiny_rows, title_recipe

from shelfwise.ensemble import Ensemble, build_encoders, prepare
from shelfwise.learning.fitting import FittingRecord, fit_ensemble
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.presets import complete
from shelfwise.learning.rounds import Round
from shelfwise.learning.trainer import Trainer
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import read_truth


def fitted(
    recipe: Recipe, rows: Rows, rounds: list[Round], folder: Path, refit: np.ndarray | None = None
) -> tuple[Ensemble, FittingRecord]:
    catalog = read(folder / "shop.csv", rows)
    truth = read_truth(catalog, recipe.target)
    groups = np.arange(len(rows))
    recipe = complete(recipe, catalog, truth, groups, Silent())
    target: Target = PathTarget.from_truth(truth.values)
    if recipe.target.multilabel:
        target = LabelTarget.from_truth(truth.values, space=recipe.target.label_space)
    prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, Silent())
    return fit_ensemble(
        recipe, target, prepared, target.encode(truth.values), groups, rounds, refit, Silent()
    )


LABELS = {"columns": ["tags"], "multilabel": True, "label_space": "labels"}
SETS = {"columns": ["tags"], "multilabel": True, "label_space": "sets"}


@pytest.mark.parametrize("target", ["category", LABELS, SETS], ids=["paths", "labels", "sets"])
@pytest.mark.parametrize("policy", ["mean", "max", "opinion_pool"])
def test_products_that_nothing_can_be_said_of_calibrate_nothing(
    tmp_path: Path, target: object, policy: str
) -> None:
    rows = [{**row, "title": row["title"] or "pot"} for row in tiny_rows(140)]
    empty = [{**row, "id": f"e{number}", "title": ""} for number, row in enumerate(tiny_rows(60))]
    recipe = title_recipe(target=target, fusion={"policies": [policy]})
    fit, held_out = np.arange(60), np.arange(60, 140)
    plain, told = fitted(recipe, rows + empty, [Round(fit, held_out)], tmp_path)
    same, told_same = fitted(recipe, rows + empty, [Round(fit, np.r_[held_out, 140:200])], tmp_path)
    assert same.calibration == plain.calibration
    assert same.accept == plain.accept
    assert (told_same.policy, told_same.scores) == (told.policy, told.scores)


def test_no_held_out_product_can_be_read(tmp_path: Path) -> None:
    rows = [{**row, "title": row["title"] or "pot"} for row in tiny_rows(60)]
    empty = [{**row, "id": f"e{number}", "title": ""} for number, row in enumerate(tiny_rows(20))]
    for target in ("category", LABELS, SETS):
        rounds = [Round(np.arange(60), np.arange(60, 80))]
        ensemble, _ = fitted(title_recipe(target=target), rows + empty, rounds, tmp_path)
        assert not ensemble.accept.possible


DECLARED = {"epochs": 2, "batch": 16}
BRAND_AND_TITLE = {
    "inputs": [{"name": "title"}, {"name": "brand"}],
    "classifiers": [{"name": name, "inputs": [name], **DECLARED} for name in ("brand", "title")],
}


def test_a_classifier_with_nothing_to_learn_from_is_left_out(tmp_path: Path) -> None:
    rows = [{**row, "brand": ""} for row in tiny_rows(80)]
    rounds = [Round(np.arange(60), np.arange(60, 80))]
    ensemble, record = fitted(title_recipe(**BRAND_AND_TITLE), rows, rounds, tmp_path, np.arange(80))
    assert ensemble.names == ["title"]
    assert [one.recipe.name for one in ensemble.classifiers] == ["title"]
    assert set(record.fits) == {"title"}


def test_a_classifier_with_nothing_to_learn_from_in_one_fold_takes_part(tmp_path: Path) -> None:
    """Its input is empty in all the products that one fold learns from; there it is absent, elsewhere it is not."""
    rows = [{**row, "brand": row["brand"] if number < 40 else ""} for number, row in enumerate(tiny_rows(80))]
    halves = [Round(np.arange(40, 80), np.arange(40)), Round(np.arange(40), np.arange(40, 80))]
    ensemble, _ = fitted(title_recipe(**BRAND_AND_TITLE), rows, halves, tmp_path, np.arange(80))
    assert ensemble.names == ["brand", "title"]
    assert [one.recipe.name for one in ensemble.classifiers] == ["brand", "title"]


def test_classifiers_learn_from_the_fitting_products_alone(tmp_path: Path) -> None:
    """What held-out products are labelled changes the calibration and the epochs, not the weights of an epoch."""
    rows = tiny_rows(120)
    rounds = [Round(np.arange(80), np.arange(80, 120))]
    turned = [dict(row) for row in rows]
    for number in range(100, 120):
        turned[number]["category"] = rows[(number + 1) % 120]["category"]
    one, other = (fitted(title_recipe(), some, rounds, tmp_path)[0] for some in (rows, turned))
    for mine, yours in zip(one.classifiers, other.classifiers, strict=True):
        for key, tensor in mine.state_dict().items():
            assert tensor.equal(yours.state_dict()[key])
    assert one.calibration != other.calibration


def test_with_folds_every_product_has_a_say_and_the_last_fit_learns_from_all(tmp_path: Path) -> None:
    rows = tiny_rows(120)
    folds = [Round(np.flatnonzero(np.arange(120) % 3 != fold), np.arange(fold, 120, 3)) for fold in range(3)]
    ensemble, _ = fitted(title_recipe(), rows, folds, tmp_path, np.arange(120))
    whole, _ = fitted(title_recipe(), rows, folds[:1], tmp_path, np.arange(120))
    assert ensemble.accept.basis > 2 * whole.accept.basis
    assert ensemble.encoders["title"].width == whole.encoders["title"].width


@pytest.mark.parametrize("wrong", [0.0, 0.25])
def test_the_last_fit_learns_from_no_random_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    rows, random = tiny_rows(600), np.random.default_rng(0)
    right = [row["category"] for row in rows]
    for row in rows:
        if random.random() < wrong:
            row["category"] = right[random.integers(600)]
    changed = np.array([row["category"] != category for row, category in zip(rows, right, strict=True)])
    plans: list[Plan] = []
    fit_all = Trainer.fit_all

    def spy(trainer: Trainer, given: Sequence[Plan]) -> list[Trained]:
        plans.extend(given)
        return fit_all(trainer, given)

    monkeypatch.setattr(Trainer, "fit_all", spy)
    folds = [Round(np.flatnonzero(np.arange(600) % 3 != fold), np.arange(fold, 600, 3)) for fold in range(3)]
    fitted(title_recipe(), rows, folds, tmp_path, np.arange(600))
    for plan, fold in zip(plans, folds, strict=False):
        np.testing.assert_array_equal(plan.fit, fold.fit)
    last = plans[-1].fit
    if not wrong:
        np.testing.assert_array_equal(last, np.arange(600))
    assert changed[last].mean() <= 0.3 * changed.mean()
    assert (~changed[last]).sum() > 0.95 * (~changed).sum()
