"""What the categorizer hands out: one prediction a product, in the catalog's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from shelfwise.explain.explanation import Explanation

Decision = Literal["accept", "review", "failed"]


class Alternative(NamedTuple):
    """Another answer and how probable it is. ``answer`` is a path, or a tuple of one label.

    A named tuple, of which a product has several: a frozen dataclass takes five times as long to make.
    """

    answer: tuple[str, ...]
    probability: float


@dataclass(frozen=True)
class Prediction:
    """One product's prediction.

    ``answer`` is the path from the root down, or the label set (most probable first); empty when ``failed``.
    ``confidence`` is the probability (0–1) that ``answer`` as given is right, ``part_confidence`` one probability per
    level of the path (never increasing) or per label. ``inputs`` says, per input, "present", "absent" or
    "failed: reason". ``rule`` is the number of the rule that the product falls under, None for none. ``set`` are the categories
    that hold the true one as often as was asked for, most probable first; None where nothing was asked.
    ``novelty`` (0–1) is how unlike anything known the product is, from 0.5 on too much to be accepted; None where the model
    cannot tell. ``explanation`` says why, where that was asked.
    """

    id: str
    answer: tuple[str, ...]
    confidence: float
    part_confidence: tuple[float, ...]
    decision: Decision
    reason: str = ""
    alternatives: tuple[Alternative, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    rule: int | None = None
    set: tuple[Alternative, ...] | None = None
    novelty: float | None = None
    explanation: Explanation | None = None
