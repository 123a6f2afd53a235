"""The part of a recipe that says which predictions a person looks at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shelfwise.recipe.part import RecipePart


class RoutingRecipe(RecipePart):
    """Which products a person sees: those for which ``precision`` cannot be promised on what held-out products showed.

    ``of`` says of what: of whole predictions, or (label sets only) of single labels, each label for itself. ``precisions`` are
    other targets for single levels ("sub_category", "level 2"), top categories, or labels. With ``per_department`` every category
    on the first level holds the precision for itself. With ``back_off`` a path that is not sure enough is accepted as far as it
    is (of single labels: without those that are not). ``certainty`` is how sure a promise is, one-sided. ``alternatives``: how
    many other answers a prediction tells. All but ``unknown`` can be changed at prediction, without training."""

    precision: float = Field(default=0.95, gt=0, le=1)
    certainty: float = Field(default=0.95, ge=0.5, lt=1)
    precisions: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
    of: Literal["whole", "labels"] = "whole"
    per_department: bool = False
    back_off: bool = False
    alternatives: int = Field(default=5, ge=0)
    unknown: float = Field(default=0.02, ge=0, lt=1)
    """Share of known products that may be sent to a person as unlike anything known: the more, the more unknown ones are
    caught. 0 sends none. Fixed in training."""
