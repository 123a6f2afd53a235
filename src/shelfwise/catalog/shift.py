"""What differs between two catalogs, input by input: what a model learned from one may not hold for the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from scipy.stats import chi2

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.catalog.column_names import BRAND_NAMES, normal_name
from shelfwise.catalog.domain_classifier import domain_auc, domain_features
from shelfwise.catalog.groups import normalise, title_column
from shelfwise.catalog.input_figures import counted_like, training_figures
from shelfwise.catalog.inputs import as_text
from shelfwise.progress import Reporter, Silent

TESTED_PRODUCTS = 4_000
"""Of each catalog, drawn by chance, for the classifier that tells them apart."""
BRAND_PRODUCTS = 10
"""Of a brand, in each catalog, for its missing inputs to be compared."""
BRANDS_SHOWN = 5
BRAND_GAP = 0.5
"""Difference of the shares of a brand's products that carry an input, from which on the brand is named."""
_HALF = 0.5
"""Products that every bin is given, so that an empty one has a logarithm (Krichevsky & Trofimov 1981)."""
CHANCE = 0.999
"""How sure it must be that an index is no accident of few products."""


@dataclass(frozen=True)
class BrandGap:
    """A brand whose products carry an input in one catalog and lack it in the other; shares (0–1) that are present."""

    brand: str
    first: float
    second: float
    products: int


@dataclass(frozen=True)
class InputShift:
    """How one input differs between two catalogs.

    ``first`` and ``second``: share of the products (0–1) that carry it, None where the catalog has no such column.
    ``stability``: population stability index of its values (numbers and lengths of texts in tenths, the commonest
    values), missing ones among them; usual reading: under .1 stable, over .25 another population. ``by_chance``: what it
    would stay under, nearly always, between two draws of these sizes from one population. ``divergence``:
    Jensen–Shannon divergence of the same, 0–1. ``auc``: how well the catalogs are told apart by this input alone (.5 …
    1), None where one of them lacks it. ``new``: of a category, the share of the second's values (by product) that the
    first does not have.
    """

    name: str
    role: str
    first: float | None
    second: float | None
    stability: float | None
    by_chance: float | None
    divergence: float | None
    auc: float | None
    new: float | None
    brands: tuple[BrandGap, ...] = ()
    """Those with the most products, ``BRANDS_SHOWN`` at most of ``brands_count``."""
    brands_count: int = 0


@dataclass(frozen=True)
class Shift:
    """How two catalogs differ: each input, all inputs together (``auc``), and the share of the second's products that
    are in the first by their title."""

    inputs: tuple[InputShift, ...]
    auc: float | None
    shared: float
    products: int


def compare_catalogs(
    first: Catalog, second: Catalog, inputs: Sequence[str], reporter: Reporter | None = None, seed: int = 0
) -> Shift:
    """Compare ``inputs``, columns of either catalog, with the roles that they have in ``first``, where it has them.

    Both catalogs must have products. Pictures are read of the products drawn only.
    """
    reporter = reporter or Silent()
    few = [_draw(catalog, seed) for catalog in (first, second)]
    title = title_column(first)
    keys = [key for catalog in few for key in _keys(catalog, title)]
    of_second = np.repeat([False, True], [len(catalog) for catalog in few])
    found, blocks = [], []
    with reporter.stage("comparing catalogs", len(inputs), "inputs") as stage:
        for name in inputs:
            role = _role(name, first, second)
            shift, features = _compare(name, role, first, second, few)
            if features is not None:
                auc = domain_auc(features, of_second, keys, seed)
                shift = replace(shift, auc=auc)
                blocks.append(features)
            found.append(shift)
            stage.advance(1)
        together = domain_auc(sp.hstack(blocks, format="csr"), of_second, keys, seed) if blocks else None
    return Shift(tuple(found), together, _shared(first, second, title), len(second))


def stability_index(
    first: Mapping[str, float], second: Mapping[str, float], counts: tuple[int, int]
) -> float:
    """Population stability index of two lists of shares: Σ (b - a) · ln(b / a), that is the symmetric
    Kullback–Leibler divergence (Jeffreys). ``counts``: the products of either; every bin is given half a product more.

    >>> round(stability_index({"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}, (10**9, 10**9)), 4)
    0.2747
    """
    keys = sorted({*first, *second})
    a, b = (
        (np.array([shares.get(key, 0.0) for key in keys]) * count + _HALF) / (count + _HALF * len(keys))
        for shares, count in zip((first, second), counts, strict=True)
    )
    return float(((b - a) * np.log(b / a)).sum())


def stability_by_chance(bins: int, counts: tuple[int, int]) -> float:
    """The index that two draws from one population stay under with probability ``CHANCE``: times n·m / (n + m) it
    is distributed as χ² with ``bins`` - 1 degrees of freedom (Yurdakul 2018, *Statistical properties of population
    stability index*)."""
    return float(chi2.ppf(CHANCE, max(bins - 1, 1)) * (1 / max(counts[0], 1) + 1 / max(counts[1], 1)))


