"""What is typed is understood as it is meant."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from shelfwise.commands import options
from shelfwise.errors import RecipeError
from shelfwise.recipe import InputRecipe, Recipe


def parsed(command: type, *args: str) -> str:
    """What a command of that class understands of its catalogs, ``--validation`` and ``--json``."""
    app = typer.Typer()

    @app.command(cls=command)
    def show(
        catalogs: options.Catalogs,
        validation: options.Validation = None,
        json: options.InspectionJson = None,
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
    assert parsed(options.TrainCommand, *args) == understood


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
    assert parsed(options.InspectCommand, *args) == understood


def test_names_are_split_at_commas_and_between_options() -> None:
    assert options.split_names(["a, b", "c", ""]) == ["a", "b", "c"]
    assert options.split_names(None) == []


NOTHING = {
    "target": None,
    "multilabel": False,
    "separator": None,
    "inputs": None,
    "seed": None,
    "image_model": None,
}


def test_nothing_given_leaves_the_recipe_as_it_is() -> None:
    recipe = Recipe(target=["a", "b"], training={"seed": 7})
    assert options.declare(recipe, **NOTHING) == recipe


def test_what_is_given_takes_the_recipes_place() -> None:
    encoder = {"kind": "bag_of_words", "size": 10}
    recipe = Recipe(
        target="a", inputs=[InputRecipe(name="title", role="text", encoder=encoder), {"name": "x"}]
    )
    given = {**NOTHING, "target": "b,c", "seed": 3, "inputs": ["brand,title"], "image_model": "folder"}
    given["text_model"] = "owner/model"
    declared = options.declare(recipe, **given)
    assert declared.target.columns == ["b", "c"]
    assert (declared.training.seed, declared.image_model, declared.text_model) == (3, "folder", "owner/model")
    assert declared.inputs == [
        InputRecipe(name="brand"),
        InputRecipe(name="title", role="text", encoder=encoder),
    ]


def test_a_value_that_cannot_work_is_a_recipe_error() -> None:
    with pytest.raises(RecipeError, match="seed"):
        options.declare(Recipe(target="a"), **{**NOTHING, "seed": "soon"})
