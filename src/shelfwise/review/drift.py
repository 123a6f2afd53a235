"""Whether what arrives is still what the model was trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from shelfwise.review.keys import Answer, from_key, to_key
from shelfwise.review.model_card import ModelCard
from shelfwise.review.schema import arrivals, models

MOST_MOVED = 12


@dataclass(frozen=True)
class Moved:
    """A category's share (0–1) of the training catalog and of the products that arrived."""

    category: Answer
    trained: float
    arrived: float


@dataclass(frozen=True)
class FileFacts:
    """One prediction file: products, the share accepted, confidence in tenths (shares), and inputs' states."""

    file: str
    added_at: float
    products: int
    accepted: float
    confidence: list[float]
    present: dict[str, float]
    """Input → the share of products that carry it."""
    moved: float
    """Total variation distance (0–1) of its categories to the training catalog's."""


@dataclass(frozen=True)
class Drift:
    """All files together, and each one."""

    moved: float
    categories: list[Moved]
    files: list[FileFacts]


def measure_drift(connection: Connection, card: ModelCard) -> Drift:
    """The categories predicted by the desk's own model against those of its training catalog."""
    trained = _shares(_trained(card))
    rows = connection.execute(
        select(arrivals)
        .join(models, models.c.id == arrivals.c.model)
        .where(models.c.fingerprint == card.fingerprint, arrivals.c.facts != "{}")
        .order_by(arrivals.c.id.desc())
    ).all()
    together: Counter[str] = Counter()
    files = []
    for row in rows:
        facts = json.loads(row.facts)
        together.update(facts["categories"])
        files.append(_file(row.file, row.added_at, facts, trained))
    arrived = _shares(together)
    moved = [
        Moved(from_key(key), trained.get(key, 0.0), arrived.get(key, 0.0)) for key in {*trained, *arrived}
    ]
    moved.sort(key=lambda one: (-abs(one.arrived - one.trained), one.category))
    return Drift(_distance(trained, arrived), moved[:MOST_MOVED] if arrived else [], files)


def _file(name: str, added_at: float, facts: Mapping[str, Any], trained: Mapping[str, float]) -> FileFacts:
    total = sum(facts["routes"].values())
    return FileFacts(
        file=name,
        added_at=added_at,
        products=total,
        accepted=facts["routes"].get("accept", 0) / (total or 1),
        confidence=[number / (total or 1) for number in facts["confidence"]],
        present={
            name: states.get("present", 0) / (sum(states.values()) or 1)
            for name, states in facts["inputs"].items()
        },
        moved=_distance(trained, _shares(facts["categories"])),
    )


def _trained(card: ModelCard) -> dict[str, int]:
    return {to_key(category): count for category, count in card.training_counts.items()}


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {key: count / total for key, count in counts.items()} if total else {}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(key, 0.0) - other.get(key, 0.0)) for key in {*one, *other}) / 2
