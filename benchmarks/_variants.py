"""Catalogs with near-duplicates of which it is known what they are variants of."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from shelfwise import Catalog
from shelfwise.catalog.groups import normalise
from shelfwise.catalog.variant_words import without_variants

COLOURS = (
    "Black",
    "Navy Blue",
    "Red",
    "Olive",
    "Off White",
    "Grey Melange",
    "Pink",
    "Turquoise",
    "Beige",
    "Maroon",
)
SIZES = (
    "S",
    "M",
    "L",
    "XL",
    "XXL",
    "Size 38",
    "Size 40",
    "UK 7",
    "UK 9",
    "100 ml",
    "250 ml",
    "Pack of 2",
    "32 GB",
)
MOST_VARIANTS = 4
_COLOUR = re.compile(
    r"\b(navy blue|off white|grey melange|black|blue|red|olive|white|grey|pink|turquoise|beige|maroon|green|brown|purple|"
    r"yellow|orange|silver|gold|cream|tan|khaki)\b",
    re.IGNORECASE,
)
WORDS = (
    "classic",
    "premium",
    "urban",
    "heritage",
    "sport",
    "soft",
    "active",
    "vintage",
    "studio",
    "alpine",
    "coastal",
    "metro",
)


def planted_variants(catalog: Catalog, products: int, seed: int) -> tuple[Catalog, np.ndarray]:
    """Originals and 1 to 4 variants of two thirds of them, and int [N]: which original each is.

    Originals are drawn so that no two of them share a brand and title, colours and sizes aside: what the real catalog has of
    variants would else count as mistakes. Half of the variants differ in the colour (in the title and wherever the description
    names one), half in the size (put at the title's end).
    """
    random = np.random.default_rng(seed)
    titles, descriptions = (catalog.column(name).to_pylist() for name in ("title", "description"))
    brands = catalog.column("brand").to_pylist()
    taken: set[tuple[str, frozenset[str]]] = set()
    originals = []
    for row in random.permutation(len(catalog)).tolist():
        key = (normalise(brands[row]) or "", frozenset(without_variants(titles[row] or "")))
        if titles[row] and key not in taken and len(originals) < products // 3:
            taken.add(key)
            originals.append(row)
    rows, truth, title, description = [], [], [], []
    for number, row in enumerate(originals):
        texts = [(titles[row], descriptions[row])]
        for _ in range(int(random.integers(1, MOST_VARIANTS + 1)) if random.random() < 2 / 3 else 0):
            texts.append(_variant(titles[row], descriptions[row], random))
        for one, other in texts:
            rows.append(row)
            truth.append(number)
            title.append(one)
            description.append(other)
    return _with_texts(catalog.take(np.array(rows)), title, description), np.array(truth, np.int64)


def many_products(catalog: Catalog, count: int, seed: int) -> Catalog:
    """So many products: the catalog's own, then again with other words in their titles and descriptions."""
    random = np.random.default_rng(seed)
    rows = np.resize(np.arange(len(catalog)), count)
    title, description = [], []
    titles, descriptions = (catalog.column(name).to_pylist() for name in ("title", "description"))
    for place, row in enumerate(rows.tolist()):
        words = " ".join(random.choice(WORDS, 3)) if place >= len(catalog) else ""
        title.append(f"{titles[row] or ''} {words}".strip())
        description.append(f"{descriptions[row] or ''} {words} {place % 997 if words else ''}".strip())
    return _with_texts(catalog.take(rows), title, description)


def _variant(title: str, description: str | None, random: np.random.Generator) -> tuple[str, str | None]:
    if random.random() < 0.5:
        return f"{title} {SIZES[random.integers(len(SIZES))]}", description
    colour = COLOURS[random.integers(len(COLOURS))]
    found = _COLOUR.search(title)
    changed = _COLOUR.sub(colour, title, count=1) if found else f"{title} {colour}"
    return changed, _COLOUR.sub(colour.lower(), description) if description else description


def _with_texts(catalog: Catalog, title: list[str], description: list[str | None]) -> Catalog:
    table = catalog.table
    for name, values in (("title", title), ("description", description)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    ids = [str(place) for place in range(len(title))]
    return Catalog(table, ids, catalog.fields, sources=catalog.sources)
