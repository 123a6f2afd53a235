"""Products whose texts are nearly the same: variants in colour or size, and listings that were copied and touched up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.column_names import BRAND_NAMES, normal_name
from shelfwise.catalog.groups import title_column
from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.minhash import candidate_pairs, jaccard
from shelfwise.catalog.variant_words import is_variant_column, without_variants, words_of_values

TITLE_LIKENESS = 0.85
"""Jaccard similarity of two titles' words from which on they may be variants, colours and sizes aside."""
TEXT_LIKENESS = 0.8
"""The same of all words of title and other texts."""
_LEAST_WORDS = 3
"""Words that a text must have left, in all, for its likeness to say anything."""
_MOST_WORDS = 400
_HAS_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class ProductWords:
    """What is compared of every product: CSR bool-like [N, words] of its title, of all its texts, and of the words with digits
    in its title (model numbers, which must be the same); ``brand`` int [N], -1 where there is none."""

    title: sp.csr_matrix
    texts: sp.csr_matrix
    numbers: sp.csr_matrix
    brand: np.ndarray


def near_duplicate_texts(catalog: Catalog, *, text_column: str | None = None, seed: int = 0) -> np.ndarray:
    """int64 [N]: products whose texts are nearly the same have one number; -1 for those that are like no other.

    Two products are alike when, colours, sizes and measures aside, their titles share ``TITLE_LIKENESS`` of their words
    and all their texts together ``TEXT_LIKENESS``, words with digits in the title are the same, and so is the brand. Chains of
    likeness make one group. Time is near-linear in the products: pairs to compare come from MinHash.
    """
    title = text_column or title_column(catalog)
    if title is None:
        return np.full(len(catalog), -1, np.int64)
    words = read_words(catalog, title)
    pairs = like_pairs(words, seed)
    return numbered(pairs, len(catalog))


def like_pairs(words: ProductWords, seed: int = 0) -> np.ndarray:
    """int64 [P, 2]: pairs of products that are alike; enough of them to connect every group, not all."""
    order = _rank(words.title)
    pairs = candidate_pairs(words.texts, order, seed)
    left, right = pairs.T
    pairs = pairs[words.brand[left] == words.brand[right]]
    pairs = pairs[jaccard(words.title, pairs) >= TITLE_LIKENESS]
    pairs = pairs[jaccard(words.texts, pairs) >= TEXT_LIKENESS]
    return pairs[_same_rows(words.numbers, pairs)]


def read_words(catalog: Catalog, title: str) -> ProductWords:
    """The words of every product's texts, without colours and sizes: those of the lists, and of the catalog's own columns."""
    own: set[str] = set()
    for name in catalog.fields:
        if is_variant_column(name):
            own |= words_of_values(pc.unique(as_text(catalog.column(name))).to_pylist())
    extra = frozenset(own)
    texts = [name for name, field in catalog.fields.items() if field.role is Role.TEXT and name != title]
    titles = _words(catalog, title, extra)
    others = [_words(catalog, name, extra) for name in texts]
    whole = [
        list(dict.fromkeys(word for part in parts for word in part))
        for parts in zip(titles, *others, strict=True)
    ]
    whole = [words[:_MOST_WORDS] if len(words) >= _LEAST_WORDS else [] for words in whole]
    numbers = [[word for word in words if _HAS_DIGIT.search(word)] for words in titles]
    return ProductWords(_sets(titles), _sets(whole), _sets(numbers), _brands(catalog))


def _words(catalog: Catalog, name: str, extra: frozenset[str]) -> list[list[str]]:
    """The words of each product's text; each different text is worked on once."""
    encoded = as_text(catalog.column(name)).dictionary_encode()
    different = [without_variants(text, extra) if text else [] for text in encoded.dictionary.to_pylist()]
    return [[] if code is None else different[code] for code in encoded.indices.to_pylist()]


def _sets(lists: Sequence[Iterable[str]]) -> sp.csr_matrix:
    """CSR [N, words], each word of a row once."""
    number: dict[str, int] = {}
    indptr, indices = [0], []
    for words in lists:
        indices += sorted({number.setdefault(word, len(number)) for word in words})
        indptr.append(len(indices))
    shape = (len(indptr) - 1, max(len(number), 1))
    return sp.csr_matrix(
        (np.ones(len(indices), np.bool_), np.array(indices, np.int32), np.array(indptr, np.int64)), shape
    )


def _brands(catalog: Catalog) -> np.ndarray:
    name = next(
        (
            name
            for name, field in catalog.fields.items()
            if field.role in (Role.CATEGORY, Role.TEXT) and normal_name(name) in BRAND_NAMES
        ),
        None,
    )
    if name is None:
        return np.full(len(catalog), -1, np.int64)
    number: dict[str, int] = {}
    texts = as_text(catalog.column(name)).to_pylist()
    keys = [" ".join(text.casefold().split()) if text else "" for text in texts]
    return np.array([number.setdefault(key, len(number)) if key else -1 for key in keys], np.int64)


def _rank(sets: sp.csr_matrix) -> np.ndarray:
    """int64 [N]: a rank that puts equal sets next to each other."""
    random = np.random.default_rng(1).integers(1, 2**62, sets.shape[1], dtype=np.int64)
    total = np.zeros(sets.shape[0], np.int64)
    filled = np.flatnonzero(np.diff(sets.indptr) > 0)
    if len(filled):
        total[filled] = np.bitwise_xor.reduceat(random[sets.indices], sets.indptr[filled])
    return np.argsort(np.argsort(total, kind="stable"), kind="stable")


def _same_rows(sets: sp.csr_matrix, pairs: np.ndarray) -> np.ndarray:
    """bool [P]: whether both sets of a pair are the same (two empty ones are)."""
    size = np.diff(sets.indptr)
    empty = (size[pairs[:, 0]] == 0) & (size[pairs[:, 1]] == 0)
    return empty | (jaccard(sets, pairs) == 1.0)


def numbered(pairs: np.ndarray, count: int) -> np.ndarray:
    """int64 [count]: products connected by pairs int64 [P, 2] share a number, the others have -1."""
    codes = np.full(count, -1, np.int64)
    if not len(pairs):
        return codes
    ones = np.ones(len(pairs), np.int8)
    _, group = connected_components(sp.coo_matrix((ones, pairs.T), shape=(count, count)), directed=False)
    shared = np.bincount(group)[group] > 1
    codes[shared] = np.unique(group[shared], return_inverse=True)[1]
    return codes
