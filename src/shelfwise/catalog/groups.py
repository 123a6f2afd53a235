"""Products that must stay together in a split: variants and near-duplicates, by what they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.column_names import TITLE_NAMES, normal_name
from shelfwise.catalog.inputs import as_text

PLACEHOLDER_SHARE = 0.01
PLACEHOLDER_PRODUCTS = 50
"""A title or an image that more products than both of these share is a placeholder, not a product's own."""
_WORD = re.compile(r"\w+")
_TITLES_AT_ONCE = 1 << 16


def group_products(
    catalog: Catalog,
    *,
    text_column: str | None = None,
    image_hashes: Sequence[str | None] | None = None,
    group_column: str | None = None,
) -> np.ndarray:
    """The group of every product: int64 [N], numbered in the order of the groups' first products.

    Two products are in one group when a chain of shared evidence connects them. Evidence is

    - the same title, letter case, punctuation and spaces aside. A title of a single word ("Leggings") and one
      that more than 1 % and more than 50 of the products share ("Gift card") unite only products whose other
      texts are the same too, and not empty;
    - the same image bytes, unless more than 1 % and more than 50 of the products share them (a placeholder);
    - the same value in the group column, whatever it is.

    Parameters
    ----------
    text_column
        The title; by default the TEXT column most likely to be one.
    image_hashes
        One a product, None where there is no image; see ``image_source.image_hashes``.
    group_column
        By default the column whose role is GROUP, if there is one.

    Raises
    ------
    CatalogError
        When a named column is not there.
    """
    count = len(catalog)
    evidence = []
    title = text_column or title_column(catalog)
    if title is not None:
        evidence += _title_evidence(catalog, title)
    if image_hashes is not None:
        if len(image_hashes) != count:
            raise ValueError(f"expected one image hash a product ({count:,}), got {len(image_hashes):,}")
        codes = _codes(image_hashes)
        evidence.append(np.where(_is_placeholder(codes), -1, codes))
    group = group_column or own_group_column(catalog)
    if group is not None:
        evidence.append(_codes(stripped(catalog, group)))
    return connect(evidence, count)


def title_column(catalog: Catalog) -> str | None:
    """The TEXT column that says in a few words what the product is: by its name, else the first one."""
    texts = [name for name, field in catalog.fields.items() if field.role is Role.TEXT]
    return min(texts, key=lambda name: _rank(normal_name(name)), default=None)


def own_group_column(catalog: Catalog) -> str | None:
    """The column that says by itself which products belong together."""
    return next((name for name, field in catalog.fields.items() if field.role is Role.GROUP), None)


def _rank(name: str) -> int:
    return TITLE_NAMES.index(name) if name in TITLE_NAMES else len(TITLE_NAMES)


def normalise(text: str | None) -> str | None:
    """Words in lower case with single spaces between; None where there is no word."""
    return " ".join(_WORD.findall(text.casefold())) or None if text else None


def connect(evidence: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Groups (int64 [count]) of products connected by equal codes (int [count], -1: none).

    Each of ``evidence`` has codes of its own. Products and codes are the two sides of a graph, its connected
    components are the groups, and time is near-linear.
    """
    products, keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    next_key = count
    for codes in evidence:
        known = np.flatnonzero(codes >= 0)
        if len(known):
            products.append(known)
            keys.append(codes[known] + next_key)
            next_key += int(codes.max()) + 1
    edges = (np.concatenate(products), np.concatenate(keys))
    ones = np.ones(len(edges[0]), np.int8)
    _, component = connected_components(coo_matrix((ones, edges), shape=(next_key, next_key)), directed=False)
    _, first, group = np.unique(component[:count], return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[group]


def _title_evidence(catalog: Catalog, title: str) -> list[np.ndarray]:
    codes, single = _title_codes(_texts(catalog, title))
    weak = single | _is_placeholder(codes)
    evidence = [np.where(weak, -1, codes)]
    others = [name for name, field in catalog.fields.items() if field.role is Role.TEXT and name != title]
    if weak.any() and others:
        rows = np.flatnonzero(weak & (codes >= 0))
        part = catalog.take(rows)
        texts = list(zip(*(_normalised(part, name) for name in others), strict=True))
        keys = [
            (int(codes[row]), *rest) if any(rest) else None for row, rest in zip(rows, texts, strict=True)
        ]
        together = np.full(len(catalog), -1, np.int64)
        together[rows] = _codes(keys)
        evidence.append(together)
    return evidence


def _title_codes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Equal normalised titles as equal numbers (int64 [N], -1: none), and bool [N]: whether a title is a single word.

    By 64-bit digests, a part at a time: ten million titles as Python's strings would take more memory than all else.
    """
    keys, single = np.zeros(len(texts), np.uint64), np.zeros(len(texts), bool)
    known = np.zeros(len(texts), bool)
    for start in range(0, len(texts), _TITLES_AT_ONCE):
        coded = texts.slice(start, _TITLES_AT_ONCE).dictionary_encode()
        words = [normalise(text) for text in coded.dictionary.to_pylist()]
        digests = (blake2b((text or "").encode(errors="replace"), digest_size=8).digest() for text in words)
        table = np.frombuffer(b"".join(digests), "<u8")
        here = np.asarray(coded.indices.fill_null(0))
        found = np.array([text is not None for text in words], bool)
        alone = np.array([text is not None and " " not in text for text in words], bool)
        if len(words):
            block, given = slice(start, start + len(here)), np.asarray(coded.indices.is_valid())
            keys[block], known[block], single[block] = table[here], found[here] & given, alone[here] & given
    codes = np.full(len(texts), -1, np.int64)
    codes[known] = np.unique(keys[known], return_inverse=True)[1]
    return codes, single


def _normalised(catalog: Catalog, name: str) -> list[str | None]:
    """The normalised text of each product; each different text is worked on once."""
    encoded = _texts(catalog, name).dictionary_encode()
    words = [normalise(text) for text in encoded.dictionary.to_pylist()]
    return [None if code is None else words[code] for code in encoded.indices.to_pylist()]


def stripped(catalog: Catalog, name: str) -> list[str | None]:
    """The column's texts without spaces around them; None where nothing is left."""
    return [text.strip() or None if text else None for text in _texts(catalog, name).to_pylist()]


def _texts(catalog: Catalog, name: str) -> pa.Array:
    return as_text(catalog.column(name))


def _codes(keys: Sequence[object | None]) -> np.ndarray:
    """Equal keys as equal numbers from 0; -1 for None."""
    numbers: dict[object, int] = {}
    return np.array([-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _is_placeholder(codes: np.ndarray) -> np.ndarray:
    """bool [N]: whether too many products share this code for it to be their own."""
    if not (codes >= 0).any():
        return np.zeros(len(codes), bool)
    shared = np.bincount(codes[codes >= 0])[codes]
    return (codes >= 0) & (shared > max(PLACEHOLDER_PRODUCTS, PLACEHOLDER_SHARE * len(codes)))
