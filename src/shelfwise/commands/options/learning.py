"""What is learned, from what, and how: a recipe, and what is given in place of its own values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shelfwise.commands.options.common import Names, split_names

if TYPE_CHECKING:
    from shelfwise.recipe import Recipe

TRAINING = (
    *("target", "multilabel", "separator", "inputs", "recipe", "seed", "image_model", "text_model"),
    *("mask_labels", "deduplicate", "clean_labels"),
)
"""The options of `train`; other commands take some of them."""

_IN_TARGET = ("multilabel", "separator", "mask_labels", "min_products")
_IN_TRAINING = ("seed", "deduplicate", "clean_labels", "threads")
_AT_THE_TOP = ("image_model", "text_model")
"""Where in a recipe the options stand that have the name of its field."""


@dataclasses.dataclass(frozen=True)
class Learning:
    """All that can be given about a recipe, but promises (``routing.py``). No command takes every one of these."""

    target: Annotated[
        str | None,
        typer.Option("--target", metavar="T", help="The categories: one column, or one a level as A,B,C."),
    ] = None
    multilabel: Annotated[
        bool, typer.Option("--multilabel", help="The target is a label set: several categories, no order.")
    ] = False
    separator: Annotated[
        str | None, typer.Option("--separator", metavar="S", help="What stands between the target's parts.")
    ] = None
    inputs: Annotated[Names, typer.Option("--inputs", metavar="A,B", help="The columns to predict from.")] = (
        None
    )
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME|FILE", help="A preset, or a recipe file to start from.")
    ] = "auto"
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Where every random choice comes from.")
    ] = None
    image_model: Annotated[
        str | None, typer.Option("--image-model", metavar="NAME|FOLDER", help="A pretrained image backbone.")
    ] = None
    text_model: Annotated[
        str | None,
        typer.Option("--text-model", metavar="NAME|FOLDER", help="A pretrained sentence encoder for texts."),
    ] = None
    mask_labels: Annotated[
        bool, typer.Option("--mask-labels", help="Take the words of category names out of the texts.")
    ] = False
    deduplicate: Annotated[
        bool,
        typer.Option("--deduplicate", help="Learn from one product of every group of near-duplicates."),
    ] = False
    clean_labels: Annotated[
        bool,
        typer.Option("--clean-labels", help="Do not learn from products whose label is probably wrong."),
    ] = False
    min_products: Annotated[
        int | None,
        typer.Option(
            "--min-products", metavar="N", min=1, help="Leave labels of fewer training products out."
        ),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="Compute threads (default: all cores)."),
    ] = None

    def declared(self, start: Recipe | None = None) -> Recipe:
        """The recipe to learn by; ``start``: in place of the one that ``recipe`` names.

        Raises RecipeError, and BadParameter where nothing says what to predict.
        """
        from shelfwise.recipe import Recipe

        declared = self.laid_over(Recipe.read(self.recipe) if start is None else start)
        if not declared.target.columns:
            raise typer.BadParameter(
                "name the column of categories, or one column a level", param_hint="--target"
            )
        return declared

    def laid_over(self, recipe: Recipe) -> Recipe:
        """``recipe`` with what was given in place of its own values.

        Training chooses an encoder for inputs that the recipe does not describe. Raises RecipeError.
        """
        values = recipe.model_dump()
        values["target"] |= self._given(_IN_TARGET)
        values["training"] |= self._given(_IN_TRAINING)
        values |= self._given(_AT_THE_TOP)
        if self.target is not None:
            values["target"]["columns"] = split_names([self.target])
        names = split_names(self.inputs)
        if names:
            described = {one["name"]: one for one in values["inputs"]}
            values["inputs"] = [described.get(name, {"name": name}) for name in names]
        return type(recipe)(**values)

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Those of ``names`` that were given, with their values; a flag that is off was not."""
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None and value is not False}
