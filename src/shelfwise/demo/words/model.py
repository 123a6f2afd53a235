"""The shape of the made-up store's vocabulary: departments, groups and types, each with its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProductType:
    """A leaf of the taxonomy.

    ``drawing`` names its silhouette; ``nouns`` are the words a seller may call it by; ``features`` are
    phrases that describe only it; ``price`` is the middle of its price range, in the shop's currency.
    """

    name: str
    drawing: str
    price: float
    nouns: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True)
class ProductGroup:
    """The level between department and type. Its words fit all its types and so tell none of them apart."""

    name: str
    materials: tuple[str, ...]
    adjectives: tuple[str, ...]
    uses: tuple[str, ...]
    types: tuple[ProductType, ...]


@dataclass(frozen=True)
class Department:
    """The first level. Its brands sell (nearly) nothing outside it."""

    name: str
    brands: tuple[str, ...]
    audiences: tuple[str, ...]
    occasions: tuple[str, ...]
    groups: tuple[ProductGroup, ...]
