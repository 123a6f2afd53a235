"""Composes the store's products, before any dirt: what is sold, under which words, in which variants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from shelfwise.demo.words import Department, ProductGroup, ProductType, Shelf, path_of
from shelfwise.demo.words.common import (
    COLOURS,
    COMMON_ADJECTIVES,
    COMMON_BRANDS,
    FILLER,
    FIRST_SYLLABLES,
    LAST_SYLLABLES,
)

COMMON_BRAND_SHARE = 0.14
"""Share of products of a brand that sells in every department."""
NOUN_IN_TITLE_SHARE = 0.42
NOUN_IN_DESCRIPTION_SHARE = 0.18
FEATURE_SHARE = 0.7
"""Share of descriptions with a phrase that fits the type alone."""
OTHER_TYPE_SHARE = 0.25
"""Share of descriptions that name a neighbouring type as well ("see our kettle"): misleading."""
COLOUR_IN_TITLE_SHARE = 0.25
FAMILY_SHARE = 0.07
"""Share of products that come in further variants; two on average, so 12 % of all rows are variants."""


@dataclass(frozen=True)
class Product:
    """One row of the store as it should be.

    ``path`` is the category path from the root down, ``picture_seed`` decides the picture together with the
    drawing and the colour: variants in another size share it, and so share their picture byte for byte.
    """

    title: str
    description: str
    brand: str
    price: float
    path: tuple[str, str, str]
    tags: tuple[str, ...]
    drawing: str
    colour: str
    picture_seed: str


def family(shelf: Shelf, rng: Random, taken: set[str]) -> Iterator[Product]:
    """A new product of ``shelf`` and, now and then, its variants in other colours and sizes.

    ``taken`` holds the model names in use and is added to, so that no two families share a title.
    """
    department, group, kind = shelf
    brand, model = _name(department, rng, taken)
    colour = rng.choice(sorted(COLOURS))
    material = rng.choice(group.materials)
    audience, occasion = rng.choice(department.audiences), rng.choice(department.occasions)
    stem = _title(brand, model, group, kind, rng)
    colour_in_title = rng.random() < COLOUR_IN_TITLE_SHARE
    first = Product(
        title=_with_colour(stem, colour, rng) if colour_in_title else stem,
        description=_description(shelf, material, audience, occasion, colour, rng),
        brand=brand,
        price=_price(kind.price, rng),
        path=path_of(shelf),
        tags=(colour, audience, material, occasion),
        drawing=kind.drawing,
        colour=colour,
        picture_seed=f"{rng.getrandbits(64):016x}",
    )
    yield first
    if rng.random() < FAMILY_SHARE:
        for _ in range(rng.randint(1, 3)):
            yield _variant(first, stem, colour_in_title, rng)


def _variant(first: Product, stem: str, colour_in_title: bool, rng: Random) -> Product:
    """The same thing in another size (same picture) or colour (own picture, same title or stem)."""
    if rng.random() < 0.4:
        return replace(first, price=round(first.price * rng.choice((1.0, 1.0, 1.1, 0.9)), 2))
    colour = rng.choice(sorted(set(COLOURS) - {first.colour}))
    return replace(
        first,
        title=_with_colour(stem, colour, rng) if colour_in_title else first.title,
        tags=(colour, *first.tags[1:]),
        colour=colour,
        picture_seed=f"{rng.getrandbits(64):016x}",
    )


def _name(department: Department, rng: Random, taken: set[str]) -> tuple[str, str]:
    common = rng.random() < COMMON_BRAND_SHARE
    brand = rng.choice(COMMON_BRANDS if common else department.brands)
    model = rng.choice(FIRST_SYLLABLES)
    if rng.random() < 0.6:
        model += rng.choice(LAST_SYLLABLES)
    model += rng.choice(LAST_SYLLABLES)
    while model in taken:
        model += rng.choice(LAST_SYLLABLES)
    taken.add(model)
    return brand, model


def _title(brand: str, model: str, group: ProductGroup, kind: ProductType, rng: Random) -> str:
    words = [brand, model] if rng.random() < 0.7 else [model]
    if rng.random() < 0.6:
        words.append(rng.choice(group.adjectives if rng.random() < 0.7 else COMMON_ADJECTIVES))
    if rng.random() < NOUN_IN_TITLE_SHARE:
        words.append(rng.choice(kind.nouns))
    elif rng.random() < 0.3:
        words.append(f"in {rng.choice(group.materials)}")
    if len(words) == 1:
        words.insert(0, brand)
    return " ".join(words)


def _with_colour(stem: str, colour: str, rng: Random) -> str:
    word = rng.choice(COLOURS[colour][1])
    return rng.choice((f"{stem}, {word}", f"{stem} ({word})", f"{stem} - {word}"))


def _price(middle: float, rng: Random) -> float:
    """A price around ``middle``, mostly within a factor of two, ending in .00, .50, .90, .95 or .99."""
    whole = max(2, round(middle * rng.lognormvariate(0, 0.35)))
    return whole - 1 + rng.choice((0.0, 0.5, 0.9, 0.95, 0.99))


def _description(shelf: Shelf, material: str, audience: str, occasion: str, colour: str, rng: Random) -> str:
    department, group, kind = shelf
    noun = rng.choice(kind.nouns) if rng.random() < NOUN_IN_DESCRIPTION_SHARE else "piece"
    sentences = [
        rng.choice((f"A {noun} of {material}.", f"Made of {material}.", f"Real {material}, carefully made."))
    ]
    if rng.random() < FEATURE_SHARE:
        feature = rng.choice(kind.features)
        sentences.append(
            rng.choice(
                (f"With {feature}.", f"{feature[0].upper()}{feature[1:]}.", f"What we like: {feature}.")
            )
        )
    if rng.random() < 0.6:
        sentences.append(rng.choice(group.uses))
    if rng.random() < OTHER_TYPE_SHARE:
        sentences.append(_cross_reference(department, group, kind, rng))
    if rng.random() < 0.5:
        sentences.append(rng.choice((f"For: {audience}.", f"Suits {audience}.", f"Ideal for {audience}.")))
    if rng.random() < 0.45:
        sentences.append(
            rng.choice((f"Occasion: {occasion}.", f"Perfect for: {occasion}.", f"Think {occasion}."))
        )
    if rng.random() < 0.3:
        sentences.append(f"Colour: {rng.choice(COLOURS[colour][1])}.")
    if rng.random() < 0.5:
        sentences.append(rng.choice(FILLER))
    head, *tail = sentences
    rng.shuffle(tail)
    return " ".join([head, *tail])


def _cross_reference(department: Department, group: ProductGroup, kind: ProductType, rng: Random) -> str:
    """A sentence about another type, mostly of the same group: words that belong to a wrong category."""
    same_group = [other for other in group.types if other is not kind]
    anywhere = [other for g in department.groups for other in g.types if other is not kind]
    other = rng.choice(same_group if same_group and rng.random() < 0.6 else anywhere)
    noun = rng.choice(other.nouns)
    return rng.choice(
        (
            f"Goes well with the {noun} of this series.",
            f"Bought together with a {noun} by many.",
            f"Also see our {noun}.",
        )
    )
