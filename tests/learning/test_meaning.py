"""What ``--text-model`` adds to a recipe, and a model with sentence vectors from the command line to the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Shelfwise
from tests.encoders.text_backbones import tiny_sentence_model
from tests.learning.test_presets import completed
from tests.tiny_catalog import read, tiny_rows, write

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.cli import main
from shelfwise.errors import RecipeError
from shelfwise.learning.meaning import with_meaning
from shelfwise.recipe import InputRecipe

TITLE = InputRecipe(name="title", role="text", encoder={"kind": "ngrams"}, mask_words=["shoe"])
JOINED = InputRecipe(name="all", column=["title", "description"], role="text", encoder={"kind": "ngrams"})
BRAND = InputRecipe(name="brand", role="category", encoder={"kind": "one_hot"})


class TestRecipe:
    def test_every_text_is_read_a_second_time(self) -> None:
        inputs = with_meaning([TITLE, BRAND, JOINED], Recipe(target="t", text_model="some/backbone"))
        assert inputs[:3] == [TITLE, BRAND, JOINED]
        [title, joined] = inputs[3:]
        assert (title.name, title.columns, title.role) == ("title_meaning", ["title"], "text")
        assert title.mask_words == ["shoe"], "what is masked in a text is masked in both its readings"
        assert (joined.name, joined.columns) == ("all_meaning", ["title", "description"])
        assert title.encoder is not None
        assert (title.encoder["kind"], title.encoder["model"]) == ("pretrained_text", "some/backbone")
        assert {"max_tokens", "pooling", "batch"} <= title.encoder.keys(), "every value is spelled out"

    def test_without_a_text_model_nothing_is_added(self) -> None:
        assert with_meaning([TITLE], Recipe(target="t")) == [TITLE]

    def test_a_recipe_that_says_what_its_classifiers_read_stays_as_it_is(self) -> None:
        recipe = Recipe(target="t", text_model="m", classifiers=[{"name": "mine", "inputs": ["title"]}])
        assert with_meaning([TITLE], recipe) == [TITLE]

    def test_names_that_columns_have_are_not_taken_again(self) -> None:
        odd = InputRecipe(name="title_meaning", role="category", encoder={"kind": "one_hot"})
        names = [one.name for one in with_meaning([TITLE, odd], Recipe(target="t", text_model="m"))]
        assert len(set(names)) == len(names) == 3

    @pytest.mark.parametrize("preset", ["paper-a", "paper-b"])
    def test_presets_without_a_use_for_it_refuse(self, preset: str) -> None:
        with pytest.raises(RecipeError, match=f"'{preset}'.*leave --text-model out"):
            with_meaning([TITLE], Recipe(target="t", preset=preset, text_model="m"))

    def test_a_complete_recipe_is_left_as_it_is(self, tmp_path: Path) -> None:
        shop = read(tmp_path / "shop.csv", tiny_rows(80), ["id", "title", "brand", "category"])
        once = completed(shop, text_model="some/backbone")
        assert [one.name for one in once.inputs] == ["title", "brand", "title_meaning"]
        assert "title_meaning" in [one.name for one in once.classifiers]
        assert completed(shop, once) == once
        again = completed(shop, once.model_copy(update={"text_model": "other"}))
        assert (again.inputs[2].encoder or {})["model"] == "other"

    def test_several_columns_as_one_must_be_texts(self, tmp_path: Path) -> None:
        shop = read(tmp_path / "shop.csv", tiny_rows(40), ["id", "title", "brand", "category"])
        both = {"name": "both", "column": ["title", "brand"]}
        [found] = completed(shop, inputs=[both]).inputs
        assert (found.role, found.columns) == ("text", ["title", "brand"])
        with pytest.raises(RecipeError, match="only texts"):
            completed(shop, inputs=[{**both, "role": "category"}])
        with pytest.raises(RecipeError, match="'titel' is not in the catalog"):
            completed(shop, inputs=[{"name": "both", "column": "titel"}])
        with pytest.raises(RecipeError, match="is the target"):
            completed(shop, inputs=[{"name": "both", "column": ["title", "category"]}])


RECIPE = """
target: {columns: [category]}
inputs: [{name: title}, {name: brand}, {name: both, column: [title, brand]}]
training: {folds: 1}
routing: {precision: 0.5}
preset: fast
"""


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_sentence_model(tmp_path_factory.mktemp("text_backbone"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHELFWISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def trained(cache: None, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command line, once. Not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.yaml").write_text(RECIPE)
    catalog = write(folder / "shop.csv", tiny_rows(80), ["id", "title", "brand", "category"])
    given = ["--recipe", folder / "recipe.yaml", "--text-model", backbone, "-o", folder / "model", "--quiet"]
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in ("train", catalog, *given)])
    assert ended.value.code == 0
    return folder / "model"


def test_from_the_command_line_to_predictions(shelfwise: Shelfwise, trained: Path, tmp_path: Path) -> None:
    model = Categorizer.load(trained)
    assert [one.name for one in model.recipe_.inputs] == [
        "title",
        "brand",
        "both",
        "title_meaning",
        "both_meaning",
    ]
    assert "meaning" in model.ensemble_.names
    assert not list(trained.glob("**/*.bin"))
    assert sum(path.stat().st_size for path in trained.glob("*.safetensors")) < 3_000_000
    rows = tiny_rows(30, seed=1)
    rows[3] |= {"title": "", "brand": ""}
    new = write(tmp_path / "new.csv", rows, ["id", "title", "brand"])
    done = shelfwise("predict", trained, new, "-o", tmp_path / "out.jsonl", "--quiet")
    assert done.status == 0, done.err
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["id"] for one in out] == [one["id"] for one in rows]
    assert out[0]["inputs"]["title_meaning"] == "present"
    assert out[8]["inputs"] == {
        "title": "absent", "brand": "present", "both": "present", "title_meaning": "absent", "both_meaning": "present"
    }  # fmt: skip
    assert out[3]["decision"] == "failed"
    shuffled = write(tmp_path / "shuffled.csv", rows[::-1][:17], ["id", "title", "brand"])
    done = shelfwise("predict", trained, shuffled, "-o", tmp_path / "shuffled.jsonl", "--quiet")
    again = [json.loads(line) for line in (tmp_path / "shuffled.jsonl").read_text().splitlines()]
    assert again == out[::-1][:17]


def test_evaluated_explained_and_served(shelfwise: Shelfwise, trained: Path, tmp_path: Path) -> None:
    from shelfwise.serving.products import Product, as_catalog

    known = write(tmp_path / "known.csv", tiny_rows(40, seed=2), ["id", "title", "brand", "category"])
    done = shelfwise("evaluate", trained, known, "--report", tmp_path / "report.html", "--quiet")
    assert done.status == 0, done.err
    assert "meaning" in (tmp_path / "report.html").read_text()
    model = Categorizer.load(trained)
    catalog = Catalog.read(known)
    product = Product("one", {"title": "pot pan", "brand": "Brand 0"})
    [served] = model.predict(as_catalog([product], model.recipe_.inputs))
    assert served.inputs["title_meaning"] == served.inputs["both_meaning"] == "present"
    assert len(model.predict(catalog)) == 40


def test_a_model_whose_backbone_is_gone_says_where_to_look(
    shelfwise: Shelfwise, trained: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = write(tmp_path / "new.csv", tiny_rows(5, seed=3), ["id", "title", "brand"])
    monkeypatch.setenv("SHELFWISE_TEXT_MODEL", str(tmp_path / "nowhere"))
    done = shelfwise("predict", trained, new, "-o", tmp_path / "out.csv", "--quiet")
    assert done.status == 1
    assert "SHELFWISE_TEXT_MODEL" in done.err
    assert not (tmp_path / "out.csv").exists()
