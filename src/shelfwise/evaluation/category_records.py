"""The records of single categories: how each fares, which are taken for which, and how many products they have."""

from __future__ import annotations

from typing import Literal

from shelfwise.evaluation.records import MaybeNumber, Record

Category = tuple[str, ...]
"""A path from the root down, or a tuple of one label."""


class CategoryScore(Record):
    """One category: how many products, how many missed, and how far its predictions can be trusted."""

    category: Category
    products: int
    missed: int
    predicted: int
    recall: float
    precision: MaybeNumber
    """None where it was never predicted."""
    f1: float
    training_products: int | None
    """None where unknown; 0 where training never saw it."""


class Example(Record):
    """One product behind a confusion; ``row`` counts from 0 in the catalog evaluated."""

    row: int
    truth: Category
    predicted: Category
    confidence: float


class Confusion(Record):
    """A true category and what was predicted in its place."""

    truth: Category
    predicted: Category
    products: int
    share: float
    """Of the true category's products."""
    examples: list[Example]


class Histogram(Record):
    """How many categories have lower[i] to upper[i] products, per bin i (paper A's figure 2)."""

    counted_in: Literal["training", "evaluation"]
    lower: list[int]
    upper: list[int]
    categories: list[int]
    total_categories: int
    smallest: int
    median: float
    largest: int
