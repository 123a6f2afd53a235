"""What the parts of a recipe have in common: keys that nobody knows are errors, and so are names that stand there twice."""

from __future__ import annotations

from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class RecipePart(BaseModel):
    """A part of a recipe; unknown keys, and numbers that are none, are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _each_once(values: list[Any]) -> list[Any]:
    keys = [value.name if isinstance(value, BaseModel) else value for value in values]  # type: ignore[attr-defined]
    repeated = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
    if repeated is not None:
        raise ValueError(f"expected every name once, but '{repeated}' is there twice")
    return values


EachOnce = AfterValidator(_each_once)
"""Of a list: no name, and nothing that has one, stands there twice."""
