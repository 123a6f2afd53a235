"""The shape of ``model.json``: every value that a saved model has besides its arrays, with its type and range."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class FittedFacts(BaseModel):
    """What is told of a training. ``curves``: per classifier, (epoch, loss, held-out score) points."""

    model_config = ConfigDict(extra="forbid")

    version: str
    catalog: list[str]
    products: int
    labelled: int
    groups: int
    fitted: int
    chosen_on: int
    calibrated_on: int
    refitted: bool
    training_counts: list[tuple[tuple[str, ...], int]]
    policy: str
    scores: dict[str, float]
    curves: dict[str, list[tuple[int, float, float | None]]]
    separator: str | None = None


_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class StoredCalibration(BaseModel):
    """``Calibration``, with the ranges that its values can have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    temperatures: tuple[_Positive, ...]
    scale: _Number
    shift: _Number
    threshold: _Share
    set_scale: _Number
    set_shift: _Number


class StoredRule(BaseModel):
    """``AcceptRule``; ``threshold`` is null where nothing is accepted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    precision: _Share
    threshold: _Number | None
    basis: int = Field(ge=0)
    held: _Share
    coverage: _Share


class StoredModel(BaseModel):
    """The shape of ``model.json``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: int
    recipe: dict[str, Any]
    target: dict[str, Any]
    encoders: dict[str, dict[str, Any]]
    sparse: dict[str, bool]
    classifiers: list[str] = Field(min_length=1)
    policy: str
    policy_state: dict[str, Any]
    calibration: StoredCalibration
    accept: StoredRule
    facts: FittedFacts
