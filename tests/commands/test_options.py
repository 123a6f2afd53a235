"""What is typed is understood as it is meant."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from shelfwise.batch import folder
from shelfwise.commands import features, inspect, train
from shelfwise.commands.options import machines
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import split_names
from shelfwise.commands.options.learning import Learning
from shelfwise.commands.options.routing import Routing
from shelfwise.errors import RecipeError
from shelfwise.features import request
from shelfwise.learning import meaning
from shelfwise.recipe import InputRecipe, Recipe


def parsed(command: type, *args: str) -> str:
    """What a command of that class understands of its catalogs, ``--validation`` and ``--json``."""
    app = typer.Typer()

    @app.command(cls=command)
    def show(
        catalogs: Catalogs,
        validation: train.Validation = None,
        json: inspect.Json = None,
        output: str = "",
    ) -> None:
        print(catalogs, validation, json)

    finished = CliRunner().invoke(app, list(args))
    return finished.output.strip() if finished.exit_code == 0 else f"status {finished.exit_code}"


@pytest.mark.parametrize(
    ("args", "understood"),
    [
        (("a.csv",), "['a.csv'] None None"),
        (("a.csv", "--validation", "b.csv"), "['a.csv'] ['b.csv'] None"),
        (("a.csv", "--validation", "b.csv", "c.csv", "--output", "x"), "['a.csv'] ['b.csv', 'c.csv'] None"),
        (("--validation", "b.csv", "--", "a.csv"), "['a.csv'] ['b.csv'] None"),
        (("a.csv", "--validation", "b.csv", "--validation", "c.csv"), "['a.csv'] ['b.csv', 'c.csv'] None"),
        (("a.csv", "--validation=b.csv"), "['a.csv'] ['b.csv'] None"),
        (("--output", "x", "a.csv"), "['a.csv'] None None"),
        (("--validation", "b.csv", "a.csv"), "status 2"),
    ],
)
def test_validation_takes_names_up_to_the_next_option(args: tuple[str, ...], understood: str) -> None:
    assert parsed(train.TrainCommand, *args) == understood


@pytest.mark.parametrize(
    ("args", "understood"),
    [
        (("--json", "a.csv"), "['a.csv'] None -"),
        (("a.csv", "--json"), "['a.csv'] None -"),
        (("a.csv", "--json", "--output", "x"), "['a.csv'] None -"),
        (("a.csv", "--json", "-"), "['a.csv'] None -"),
        (("a.csv", "--json", "found.JSON"), "['a.csv'] None found.JSON"),
        (("--json", "found.json", "a.csv", "b.csv"), "['a.csv', 'b.csv'] None found.json"),
    ],
)
def test_json_may_stand_alone(args: tuple[str, ...], understood: str) -> None:
    assert parsed(inspect.InspectCommand, *args) == understood


def test_names_are_split_at_commas_and_between_options() -> None:
    assert split_names(["a, b", "c", ""]) == ["a", "b", "c"]
    assert split_names(None) == []


def test_roles_reach_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Silent

    def read(*catalogs: str, **roles: Any) -> Any:
        roles.pop("progress")
        return catalogs, roles

    monkeypatch.setattr(Catalog, "read", read)
    roles = CatalogRoles(id="sku", text=["title,more"], number=["price"])
    assert roles.read(["a.csv", "b.csv"], Silent()) == (
        ("a.csv", "b.csv"),
        {
            "images_dir": None,
            "id": "sku",
            "encoding": None,
            "text": ["title", "more"],
            "category": [],
            "number": ["price"],
            "image": [],
            "group": None,
        },
    )


class TestLearning:
    def test_nothing_given_leaves_the_recipe_as_it_is(self) -> None:
        recipe = Recipe(target=["a", "b"], training={"seed": 7})
        assert Learning().laid_over(recipe) == recipe

    def test_what_is_given_takes_the_recipes_place(self) -> None:
        encoder = {"kind": "bag_of_words", "size": 10}
        recipe = Recipe(
            target="a", inputs=[InputRecipe(name="title", role="text", encoder=encoder), {"name": "x"}]
        )
        given = Learning(
            target="b,c",
            separator="/",
            inputs=["brand,title"],
            seed=0,
            image_model="folder",
            text_model="owner/model",
            mask_labels=True,
            deduplicate=True,
            clean_labels=True,
            threads=2,
        )
        declared = given.laid_over(recipe)
        target, training = declared.target, declared.training
        assert (target.columns, target.separator, target.mask_labels) == (["b", "c"], "/", True)
        assert (training.seed, training.threads) == (0, 2)
        assert (training.deduplicate, training.clean_labels) == (True, True)
        assert (declared.image_model, declared.text_model) == ("folder", "owner/model")
        assert declared.inputs == [
            InputRecipe(name="brand"),
            InputRecipe(name="title", role="text", encoder=encoder),
        ]

    def test_label_sets(self) -> None:
        declared = Learning(target="tags", multilabel=True, min_products=5).laid_over(Recipe())
        assert (declared.target.multilabel, declared.target.min_products) == (True, 5)

    def test_a_flag_that_is_off_does_not_switch_off_what_the_recipe_has_on(self) -> None:
        recipe = Recipe(target={"columns": "a", "multilabel": True}, training={"clean_labels": True})
        assert Learning().laid_over(recipe) == recipe

    def test_a_value_that_cannot_work_is_a_recipe_error(self) -> None:
        with pytest.raises(RecipeError, match="seed"):
            Learning(seed="soon").laid_over(Recipe(target="a"))  # type: ignore[arg-type]

    def test_something_has_to_say_what_to_predict(self) -> None:
        with pytest.raises(typer.BadParameter, match="name the column of categories"):
            Learning().declared()
        assert Learning().declared(Recipe(target="a")).target.columns == ["a"]
        assert Learning(recipe="fast", target="b").declared().preset == "fast"


class TestRouting:
    def test_nothing_given_changes_nothing(self) -> None:
        recipe = Recipe(target="a", routing={"precision": 0.9})
        assert Routing().changes() == {}
        assert Routing().laid_over(recipe) is recipe

    def test_what_is_given_takes_the_recipes_place(self) -> None:
        given = Routing(precision=["0.95,gender=0.99", "a=b=0.5"], back_off=False)
        assert given.changes() == {
            "back_off": False,
            "precision": 0.95,
            "precisions": {"gender": 0.99, "a=b": 0.5},
        }
        routing = given.laid_over(Recipe(target="a", routing={"back_off": True, "of": "whole"})).routing
        assert (routing.precision, routing.back_off, routing.of) == (0.95, False, "whole")

    def test_a_precision_that_is_no_number(self) -> None:
        with pytest.raises(typer.BadParameter, match="got 'gender=high'"):
            Routing(precision=["gender=high"]).changes()


def test_defaults_are_those_of_the_rooms_that_are_too_heavy_to_ask() -> None:
    assert machines.SHARD_ROWS == folder.SHARD_ROWS
    assert features.SHARD_ROWS == request.SHARD_ROWS
    assert features.MAX_TOKENS == meaning.MAX_TOKENS
