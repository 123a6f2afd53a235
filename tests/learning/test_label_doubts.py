"""Wrong labels are left out of what is learned from and stay among what is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import Shelfwise
from tests.doctor.shops import WRONG, shop_rows, write_shop
from tests.tiny_catalog import read, text_recipe, tiny_rows

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.ensemble import build_encoders, prepare
from shelfwise.errors import TargetError
from shelfwise.learning.label_doubts import find_doubts, judge, quick_recipe, without_suspects
from shelfwise.learning.rounds import Round
from shelfwise.learning.task import LearningTask, read_task
from shelfwise.progress import Silent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog.read(write_shop(tmp_path_factory.mktemp("shop"), shop_rows()))


def task_of(catalog: Catalog) -> tuple[LearningTask, dict]:
    task = read_task(Recipe(preset="fast", target="category", training={"threads": 1}), catalog, Silent())
    inputs = task.recipe.inputs
    return task, prepare(build_encoders(inputs), inputs, catalog, Silent())


def test_every_label_is_judged_by_others_and_the_wrong_ones_stand_out(shop: Catalog) -> None:
    task, prepared = task_of(shop)
    truth = task.target.encode(task.truth.values)
    given = (task.recipe, task.target, prepared, truth, task.groups, task.labelled, shop.ids, Silent())
    judged = judge(*given)
    np.testing.assert_array_equal(judged.rows, task.labelled)
    np.testing.assert_allclose(judged.probabilities.sum(1), 1.0, atol=1e-4)
    doubts = find_doubts(judged, task.target, task.truth.values)
    assert set(doubts.rows[doubts.ranked[: len(WRONG)]].tolist()) == set(WRONG)
    again = judge(*given)
    np.testing.assert_array_equal(judged.probabilities, again.probabilities)


def test_suspects_are_not_learned_from_but_still_held_out(shop: Catalog) -> None:
    task, prepared = task_of(shop)
    rounds = [Round(np.arange(0, 160), np.arange(160, 240)), Round(np.arange(80, 240), np.arange(80))]
    kept, refit = without_suspects(
        task.recipe, task.target, prepared, task.truth.values, task.groups, task.labelled, shop.ids, rounds,
        np.arange(240), Silent(),
    )  # fmt: skip
    assert refit is not None
    assert not set(WRONG) & set(refit.tolist())
    for before, after in zip(rounds, kept, strict=True):
        assert not set(WRONG) & set(after.fit.tolist())
        np.testing.assert_array_equal(before.held_out, after.held_out)
        assert len(after.fit) >= len(before.fit) - len(WRONG) - 3


def test_pictures_without_a_backbone_are_left_to_others() -> None:
    inputs = [
        {"name": "title", "role": "text", "encoder": {"kind": "ngrams"}},
        {"name": "photo", "role": "image", "encoder": {"kind": "small_cnn"}},
        {"name": "price", "role": "number", "encoder": {"kind": "number"}},
    ]
    from shelfwise.taxonomy.targets import PathTarget

    target = PathTarget((("a",), ("b",)))
    quick = quick_recipe(Recipe(target="c", inputs=inputs), target, 100)
    assert [one.inputs for one in quick.classifiers] == [["title", "price"]]
    assert [one.name for one in quick.inputs] == ["title", "price"]
    alone = quick_recipe(Recipe(target="c", inputs=inputs[1:2]), target, 100)
    assert [one.inputs for one in alone.classifiers] == [["photo"]]


def test_too_little_to_judge_by_is_said(tmp_path: Path) -> None:
    catalog = Catalog.read(write_shop(tmp_path, shop_rows(40)))
    task, prepared = task_of(catalog)
    truth = task.target.encode(task.truth.values)
    with pytest.raises(TargetError, match="to judge labels by"):
        judge(task.recipe, task.target, prepared, truth, task.groups, np.arange(4), catalog.ids, Silent())
    same = np.zeros(40, np.int64)
    with pytest.raises(TargetError, match="near-duplicates"):
        judge(task.recipe, task.target, prepared, truth, same, task.labelled, catalog.ids, Silent())


def test_training_with_clean_labels(tmp_path: Path) -> None:
    rows = tiny_rows(160)
    wrong = [row for row in range(160) if row % 16 == 3]
    for row in wrong:
        rows[row]["category"] = rows[row + 1]["category"]
    catalog = read(tmp_path / "shop.csv", rows)
    said: list[str] = []

    class Told(Silent):
        def say(self, message: str) -> None:
            said.append(message)

    recipe = text_recipe(training={"threads": 1, "clean_labels": True})
    model = Categorizer(recipe).fit(catalog, reporter=Told())
    assert model.recipe_.training.clean_labels
    assert any("probably wrong" in line for line in said)
    assert model.facts_.labelled == 160


def test_the_option_reaches_the_model(shelfwise: Shelfwise, tmp_path: Path) -> None:
    shop = write_shop(tmp_path, shop_rows(120))
    done = shelfwise(
        *(
            "train",
            shop,
            "--target",
            "category",
            "--recipe",
            "fast",
            "--clean-labels",
            "-o",
            tmp_path / "model",
        )
    )
    assert done.status == 0, done.err
    assert Categorizer.load(tmp_path / "model").recipe_.training.clean_labels
    assert "not learned from, because their label is probably wrong" in done.err
