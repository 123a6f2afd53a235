"""What one input is, product by product: its values, and whether each is present, absent or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

import numpy as np
import pyarrow as pa


class Role(StrEnum):
    """What a column is for."""

    ID = "id"
    TEXT = "text"
    CATEGORY = "category"
    NUMBER = "number"
    IMAGE = "image"
    GROUP = "group"
    TARGET = "target"
    IGNORED = "ignored"


INPUT_ROLES = frozenset({Role.TEXT, Role.CATEGORY, Role.NUMBER, Role.IMAGE})


class State(IntEnum):
    """The state of one input of one product, kept from reading to the prediction's record."""

    PRESENT = 0
    ABSENT = 1
    FAILED = 2


@dataclass(frozen=True)
class RawImage:
    """The undecoded bytes of one product's image, or why there are none."""

    state: State
    data: bytes | None = None
    reason: str = ""


class ImageSource(Protocol):
    """Undecoded images, one a product, read only when asked for; never all in memory."""

    def __len__(self) -> int: ...

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The raw images of ``rows``, in that order. Unreadable ones come back FAILED with a reason."""
        ...

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        ...


@dataclass(frozen=True)
class InputColumn:
    """One input of every product of a catalog.

    ``values`` is a string array for TEXT and CATEGORY (null where absent), float64 for NUMBER, and an
    ``ImageSource`` for IMAGE (whose states are known only once the images are decoded).
    ``state`` is an int8 array [products] of ``State``; ``reasons`` says why, for the FAILED rows.
    """

    name: str
    role: Role
    values: pa.Array | ImageSource
    state: np.ndarray
    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.state)
