"""Families of products: unique names, and variants that are near-duplicates of their first product."""

from __future__ import annotations

from random import Random

from shelfwise.demo.products import Product, family
from shelfwise.demo.words import SHELVES
from shelfwise.demo.words.common import COLOURS


def _families(count: int) -> list[list[Product]]:
    rng, taken = Random(0), set[str]()
    return [list(family(SHELVES[i % len(SHELVES)], rng, taken)) for i in range(count)]


def test_no_two_families_share_a_title() -> None:
    titles = [{product.title for product in each} for each in _families(3000)]
    assert len(set().union(*titles)) == sum(len(each) for each in titles)


def test_variants_share_the_words_and_size_variants_the_picture_too() -> None:
    families = [each for each in _families(1500) if len(each) > 1]
    same_picture = 0
    for first, *variants in families:
        for variant in variants:
            assert (variant.description, variant.brand, variant.path) == (
                first.description,
                first.brand,
                first.path,
            )
            if variant.picture_seed == first.picture_seed:
                same_picture += 1
                assert variant.colour == first.colour
            else:
                assert variant.colour != first.colour
                assert variant.tags[1:] == first.tags[1:]
    assert same_picture > 10


def test_products_are_well_formed() -> None:
    for product in (product for each in _families(800) for product in each):
        assert product.price >= 1
        assert len(product.title.split()) >= 2
        assert product.tags[0] == product.colour
        assert product.colour in COLOURS
        assert product.description.endswith(".")
        assert "  " not in product.title
