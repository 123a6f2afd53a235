"""Fitting: held-out products that no classifier can read have no say in how sure the others are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_catalog import Rows, read, tiny_rows, title_recipe

from shelfwise.ensemble import Ensemble, build_encoders, prepare
from shelfwise.fitting import FittingRecord, Parts, fit_ensemble
from shelfwise.presets import complete
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import read_truth


def fitted(
    recipe: Recipe, rows: Rows, parts: Parts, folder: Path, refit: bool = False
) -> tuple[Ensemble, FittingRecord]:
    catalog = read(folder / "shop.csv", rows)
    truth = read_truth(catalog, recipe.target)
    recipe = complete(recipe, catalog, truth, np.arange(len(rows)), Silent())
    target: Target = PathTarget.from_truth(truth.values)
    if recipe.target.multilabel:
        target = LabelTarget.from_truth(truth.values, space=recipe.target.label_space)
    prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, Silent())
    return fit_ensemble(recipe, target, prepared, target.encode(truth.values), parts, refit, Silent())


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
    fit, choose, calibrate = np.arange(60), np.arange(60, 100), np.arange(100, 140)
    plain, told = fitted(recipe, rows + empty, Parts(fit, choose, calibrate), tmp_path)
    more = Parts(fit, np.r_[choose, 140:170], np.r_[calibrate, 170:200])
    same, told_same = fitted(recipe, rows + empty, more, tmp_path)
    assert same.calibration == plain.calibration
    assert same.accept == plain.accept
    assert (told_same.policy, told_same.scores) == (told.policy, told.scores)


def test_no_product_to_choose_by_or_calibrate_on_can_be_read(tmp_path: Path) -> None:
    rows = [{**row, "title": row["title"] or "pot"} for row in tiny_rows(60)]
    empty = [{**row, "id": f"e{number}", "title": ""} for number, row in enumerate(tiny_rows(20))]
    parts = Parts(np.arange(60), np.arange(60, 70), np.arange(70, 80))
    for target in ("category", LABELS, SETS):
        ensemble, _ = fitted(title_recipe(target=target), rows + empty, parts, tmp_path)
        assert not ensemble.accept.possible


def test_a_classifier_with_nothing_to_learn_from_is_left_out(tmp_path: Path) -> None:
    rows = [{**row, "brand": ""} for row in tiny_rows(80)]
    declared = {"epochs": 2, "batch": 16}
    recipe = title_recipe(
        inputs=[{"name": "title"}, {"name": "brand"}],
        classifiers=[{"name": name, "inputs": [name], **declared} for name in ("brand", "title")],
    )
    parts = Parts(np.arange(60), np.arange(60, 70), np.arange(70, 80))
    ensemble, record = fitted(recipe, rows, parts, tmp_path, refit=True)
    assert ensemble.names == ["title"]
    assert [one.recipe.name for one in ensemble.classifiers] == ["title"]
    assert set(record.fits) == {"title"}


def test_classifiers_learn_from_the_fitting_products_alone(tmp_path: Path) -> None:
    """What held-out products are labelled changes the calibration and the epochs, not the weights of an epoch."""
    rows = tiny_rows(120)
    parts = Parts(np.arange(80), np.arange(80, 100), np.arange(100, 120))
    turned = [dict(row) for row in rows]
    for number in range(100, 120):
        turned[number]["category"] = rows[(number + 1) % 120]["category"]
    one, other = (fitted(title_recipe(), some, parts, tmp_path)[0] for some in (rows, turned))
    for mine, yours in zip(one.classifiers, other.classifiers, strict=True):
        for key, tensor in mine.state_dict().items():
            assert tensor.equal(yours.state_dict()[key])
    assert one.calibration != other.calibration
