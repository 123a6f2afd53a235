"""The part of a recipe that says what a model remembers of the products it learned from."""

from __future__ import annotations

from pydantic import Field

from shelfwise.recipe.part import RecipePart


class MemoryRecipe(RecipePart):
    """Which training products the model folder keeps, to tell what is unlike them and to show what is like them.

    Of each: numbers made of its inputs, its category and, with ``names``, its id and title, readable in the folder.
    """

    products: int = Field(default=8_192, ge=0, le=8_192)
    """At most so many; 0 keeps none: unknown products are then told by the classifiers' doubts alone, and explanations name no
    similar products."""
    names: bool = True
