"""What can be given on the command line about promises, reviews and sets of categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shelfwise.recipe import Recipe

Precision = Annotated[
    list[str] | None,
    typer.Option(
        "--precision",
        metavar="P|NAME=P",
        help="What share of accepted predictions must be right (0.98), and others for single levels, top categories or "
        "labels (gender=0.99).",
    ),
]
PrecisionOf = Annotated[
    str | None,
    typer.Option(
        "--precision-of",
        metavar="WHAT",
        help="Label sets: the precision of whole sets (whole), or of each label for itself (labels).",
    ),
]
PerDepartment = Annotated[
    bool | None,
    typer.Option(
        "--per-department/--not-per-department",
        help="Hold the precision in every category of the first level, not only over all.",
        show_default=False,
    ),
]
BackOff = Annotated[
    bool | None,
    typer.Option(
        "--back-off/--no-back-off",
        help="Accept a path as far as it is sure enough (of single labels: without those that are not).",
        show_default=False,
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        "--coverage",
        metavar="C",
        help="Also give each product the set of categories that holds the true one so often (0.95).",
    ),
]
ReviewCost = Annotated[
    float | None,
    typer.Option(
        "--review-cost", metavar="COST", min=0, help="What one review costs, to tell what reviews cost."
    ),
]


def changes(
    precision: Sequence[str] | None, of: str | None, per_department: bool | None, back_off: bool | None
) -> dict[str, Any]:
    """What was given, as fields of ``RoutingRecipe``; without what was left out."""
    given: dict[str, Any] = {"of": of, "per_department": per_department, "back_off": back_off}
    found = {name: value for name, value in given.items() if value is not None}
    own: dict[str, float] = {}
    for part in (part.strip() for text in precision or () for part in text.split(",")):
        name, _, number = part.rpartition("=")
        if name.strip():
            own[name.strip()] = _share(number, part)
        else:
            found["precision"] = _share(number, part)
    return {**found, **({"precisions": own} if own else {})}


def declared(recipe: Recipe, given: dict[str, Any]) -> Recipe:
    """The recipe with what was given about promises in place of its own values. Raises RecipeError."""
    if not given:
        return recipe
    values = recipe.model_dump()
    return type(recipe)(**{**values, "routing": {**values["routing"], **given}})


def _share(number: str, told: str) -> float:
    try:
        return float(number)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a number such as 0.98, or NAME=0.98, got '{told}'", param_hint="--precision"
        ) from error
