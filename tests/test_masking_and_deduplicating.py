"""--mask-labels and --deduplicate: from the command line into the recipe, the model folder and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.conftest import Shelfwise
from tests.tiny_catalog import LINEAR, read, text_recipe, tiny_rows, title_recipe, write

from shelfwise import Categorizer

WORDS = ["car", "doll", "home", "kitchen", "lamp", "pot", "toy"]


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    file = tmp_path / "quick.yaml"
    classifiers = [{"name": "title", "inputs": ["title"], **LINEAR}]
    recipe = {"inputs": [{"name": "title", "role": "text"}], "classifiers": classifiers}
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return file


def test_masking_is_kept_with_the_model(shelfwise: Shelfwise, quick: Path, tmp_path: Path) -> None:
    shop = write(tmp_path / "shop.csv", tiny_rows())
    done = shelfwise(
        *("train", shop, "--target", "category", "--recipe", quick, "--mask-labels", "-o", tmp_path / "model")
    )
    assert done.status == 0, done.err
    model = Categorizer.load(tmp_path / "model")
    assert model.recipe_.target.mask_labels
    assert model.recipe_.inputs[0].mask_words == WORDS
    written = yaml.safe_load((tmp_path / "model" / "recipe.yaml").read_text(encoding="utf-8"))
    assert written["inputs"][0]["mask_words"] == WORDS


def test_words_of_category_names_say_nothing_any_more(tmp_path: Path) -> None:
    """A third of the titles say pot, lamp, doll or car; those words must not be read, in training or in prediction."""
    shop = read(tmp_path / "shop.csv", tiny_rows())
    model = Categorizer(title_recipe(target={"columns": ["category"], "mask_labels": True})).fit(shop)
    dolls = [row for row in tiny_rows(seed=1) if "doll" in row["title"]]
    changed = [{**row, "title": row["title"].replace("doll", "lamp")} for row in dolls]
    assert dolls
    one, other = (
        model.predict(read(tmp_path / f"{name}.csv", rows)) for name, rows in (("a", dolls), ("b", changed))
    )
    assert [(p.answer, p.confidence) for p in one] == [(p.answer, p.confidence) for p in other]


def test_one_product_a_group_is_learned_from(shelfwise: Shelfwise, quick: Path, tmp_path: Path) -> None:
    rows = tiny_rows(80)
    twice = [*rows, *({**row, "id": f"x{row['id']}"} for row in rows if row["title"])]
    shop = write(tmp_path / "shop.csv", twice)
    done = shelfwise(
        *("train", shop, "--target", "category", "--recipe", quick, "--deduplicate", "-o", tmp_path / "model")
    )
    assert done.status == 0, done.err
    model = Categorizer.load(tmp_path / "model")
    assert model.recipe_.training.deduplicate
    assert model.facts_.products == len(twice)
    assert model.facts_.labelled == 80
    assert model.facts_.groups == 80
    assert f"80 products, {len(twice) - 80} left aside" in " ".join(done.err.split())


def test_neither_is_done_unasked(tmp_path: Path) -> None:
    shop = read(tmp_path / "shop.csv", tiny_rows())
    model = Categorizer(text_recipe()).fit(shop)
    assert not model.recipe_.target.mask_labels
    assert [one.mask_words for one in model.recipe_.inputs] == [None, None, None]
    assert not model.recipe_.training.deduplicate


def test_two_spellings_are_one_category_in_training_and_evaluation(tmp_path: Path) -> None:
    rows = tiny_rows()
    for row in rows[::10]:
        row["category"] = row["category"].upper()
    model = Categorizer(title_recipe()).fit(read(tmp_path / "shop.csv", rows))
    assert len(model.target_.as_paths) == 4
    shouted = [{**row, "category": row["category"].upper()} for row in tiny_rows(seed=1)]
    found = model.evaluate(read(tmp_path / "new.csv", shouted))
    assert found.unseen_products == 0
    assert found.headline.value > 0.8
