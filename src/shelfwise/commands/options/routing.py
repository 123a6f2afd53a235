"""What can be given on the command line about promises, and about when a label is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shelfwise.recipe import Recipe

Thresholds = Annotated[
    str | None,
    typer.Option(
        "--thresholds",
        metavar="KIND",
        help="Label sets: give labels from 0.5 on (fixed), from one tuned threshold on (one), or from each "
        "label's own (per_label); as trained if left out.",
    ),
]


@dataclass(frozen=True)
class Routing:
    """How right accepted predictions must be, and what of them is accepted."""

    precision: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            metavar="P|NAME=P",
            help="What share of accepted predictions must be right (0.98), and others for single levels, top categories or "
            "labels (gender=0.99).",
        ),
    ] = None
    precision_of: Annotated[
        str | None,
        typer.Option(
            "--precision-of",
            metavar="WHAT",
            help="Label sets: the precision of whole sets (whole), or of each label for itself (labels).",
        ),
    ] = None
    per_department: Annotated[
        bool | None,
        typer.Option(
            "--per-department/--not-per-department",
            help="Hold the precision in every category of the first level, not only over all.",
            show_default=False,
        ),
    ] = None
    back_off: Annotated[
        bool | None,
        typer.Option(
            "--back-off/--no-back-off",
            help="Accept a path as far as it is sure enough (of single labels: without those that are not).",
            show_default=False,
        ),
    ] = None

    def changes(self) -> dict[str, Any]:
        """What was given, as fields of ``RoutingRecipe``; without what was left out."""
        given: dict[str, Any] = {
            "of": self.precision_of,
            "per_department": self.per_department,
            "back_off": self.back_off,
        }
        found = {name: value for name, value in given.items() if value is not None}
        own: dict[str, float] = {}
        for part in (part.strip() for text in self.precision or () for part in text.split(",")):
            name, _, number = part.rpartition("=")
            if name.strip():
                own[name.strip()] = _share(number, part)
            else:
                found["precision"] = _share(number, part)
        return {**found, **({"precisions": own} if own else {})}

    def laid_over(self, recipe: Recipe) -> Recipe:
        """``recipe`` with what was given in place of its own values. Raises RecipeError."""
        changes = self.changes()
        if not changes:
            return recipe
        values = recipe.model_dump()
        return type(recipe)(**{**values, "routing": {**values["routing"], **changes}})


def _share(number: str, told: str) -> float:
    try:
        return float(number)
    except ValueError as error:
        raise typer.BadParameter(
            f"expected a number such as 0.98, or NAME=0.98, got '{told}'", param_hint="--precision"
        ) from error
