"""The part of a recipe that says what one classifier reads, what it is made of, and how it is trained."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from shelfwise.recipe.part import EachOnce, RecipePart

HEADS = (
    "auto",
    "tree",
    "conditional_tree",
    "per_level",
    "sequential",
    "level_decoder",
    "multilabel",
    "label_sets",
)
"""The heads there are; their options are checked when they are built (``heads.build_head``)."""

_Width = Annotated[int, Field(ge=1)]
_OPTIMIZER_DEFAULTS: dict[str, dict[str, float]] = {
    "adam": {"weight_decay": 0.0},
    "sgd": {"learning_rate": 0.1, "weight_decay": 0.0},
    "adadelta": {"learning_rate": 1.0, "weight_decay": 0.0},
}
"""What is not given takes these; of ``adamw`` they are the fields' own."""


class ClassifierRecipe(RecipePart):
    """One classifier: which inputs it reads, its body and head.

    ``hidden`` empty is a linear classifier; with ``rank`` its weights are the product of two matrices of that inner width, as in
    fastText (Joulin et al. 2017): memory and time then grow with the rank instead of the number of categories.
    ``embedding`` is the width each input is projected to before a body.
    ``input_dropout`` drops single features, ``dropout`` hidden units, ``hide_inputs`` whole inputs of a product
    (so that the classifier learns to live without each of them).
    """

    name: str
    inputs: Annotated[list[str], EachOnce] = Field(min_length=1)
    head: str | dict[str, Any] = "auto"
    """A head by its kind (one of ``HEADS``), or a mapping of ``kind`` and its own options."""
    hidden: list[_Width] = Field(default_factory=list)
    rank: int | None = Field(default=None, ge=1)
    embedding: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    hide_inputs: float = Field(default=0.0, ge=0, lt=1)
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=256, ge=1)
    solver: Literal["gradient", "svm"] = "gradient"
    """How it is trained: by gradient descent, or (linear classifiers over sparse inputs only) one linear support vector machine a
    category, with ``regularisation`` its C. An SVM has no epochs, and takes none of the options of gradient descent."""
    regularisation: float = Field(default=1.5, gt=0)
    optimizer: Literal["adamw", "adam", "sgd", "adadelta"] = "adamw"
    """Of dense weights and word vectors; weights on sparse inputs always have their own."""
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_learning_rate: float | None = Field(default=None, gt=0)
    """Of what is trained inside the inputs' encoders (word vectors, convolutions, a backbone); null: ``learning_rate``."""
    sparse_learning_rate: float = Field(default=0.1, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    warm_up: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps over which the rates rise to their full height, fifty steps at the least."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_optimizer_wants_them(cls, values: Any) -> Any:
        name = values.get("optimizer") if isinstance(values, dict) else None
        return {**_OPTIMIZER_DEFAULTS.get(name, {}), **values} if isinstance(name, str) else values

    @field_validator("head")
    @classmethod
    def _head(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        kind = value.get("kind") if isinstance(value, dict) else value
        if kind not in HEADS:
            nearest = difflib.get_close_matches(str(kind), HEADS, n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            known = ", ".join(f"'{name}'" for name in HEADS)
            raise ValueError(f"expected a head ({known}), or a mapping with its 'kind'{hint}")
        return value
