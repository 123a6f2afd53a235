"""What the categorizer hands out: one prediction a product, in the catalog's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Decision = Literal["accept", "review", "failed"]


@dataclass(frozen=True)
class Alternative:
    """Another answer and how probable it is. ``answer`` is a path, or a tuple of one label."""

    answer: tuple[str, ...]
    probability: float


@dataclass(frozen=True)
class Prediction:
    """One product's prediction.

    ``answer`` is the path from the root down, or the label set (most probable first); empty when ``failed``.
    ``confidence`` is the probability (0–1) that ``answer`` as given is right, ``part_confidence`` one probability per
    level of the path (never increasing) or per label. ``inputs`` says, per input, "present", "absent" or
    "failed: reason".
    """

    id: str
    answer: tuple[str, ...]
    confidence: float
    part_confidence: tuple[float, ...]
    decision: Decision
    reason: str = ""
    alternatives: tuple[Alternative, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
