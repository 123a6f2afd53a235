"""Whether what arrives is still what the model was trained on: its categories, its inputs, and how sure the model is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from shelfwise.catalog.input_figures import InputFigures, distance
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
class InputMoved:
    """One input: the share of products that carry it in training (None: not known) and of those that arrived.

    ``moved`` is the total variation distance (0–1) of its values (numbers and texts' lengths in tenths of training,
    categories by name) or None where the values could not be compared. ``strange``: of a category, the share of
    present values that are none of training's commonest, then and now.
    """

    name: str
    trained: float | None
    arrived: float
    moved: float | None
    strange: tuple[float, float] | None


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
    """All files together, and each one. ``confidence``: how far it moved from that of held-out products, None where unknown;
    ``confidence_shares`` are tenths then and now."""

    moved: float
    categories: list[Moved]
    inputs: list[InputMoved]
    confidence: float | None
    confidence_shares: list[tuple[float, float]]
    files: list[FileFacts]


def measure_drift(connection: Connection, card: ModelCard) -> Drift:
    """What the desk's own model predicted, and what it was given, against its training catalog."""
    trained = _shares(_trained(card))
    rows = connection.execute(
        select(arrivals)
        .join(models, models.c.id == arrivals.c.model)
        .where(models.c.fingerprint == card.fingerprint, arrivals.c.facts != "{}")
        .order_by(arrivals.c.id.desc())
    ).all()
    together: Counter[str] = Counter()
    everything = []
    files = []
    for row in rows:
        facts = json.loads(row.facts)
        everything.append(facts)
        together.update(facts["categories"])
        files.append(_file(row.file, row.added_at, facts, trained))
    arrived = _shares(together)
    moved = [
        Moved(from_key(key), trained.get(key, 0.0), arrived.get(key, 0.0)) for key in {*trained, *arrived}
    ]
    moved.sort(key=lambda one: (-abs(one.arrived - one.trained), one.category))
    shares = _confidence(card, everything)
    return Drift(
        distance(trained, arrived),
        moved[:MOST_MOVED] if arrived else [],
        _inputs(card, everything),
        sum(abs(then - now) for then, now in shares) / 2 if shares else None,
        shares,
        files,
    )


def _confidence(card: ModelCard, files: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Shares of products in each tenth of confidence: of held-out ones, and of those that arrived."""
    counts = [sum(facts["confidence"][band] for facts in files) for band in range(len(card.confidence))]
    total = sum(counts)
    return [(then, now / total) for then, now in zip(card.confidence, counts, strict=True)] if total else []


def _inputs(card: ModelCard, files: Sequence[Mapping[str, Any]]) -> list[InputMoved]:
    states: dict[str, Counter[str]] = {}
    figures: dict[str, InputFigures] = {}
    for facts in files:
        for name, counted in facts["inputs"].items():
            states.setdefault(name, Counter()).update(counted)
        # Files that an earlier version queued have no figures.
        for name, stored in facts.get("figures", {}).items():
            found = InputFigures.model_validate(stored)
            if name in card.inputs and found.edges == card.inputs[name].edges:
                figures[name] = figures[name] + found if name in figures else found
    told = []
    for name, counted in states.items():
        then = card.inputs.get(name)
        now = figures.get(name)
        told.append(
            InputMoved(
                name,
                None if then is None or not then.products else then.present / then.products,
                counted["present"] / (counted.total() or 1),
                None if then is None or now is None else distance(then.shares(), now.shares()),
                None if then is None or now is None or not then.values else (_strange(then), _strange(now)),
            )
        )
    return told


def _strange(figures: InputFigures) -> float:
    return (figures.present - sum(figures.values.values())) / (figures.present or 1)


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
        moved=distance(trained, _shares(facts["categories"])),
    )


def _trained(card: ModelCard) -> dict[str, int]:
    return {to_key(category): count for category, count in card.training_counts.items()}


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {key: count / total for key, count in counts.items()} if total else {}