def shannon_divergence(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Jensen–Shannon divergence (Lin 1991) of two lists of shares, in bits: 0 equal … 1 nothing in common."""
    total = 0.0
    for key in sorted({*first, *second}):  # sums round differently in another order
        a, b = first.get(key, 0.0), second.get(key, 0.0)
        middle = (a + b) / 2
        total += sum(x * float(np.log2(x / middle)) / 2 for x in (a, b) if x > 0 and middle > 0)
    return min(max(total, 0.0), 1.0)


def _role(name: str, first: Catalog, second: Catalog) -> Role:
    fields = first.fields if name in first.fields else second.fields
    return first.input(name).role if fields is first.fields else second.input(name).role


def _compare(
    name: str, role: Role, first: Catalog, second: Catalog, few: Sequence[Catalog]
) -> tuple[InputShift, sp.csr_matrix | None]:
    """The shift without its AUC, and what a classifier sees of the products drawn."""
    here = [name in catalog.table.column_names for catalog in (first, second)]
    if not all(here):
        part = _present(first.input(name, role)) if here[0] else None
        other = _present(second.input(name, role)) if here[1] else None
        return InputShift(name, str(role), part, other, None, None, None, None, None), None
    one, two = first.input(name, role), second.input(name, role)
    figures = training_figures(one, one.state)
    mine, theirs = figures.shares(), counted_like(figures, two, two.state).shares()
    features = domain_features([catalog.input(name, role) for catalog in few])
    counts = (len(one), len(two))
    gaps = _brand_gaps(first, second, one, two)
    shift = InputShift(
        name,
        str(role),
        _present(one),
        _present(two),
        stability_index(mine, theirs, counts),
        stability_by_chance(sum(share > 0 or theirs[key] > 0 for key, share in mine.items()), counts),
        shannon_divergence(mine, theirs),
        None,
        _new_values(one, two) if role is Role.CATEGORY else None,
        tuple(gaps[:BRANDS_SHOWN]),
        len(gaps),
    )
    return shift, features


def _present(column: InputColumn) -> float:
    return float((column.state == State.PRESENT).mean()) if len(column) else 0.0


def _new_values(one: InputColumn, two: InputColumn) -> float:
    assert isinstance(one.values, pa.Array | pa.ChunkedArray)
    assert isinstance(two.values, pa.Array | pa.ChunkedArray)
    known = set(one.values.to_pylist())
    given = [value for value in two.values.to_pylist() if value is not None]
    return sum(value not in known for value in given) / len(given) if given else 0.0


def _brand_gaps(first: Catalog, second: Catalog, one: InputColumn, two: InputColumn) -> list[BrandGap]:
    """The brands whose share of present inputs differs, large ones first; of columns other than the brand itself."""
    brand = next((name for name in first.fields if normal_name(name) in BRAND_NAMES), None)
    if brand is None or brand == one.name or brand not in second.table.column_names:
        return []
    shares = [_by_brand(catalog, brand, column) for catalog, column in ((first, one), (second, two))]
    gaps = [
        BrandGap(name, shares[0][name][0], there, count)
        for name, (there, count) in shares[1].items()
        if name in shares[0] and abs(shares[0][name][0] - there) >= BRAND_GAP
    ]
    return sorted(gaps, key=lambda gap: (-gap.products, gap.brand))


def _by_brand(catalog: Catalog, brand: str, column: InputColumn) -> dict[str, tuple[float, int]]:
    """Brand → (share of its products that carry the input, its products), of brands with enough."""
    names = catalog.input(brand, Role.CATEGORY).values
    assert isinstance(names, pa.Array | pa.ChunkedArray)
    encoded = names.dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1))
    known = codes >= 0
    count = np.bincount(codes[known], minlength=len(encoded.dictionary))
    there = np.bincount(codes[known], weights=(column.state == State.PRESENT)[known], minlength=len(count))
    return {
        name: (float(there[place] / count[place]), int(count[place]))
        for place, name in enumerate(encoded.dictionary.to_pylist())
        if count[place] >= BRAND_PRODUCTS
    }


def _draw(catalog: Catalog, seed: int) -> Catalog:
    rows = np.random.default_rng(seed).permutation(len(catalog))[:TESTED_PRODUCTS]
    return catalog.take(np.sort(rows))


def _keys(catalog: Catalog, title: str | None) -> list[str]:
    if title is None or title not in catalog.table.column_names:
        return [f"id {given}" for given in catalog.ids]
    texts = as_text(catalog.column(title)).to_pylist()
    return [normalise(text) or f"id {given}" for text, given in zip(texts, catalog.ids, strict=True)]


def _shared(first: Catalog, second: Catalog, title: str | None) -> float:
    """Share of the second's products (0–1) whose normalised title the first has too."""
    if title is None or title not in second.table.column_names or not len(second):
        return 0.0
    known = {normalise(text) for text in as_text(first.column(title)).to_pylist()} - {None}
    return sum(normalise(text) in known for text in as_text(second.column(title)).to_pylist()) / len(second)
