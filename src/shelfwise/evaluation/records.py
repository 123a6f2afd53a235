"""What every record of an evaluation has in common."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _finite_or_none(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


MaybeNumber = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A number, or None where there is none; what is not finite becomes None, since JSON cannot hold it."""


class Record(BaseModel):
    """Base of all records: unknown keys are errors, and nothing changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)
