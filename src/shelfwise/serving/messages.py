"""What goes over the wire, as checked types: the request's JSON, and the shape of every answer for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shelfwise.serving.settings import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_ID_CHARACTERS,
    MAX_LISTED,
    MAX_PRODUCTS,
)

_Text = Annotated[str, StringConstraints(max_length=MAX_FIELD_CHARACTERS)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FieldValue = (
    _Text
    | bool
    | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[list[_Text | None], Field(max_length=MAX_LISTED)]
    | None
)


class ProductIn(BaseModel):
    """One product: what its catalog row would hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(max_length=MAX_ID_CHARACTERS)] = ""
    """Comes back with the prediction; where it is left out, the product's place in the request, from 1."""
    fields: Annotated[dict[_Name, FieldValue], Field(max_length=MAX_FIELDS)] = Field(default_factory=dict)
    """Column → value, as in the catalog that the model was trained on."""
    image: str | None = None
    """The picture as base64, for the model's (first) image input."""
    images: Annotated[dict[_Name, str], Field(max_length=20)] = Field(default_factory=dict)
    """Pictures as base64 by the name of their input, where a model has several."""


class PredictIn(BaseModel):
    """Products to be categorized: 1 to 256."""

    model_config = ConfigDict(extra="forbid", strict=True)

    products: list[ProductIn] = Field(min_length=1, max_length=MAX_PRODUCTS)


class OnePredictIn(ProductIn):
    """One product by itself, not in a list."""

    @model_validator(mode="before")
    @classmethod
    def _has_something(cls, value: Any) -> Any:
        if isinstance(value, dict) and not any(value.get(name) for name in ("fields", "image", "images")):
            raise ValueError("expected a product with 'fields' or an 'image', or a list under 'products'")
        return value


class AlternativeOut(BaseModel):
    """Another answer: a ``path``, or of label sets a ``label``."""

    path: list[str] | None = None
    label: str | None = None
    probability: float = Field(ge=0, le=1)


class PredictionOut(BaseModel):
    """One product's prediction, with the columns of a prediction file."""

    model_config = ConfigDict(extra="allow")

    id: str
    path: list[str] | None = None
    labels: list[str] | None = None
    confidence: float = Field(ge=0, le=1)
    level_confidence: list[float] | None = None
    label_confidence: list[float] | None = None
    decision: Literal["accept", "review", "failed"]
    reason: str
    alternatives: list[AlternativeOut]
    inputs: dict[str, str]
    rule: int | None
    set: list[AlternativeOut] | None
    novelty: float | None = Field(ge=0, le=1)
    explanation: dict[str, Any] | None


class PredictOut(BaseModel):
    """Predictions in the request's order. ``model``: the fingerprint of the model that made them."""

    model: str
    predictions: list[PredictionOut]


class CategoryOut(BaseModel):
    """A category: its names from the root down, whether products end there, and its training products."""

    path: list[str]
    leaf: bool
    products: int


class TaxonomyOut(BaseModel):
    """Everything that can be predicted."""

    model: str
    kind: Literal["path", "labels"]
    version: str
    categories: list[CategoryOut]


class StatusOut(BaseModel):
    """How the service is."""

    status: str
    model: str | None = None


class ProblemOut(BaseModel):
    """What is wrong with a request, or why it has to wait."""

    error: str
