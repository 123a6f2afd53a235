"""The part of a recipe that says what is predicted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from shelfwise.recipe.part import EachOnce, RecipePart


class TargetRecipe(RecipePart):
    """What is predicted.

    ``columns`` is one column (of delimited paths, or of label sets) or one column per level. ``separator`` None
    recognises " > ", " / ", " | " and others from the values; an empty one splits nothing.
    """

    columns: Annotated[list[str], EachOnce] = Field(default_factory=list)
    multilabel: bool = False
    separator: str | None = None
    min_products: int = Field(default=1, ge=1)
    """Labels with fewer training products are not learned (label sets only)."""
    label_space: Literal["auto", "labels", "sets"] = "auto"
    """Decide labels each for itself, or the known label sets as wholes; auto: sets where they repeat often enough."""
    decoding: Literal["auto", "highest_leaf", "beam", "per_level_argmax", "greedy"] = "auto"
    """How one path is taken from the probabilities of all; auto: what is right most often on held-out products."""
    mask_labels: bool = False
    """Take the words of all category names out of the text inputs, so that the answer cannot be read off them."""

    @field_validator("columns", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value
