"""The auto recipe: what it chooses from a catalog, writes down, and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_catalog import Rows, read, tiny_rows, with_pictures

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.errors import RecipeError
from shelfwise.learning import presets
from shelfwise.learning.presets import complete
from shelfwise.progress import Silent
from shelfwise.taxonomy.truth import read_truth


def completed(catalog: Catalog, recipe: Recipe | None = None, **declared: Any) -> Recipe:
    recipe = recipe or Recipe(target="category", **declared)
    groups = np.arange(len(catalog))
    return complete(recipe, catalog, read_truth(catalog, recipe.target), groups, Silent())


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return with_pictures(
        [{key: value for key, value in row.items() if key != "tags"} for row in tiny_rows(80)], tmp_path
    )


@pytest.fixture
def shop(rows: Rows, tmp_path: Path) -> Catalog:
    return read(tmp_path / "shop.csv", rows)


class TestChoice:
    def test_every_input_gets_a_role_and_an_encoder(self, shop: Catalog) -> None:
        inputs = {one.name: one for one in completed(shop).inputs}
        assert {name: one.role for name, one in inputs.items()} == {
            "title": "text",
            "brand": "category",
            "price": "number",
            "photo": "image",
        }
        kinds = {name: one.encoder["kind"] for name, one in inputs.items() if one.encoder}
        assert kinds == {"title": "ngrams", "brand": "one_hot", "price": "number", "photo": "small_cnn"}

    def test_short_texts_and_few_characters_are_read_by_characters_too(
        self, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        long = [{**row, "title": row["title"] and row["title"] * 30} for row in rows]
        for products, few, chars in ((rows, 0, [2, 5]), (long, 3_000_000, [2, 5]), (long, 1_000, None)):
            monkeypatch.setattr(presets, "_FEW_CHARACTERS", few)
            [title] = completed(read(tmp_path / "t.csv", products), inputs=[{"name": "title"}]).inputs
            assert (title.encoder or {}).get("chars") == chars

    @pytest.mark.parametrize(
        ("title", "times", "chars"),
        [
            ("红色连衣裙", 1, [1, 5]),
            ("กระโปรงสีแดง", 1, [1, 5]),
            ("赤いスカート", 40, [1, 3]),
            ("красное платье", 1, [2, 5]),
        ],
    )
    def test_where_words_have_no_spaces_between_single_characters_count(
        self, tmp_path: Path, rows: Rows, title: str, times: int, chars: list[int]
    ) -> None:
        told = [{**row, "title": f"{title} {place}" * times} for place, row in enumerate(rows)]
        [found] = completed(read(tmp_path / "t.csv", told), inputs=[{"name": "title"}]).inputs
        assert (found.encoder or {}).get("chars") == chars

    def test_a_classifier_for_each_input_and_for_all(self, shop: Catalog) -> None:
        chosen = {one.name: one.inputs for one in completed(shop).classifiers}
        assert chosen["title"] == ["title"]
        assert chosen["brand"] == ["brand"]
        assert chosen["photo"] == ["photo"]
        assert set(chosen["words"]) == {"title", "brand"}
        assert set(chosen["values"]) == {"brand", "price"}
        assert {"title", "brand", "price"} <= set(chosen["early"])

    def test_a_backbone_reads_the_images(self, shop: Catalog) -> None:
        recipe = completed(shop, image_model="some/backbone")
        [photo] = [one for one in recipe.inputs if one.role == "image"]
        assert photo.encoder is not None
        assert (photo.encoder["kind"], photo.encoder["model"]) == ("pretrained_image", "some/backbone")
        assert {"side", "resize", "batch"} <= photo.encoder.keys(), "every value is spelled out"

    def test_a_named_backbone_wins_over_the_recipes(self, shop: Catalog) -> None:
        encoder = {"kind": "pretrained_image", "model": "old"}
        recipe = completed(
            shop, inputs=[{"name": "photo", "encoder": encoder}, {"name": "title"}], image_model="new"
        )
        assert recipe.inputs[0].encoder is not None
        assert recipe.inputs[0].encoder["model"] == "new"
        assert "photo" in next(one for one in recipe.classifiers if one.name == "early").inputs

    def test_one_input_takes_one_classifier(self, shop: Catalog) -> None:
        for name in ("title", "brand", "photo", "price"):
            chosen = completed(shop, inputs=[{"name": name}]).classifiers
            assert [one.inputs for one in chosen] == [[name]]

    def test_names_of_classifiers_are_its_own(self, tmp_path: Path, rows: Rows) -> None:
        renamed = [
            {"id": row["id"], "words": row["title"], "early": row["brand"], "category": row["category"]}
            for row in rows
        ]
        inputs = [{"name": "words", "role": "text"}, {"name": "early", "role": "category"}]
        chosen = completed(read(tmp_path / "r.csv", renamed), inputs=inputs).classifiers
        assert len({one.name for one in chosen}) == len(chosen) == 4

    def test_what_is_declared_stays(self, shop: Catalog) -> None:
        encoder = {"kind": "bag_of_words", "max_words": 50, "stop_words": None}
        declared = {
            "inputs": [{"name": "brand", "role": "text", "encoder": encoder}],
            "classifiers": [{"name": "mine", "inputs": ["brand"], "epochs": 2}],
            "routing": {"precision": 0.5},
            "training": {"folds": 3},
        }
        recipe = completed(shop, **declared)
        assert recipe == Recipe(target="category", **declared)

    def test_a_complete_recipe_is_left_as_it_is(self, shop: Catalog) -> None:
        once = completed(shop)
        assert completed(shop, once) == once

    def test_the_given_recipe_is_not_changed(self, shop: Catalog) -> None:
        recipe = Recipe(target="category")
        completed(shop, recipe)
        assert recipe == Recipe(target="category")

    def test_columns_that_give_the_answer_away_are_left_out_unless_named(
        self, tmp_path: Path, rows: Rows
    ) -> None:
        told = [{**row, "shelf": row["category"].split(" > ")[-1]} for row in rows]
        read(tmp_path / "shop.csv", told)
        shop = Catalog.read(
            tmp_path / "shop.csv", id="id", text="title", category=["brand", "shelf"], image="photo"
        )
        assert "shelf" not in {one.name for one in completed(shop).inputs}
        assert "shelf" in {one.name for one in completed(shop, inputs=[{"name": "shelf"}]).inputs}

    def test_small_catalogs_take_many_steps(self, shop: Catalog) -> None:
        for one in [one for one in completed(shop).classifiers if one.solver == "gradient"]:
            assert one.epochs * np.ceil(60 / one.batch) >= 25


class TestRefusals:
    @pytest.mark.parametrize(
        ("declared", "says"),
        [
            ({"inputs": [{"name": "titel"}]}, "'titel' is not in the catalog.*did you mean 'title'"),
            ({"inputs": [{"name": "category"}]}, "'category' is the target"),
            (
                {"classifiers": [{"name": "a", "inputs": ["titel"]}]},
                "classifier 'a' reads the input 'titel', which the recipe does not list",
            ),
        ],
    )
    def test_inputs(self, shop: Catalog, declared: dict[str, Any], says: str) -> None:
        with pytest.raises(RecipeError, match=says):
            completed(shop, **declared)

    def test_no_input_is_left(self, tmp_path: Path, rows: Rows) -> None:
        with pytest.raises(RecipeError, match="at least one input"):
            completed(read(tmp_path / "bare.csv", rows, ["id", "category"]))


def test_auto_learns(shop: Catalog, rows: Rows, tmp_path: Path) -> None:
    small = {"kind": "small_cnn", "side": 16, "width": 64}
    recipe = completed(shop)
    for one in recipe.inputs:
        if one.role == "image":
            one.encoder = {**(one.encoder or {}), **small}
    for classifier in recipe.classifiers:
        if classifier.name == "photo":
            classifier.epochs = 2
    recipe.training.threads = 1
    made = Categorizer(recipe).fit(shop)
    assert (made.recipe_.inputs, made.recipe_.classifiers) == (recipe.inputs, recipe.classifiers)
    new = with_pictures(tiny_rows(40, seed=2), tmp_path)
    predictions = made.predict(read(tmp_path / "new.csv", new))
    right = sum(" > ".join(one.answer) == row["category"] for one, row in zip(predictions, new, strict=True))
    assert right >= 0.9 * len(new)
