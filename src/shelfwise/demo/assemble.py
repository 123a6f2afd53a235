"""Decides what the made-up store holds: which products, in which of its three parts, with which dirt."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from shelfwise.demo.dirt import Row, break_two_images, soil
from shelfwise.demo.products import Product, family
from shelfwise.demo.words import SHELVES, Shelf
from shelfwise.errors import CatalogError

MIN_PRODUCTS = 2 * len(SHELVES)
"""Fewer, and some type of product would have a single example or none."""
HELD_OUT_SHARE = 0.15
NEW_SHARE = 0.1
"""Held-out and new products, as a share of the catalog's; they come on top of it."""


@dataclass(frozen=True)
class Item:
    """A product as it is, and as its row shows it."""

    product: Product
    row: Row


@dataclass(frozen=True)
class Assembly:
    """The store's three parts. No product of one part has a variant in another."""

    catalog: list[Item]
    held_out: list[Item]
    new: list[Item]


def part_sizes(products: int) -> tuple[int, int, int]:
    """Number of catalog, held-out and new products of a store of ``products``.

    >>> part_sizes(2000)
    (2000, 300, 200)
    """
    return products, round(products * HELD_OUT_SHARE), round(products * NEW_SHARE)


def assemble(products: int, seed: int) -> Assembly:
    """A store of ``products`` labelled products with held-out and new ones on top.

    The same arguments give the same store. Wrong labels and broken image files are in the catalog only:
    scores on the other parts can be trusted.
    Raises CatalogError when ``products`` is below ``MIN_PRODUCTS``.
    """
    if products < MIN_PRODUCTS:
        raise CatalogError(
            f"A made-up store needs at least {MIN_PRODUCTS} products (two of each type), "
            f"but {products} were asked for: ask for {MIN_PRODUCTS} or more."
        )
    catalog_count, held_out_count, new_count = part_sizes(products)
    taken: set[str] = set()
    rng = Random(f"{seed}/catalog")
    sold = _products(catalog_count, rng, taken)
    rows = break_two_images([soil(product, rng, label_errors=True) for product in sold], rng)
    return Assembly(
        catalog=[Item(product, row) for product, row in zip(sold, rows, strict=True)],
        held_out=_clean_part(held_out_count, Random(f"{seed}/held_out"), taken),
        new=_clean_part(new_count, Random(f"{seed}/new"), taken),
    )


def _clean_part(count: int, rng: Random, taken: set[str]) -> list[Item]:
    return [Item(product, soil(product, rng)) for product in _products(count, rng, taken)]


def _products(count: int, rng: Random, taken: set[str]) -> list[Product]:
    """``count`` products, shuffled; whole families, so that no other part has variants of them."""
    made: list[Product] = []
    for shelf, quota in quotas(count):
        of_shelf: list[Product] = []
        while len(of_shelf) < quota:
            of_shelf.extend(family(shelf, rng, taken))
        made.extend(of_shelf[:quota])
    rng.shuffle(made)
    return made


def quotas(count: int) -> list[tuple[Shelf, int]]:
    """How many products of each type: popular types have up to five times as many as rare ones.

    Popularity is a property of the type, not of the seed, so all parts agree in it. Where ``count`` allows,
    each type has one at least; shares are rounded down and the rest goes to the largest remainders.
    """
    rng = Random("popularity")
    weights = [5 ** rng.random() for _ in SHELVES]
    base = 1 if count >= len(SHELVES) else 0
    shares = [(count - base * len(SHELVES)) * weight / sum(weights) for weight in weights]
    counts = [base + int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (int(shares[i]) - shares[i], i))
    for i in by_remainder[: count - sum(counts)]:
        counts[i] += 1
    return list(zip(SHELVES, counts, strict=True))
