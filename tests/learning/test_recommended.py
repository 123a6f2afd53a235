"""Which classifiers the presets train, and that each preset makes a model that works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny_catalog import accuracy, read, tiny_rows, with_pictures

from shelfwise import Categorizer, Recipe
from shelfwise.learning.paper_recipes import early_classifiers, early_encoder, late_classifiers, late_encoder
from shelfwise.learning.recommended import Task, accurate, fast
from shelfwise.recipe import PRESETS, InputRecipe

TEXT = InputRecipe(name="title", role="text", encoder={"kind": "ngrams"})
MORE = InputRecipe(name="description", role="text", encoder={"kind": "ngrams"})
BRAND = InputRecipe(name="brand", role="category", encoder={"kind": "one_hot"})
PRICE = InputRecipe(name="price", role="number", encoder={"kind": "number"})
PHOTO = InputRecipe(name="photo", role="image", encoder={"kind": "pretrained_image"})
DRAWN = InputRecipe(name="photo", role="image", encoder={"kind": "small_cnn"})
MEANINGS = [
    InputRecipe(name=f"{name}_meaning", column=name, role="text", encoder={"kind": "pretrained_text"})
    for name in ("title", "description")
]
SMALL = Task(products=5_000, outcomes=50, multilabel=False)


def test_every_input_has_its_classifier_and_all_meet() -> None:
    found = {one.name: one.inputs for one in accurate([TEXT, MORE, BRAND, PRICE, PHOTO], SMALL)}
    assert found == {
        "title": ["title"],
        "description": ["description"],
        "brand": ["brand"],
        "photo": ["photo"],
        "words": ["title", "description", "brand"],
        "values": ["brand", "price"],
        "early": ["title", "description", "brand", "price", "photo"],
    }


def test_sentence_vectors_have_a_classifier_of_their_own_and_are_not_words() -> None:
    found = {one.name: one.inputs for one in accurate([TEXT, MORE, BRAND, *MEANINGS], SMALL)}
    names = ["title_meaning", "description_meaning"]
    assert found == {
        "title": ["title"],
        "description": ["description"],
        "brand": ["brand"],
        "words": ["title", "description", "brand"],
        "meaning": names,
        "early": ["title", "description", "brand", *names],
    }
    assert {one.name: one.inputs for one in fast([TEXT, BRAND, *MEANINGS], SMALL)} == {
        "words": ["title", "brand"],
        "meaning": names,
    }


@pytest.mark.parametrize("kind", ["kim_cnn", "lstm"])
def test_texts_read_in_order_have_classifiers_of_their_own_and_are_not_words(kind: str) -> None:
    """Linear machines cannot read them: `auto` with such an encoder refused its own choice."""
    ordered = InputRecipe(name="title", role="text", encoder={"kind": kind})
    found = {one.name: one for one in accurate([ordered, MORE, BRAND], SMALL)}
    assert {name: one.inputs for name, one in found.items()} == {
        "title": ["title"],
        "description": ["description"],
        "brand": ["brand"],
        "words": ["description", "brand"],
        "early": ["title", "description", "brand"],
    }
    assert found["title"].solver == "gradient"
    assert [one.name for one in fast([ordered, MORE], SMALL)] == ["description", "title"]
    for preset in (accurate, fast):
        (alone,) = preset([ordered], SMALL)
        assert (alone.name, alone.solver) == ("title", "gradient")


def test_sentence_vectors_alone_are_enough() -> None:
    for preset in (accurate, fast):
        assert [one.inputs for one in preset(MEANINGS[:1], SMALL)] == [["title_meaning"]]


def test_pictures_without_a_backbone_are_not_read_twice() -> None:
    early = next(one for one in accurate([TEXT, BRAND, DRAWN], SMALL) if one.name == "early")
    assert early.inputs == ["title", "brand"]


@pytest.mark.parametrize(
    ("products", "outcomes", "words", "title"),
    [
        (5_000, 50, "svm", "svm"),
        (50_000, 50, "svm", "svm"),
        (99_000, 660, "svm", "svm"),
        (99_000, 670, "gradient", "gradient"),
        (10_000, 800, "svm", "svm"),
        (300, 200, "svm", "svm"),
        (2_000, 1_900, "svm", "svm"),
        (500_000, 50, "gradient", "gradient"),
        (5_000, 4_000, "gradient", "gradient"),
    ],
)
def test_solvers_follow_the_size(products: int, outcomes: int, words: str, title: str) -> None:
    found = {one.name: one for one in accurate([TEXT, BRAND], Task(products, outcomes, False))}
    assert (found["words"].solver, found["title"].solver) == (words, title)
    assert (found["words"].rank is None) == (words == "svm" or outcomes <= 200)


def test_what_counts_is_how_many_planes_there_are() -> None:
    shallow, deep = (Task(5_000, 1_000, False, planes) for planes in (1_200, 2_000))
    assert accurate([TEXT, BRAND], shallow)[0].solver == "svm"
    assert accurate([TEXT, BRAND], deep)[0].solver == "gradient"
    assert accurate([TEXT, BRAND], replace(deep, ngrams=90_000))[0].solver == "svm"


def test_many_columns_of_values_are_read_together() -> None:
    values = [BRAND.model_copy(update={"name": f"value {number}"}) for number in range(9)]
    names = [one.name for one in values]
    assert [one.name for one in accurate(values[:8], SMALL)] == [*names[:8], "early"]
    assert {one.name: one.inputs for one in accurate(values, SMALL)} == {"words": names, "early": names}
    assert [one.name for one in accurate([TEXT, *values], SMALL)] == ["title", "words", "early"]


def test_names_that_inputs_have_are_not_taken_again() -> None:
    odd = [InputRecipe(name=name, role="text", encoder={"kind": "ngrams"}) for name in ("words", "early")]
    names = [one.name for one in accurate(odd, SMALL)]
    assert len(set(names)) == len(names) == 4


def test_fast_trains_little() -> None:
    found = fast([TEXT, MORE, BRAND, PHOTO], SMALL)
    assert [one.name for one in found] == ["words", "photo"]
    assert [one.name for one in fast([TEXT], SMALL)] == ["title"]
    assert [one.name for one in fast([PRICE], SMALL)] == ["early"]
    assert {one.name: one.inputs for one in fast([BRAND, PRICE], SMALL)} == {"words": ["brand", "price"]}
    assert {one.name: one.inputs for one in fast([TEXT, PRICE, PHOTO], SMALL)} == {
        "words": ["title", "price"],
        "photo": ["photo"],
    }
    recipe = Recipe.read("fast")
    assert (recipe.training.folds, recipe.training.refit) == (1, False)


def test_on_a_large_catalog_fast_spends_less_on_features_of_pictures() -> None:
    large = Task(products=20_000, outcomes=50, multilabel=False)
    (small,), (quick,) = fast([PHOTO], SMALL), fast([PHOTO], large)
    (thorough,) = [one for one in accurate([PHOTO], large) if one.name == "photo"]
    assert (quick.hidden[0], small.hidden[0], thorough.hidden[0]) == (256, 512, 512)
    assert quick.epochs < thorough.epochs
    (drawn,) = fast([DRAWN], large)
    assert drawn == next(one for one in accurate([DRAWN], large) if one.name == "photo")


def test_paper_a_reads_words_in_order_and_fuses_by_a_network() -> None:
    recipe = Recipe.read("paper-a")
    assert recipe.fusion.policies[0] == {"kind": "policy_network", "preset": "paper_trimodal"}
    assert late_encoder("text", 30, None)["text"] == "paper_title"
    assert late_encoder("text", 300, None)["text"] == "paper_description"
    assert late_encoder("image", 0, None) is None
    assert [one.inputs for one in late_classifiers([TEXT, MORE, PHOTO], SMALL)] == [
        ["title"],
        ["description"],
        ["photo"],
    ]


def test_paper_b_is_one_network_with_a_softmax_a_level() -> None:
    (one,) = early_classifiers([TEXT, BRAND, PHOTO], SMALL)
    assert (one.head, one.hidden, one.dropout, one.input_dropout) == ("per_level", [256, 256], 0.5, 0.2)
    (alone,) = early_classifiers([TEXT], SMALL)
    assert alone.hidden == [256, 256, 256]  # of several inputs the first layer is their projections
    (labels,) = early_classifiers([TEXT], Task(5_000, 50, multilabel=True))
    assert labels.head == "auto"
    assert early_encoder("text", 100, None) == {
        "kind": "bag_of_words",
        "max_words": 5000,
        "stop_words": "english",
    }


def test_what_a_file_says_wins_over_its_preset(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("preset: fast\ntarget: category\ntraining: {held_out: 0.3}\n", encoding="utf-8")
    recipe = Recipe.read(file)
    assert (recipe.training.held_out, recipe.training.refit) == (0.3, False)
    assert Recipe.read(file) == Recipe(**recipe.model_dump())


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("target", ["category", "tags"])
def test_every_preset_makes_a_model_that_can_be_kept(tmp_path: Path, preset: str, target: str) -> None:
    rows = with_pictures(tiny_rows(120), tmp_path)
    declared = {"columns": [target], "multilabel": target == "tags"}
    inputs = [{"name": name} for name in ("title", "brand", "photo")]
    recipe = Recipe(preset=preset, target=declared, inputs=inputs, training={"threads": 1})
    shop = read(tmp_path / "shop.csv", rows)
    made = Categorizer(recipe).fit(shop)
    predictions = made.predict(shop)
    if target == "category":
        assert accuracy(predictions, rows) > 0.6
    made.save(tmp_path / "model")
    assert Categorizer.load(tmp_path / "model").predict(shop) == predictions
