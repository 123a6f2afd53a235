"""What tells variants of one product apart: words for colours and sizes, which near-duplicates may differ in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shelfwise.catalog.column_names import normal_name

_COLOURS = """
beige black blue bronze brown burgundy camel charcoal cobalt copper coral cream cyan ecru emerald fuchsia gold golden gray
green grey indigo ivory khaki lavender lilac lime magenta maroon mauve metallic mint multi multicolor multicolored
multicolour multicoloured mustard navy nude olive orange peach pink plum purple red rose rust salmon sand scarlet silver
taupe teal turquoise violet white yellow dark light bright pale deep neon pastel fluorescent melange colour color
schwarz weiß weiss rot blau grün gelb braun grau rosa lila türkis dunkelblau hellblau bunt farbe
noir blanc bleu rouge vert jaune gris marron violet marine couleur
negro blanco azul rojo verde amarillo marrón morado naranja nero bianco blu rosso giallo grigio marrone
"""
_SIZES = """
xxxs xxs xs s m l xl xxl xxxl xxxxl 2xl 3xl 4xl 5xl 6xl small medium large petite onesize
size sizes grösse größe taille talla taglia
"""
_UNITS = """
mm cm m km in inch inches ft feet yd oz fl lb lbs g kg mg ml cl l ltr litre litres liter liters gal pack packs pk pcs pc piece
pieces pair pairs count ct set gb tb mb w watt kw v uk us eu fr waist x stück pièces
"""

COLOUR_WORDS = frozenset(_COLOURS.split())
SIZE_WORDS = frozenset(_SIZES.split())
_UNIT = "|".join(sorted(map(re.escape, _UNITS.split()), key=len, reverse=True))
_MEASURE = re.compile(
    rf"\b(?:uk|us|eu|fr|size|größe|grösse|taille|talla|taglia|waist|pack of|set of|x)\s*[-:.]?\s*\d+(?:[.,]\d+)?\b"
    rf"|\b\d+(?:[.,]\d+)?(?:\s*[x×]\s*\d+(?:[.,]\d+)?)*\s*-?\s*(?:{_UNIT})\b"
)
"""A number with a unit or a size's name before it; a bare number is a model more often than a size, and stays."""
_WORD = re.compile(r"\w+")
_VARIANT_COLUMNS = ("colour", "color", "size", "shade", "farbe", "taille", "talla", "grösse", "couleur")
_LONGEST_VALUE = 3
"""Words of a column's value that is taken as the name of a colour or a size."""


def is_variant_column(name: str) -> bool:
    """Whether a column's name says that it holds colours or sizes.

    >>> is_variant_column("base_colour"), is_variant_column("title")
    (True, False)
    """
    parts = normal_name(name).replace("-", "_").split("_")
    return any(part.rstrip("s") in _VARIANT_COLUMNS for part in parts)


def words_of_values(values: Iterable[str | None]) -> frozenset[str]:
    """The words of a colour or size column's values; values of more than three words describe something else."""
    found: set[str] = set()
    for value in values:
        words = _WORD.findall(value.casefold()) if value else []
        if len(words) <= _LONGEST_VALUE:
            found.update(words)
    return frozenset(found)


def without_variants(text: str, extra: frozenset[str] = frozenset()) -> list[str]:
    """The words of a text in order, without colours, sizes, measures and ``extra`` words.

    >>> without_variants("Turtle Men's Navy Blue Shirt, size XL")
    ['turtle', 'men', 'shirt']
    >>> without_variants("Olive oil 500 ml"), without_variants("iPhone 12 Black 64GB")
    (['oil'], ['iphone', '12'])
    """
    plain = _MEASURE.sub(" ", text.casefold())
    return [
        word
        for word in _WORD.findall(plain)
        if word not in COLOUR_WORDS and word not in SIZE_WORDS and word not in extra
    ]
