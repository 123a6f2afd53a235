"""The part of a recipe that says what is known of a product, and which encoder reads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shelfwise.recipe.part import EachOnce, RecipePart


class InputRecipe(RecipePart):
    """One input: its ``name``, its ``role``, and the encoder (``kind`` and its own options) that reads it.

    ``role`` and ``encoder`` None are chosen from the catalog by ``fit``.
    """

    name: str
    column: str | Annotated[list[str], EachOnce, Field(min_length=1)] | None = None
    """The column that is read; None: the one called ``name``. So two inputs, each with its own encoder, can read one column. A
    list of columns of texts is read as one text."""
    role: Literal["text", "category", "number", "image"] | None = None
    encoder: dict[str, Any] | None = None
    mask_words: list[str] | None = None
    """Words taken out of a text, singular or plural, in training and prediction alike; ``fit`` fills it for ``mask_labels``."""

    @property
    def columns(self) -> list[str]:
        """The columns that are read.

        >>> InputRecipe(name="meaning", column=["title", "description"]).columns, InputRecipe(name="title").columns
        (['title', 'description'], ['title'])
        """
        if self.column is None:
            return [self.name]
        return [self.column] if isinstance(self.column, str) else list(self.column)
