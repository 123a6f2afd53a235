"""Products for a benchmark: whole groups of near-duplicates, so that none is on two sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from _common import Value

from shelfwise import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.groups import group_products
from shelfwise.catalog.image_source import image_hashes
from shelfwise.catalog.split import grouped_split

SUBSAMPLE_SEED = 1_000
"""Added to the seed for the quick form: which products are drawn and how they are split are two draws."""
TEST_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """Products to train on and to score, no group in both.

    ``train_rows`` and ``test_rows`` are their rows in the whole catalog; ``facts`` says how many, for the table.
    """

    train: Catalog
    test: Catalog
    train_rows: np.ndarray
    test_rows: np.ndarray
    facts: dict[str, Value]


def near_duplicates(catalog: Catalog) -> np.ndarray:
    """int64 [N]: the group of every product, by title, image bytes, and group column where there is one."""
    images = [name for name, field in catalog.fields.items() if field.role is Role.IMAGE]
    hashes = image_hashes(catalog.input(images[0], Role.IMAGE).values) if images else None
    return group_products(catalog, image_hashes=hashes)


def value_groups(values: Sequence[str | None]) -> np.ndarray:
    """int64 [N]: products of one value are one group; one without a value is a group of its own.

    >>> value_groups(["a", None, "a", None]).tolist()
    [0, 1, 0, 2]
    """
    number: dict[object, int] = {}
    keys = [(row,) if value is None else value for row, value in enumerate(values)]
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def subsample(groups: np.ndarray, ids: Sequence[str], products: int | None, seed: int) -> np.ndarray:
    """Ascending rows of about ``products`` products, whole groups only; all rows where that is no fewer."""
    count = len(groups)
    if products is None or products >= count:
        return np.arange(count)
    if products < 1:
        raise ValueError(f"expected at least 1 product, got {products}")
    shares = [products, count - products]
    return grouped_split(groups, shares, seed + SUBSAMPLE_SEED, keys=ids)[0]


def split(
    catalog: Catalog,
    groups: np.ndarray,
    products: int | None,
    seed: int,
    test_share: float = TEST_SHARE,
) -> Split:
    """Products to train on and a share of ``test_share`` to score, by group, of about ``products`` products."""
    rows = subsample(groups, catalog.ids, products, seed)
    ids = [catalog.ids[row] for row in rows]
    train, test = (
        rows[part] for part in grouped_split(groups[rows], [1 - test_share, test_share], seed, keys=ids)
    )
    facts: dict[str, Value] = {
        "all": len(rows),
        "groups": len(np.unique(groups[rows])),
        "trained on": len(train),
        "scored": len(test),
    }
    return Split(catalog.take(train), catalog.take(test), train, test, facts)


def share_met_before(groups: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Share (0–1) of the test rows whose group is also among the train rows: how far a split leaks."""
    return float(np.isin(groups[test], groups[train]).mean()) if len(test) else 0.0


def joined_text(catalog: Catalog, columns: Sequence[str]) -> list[str]:
    """One text a product for the peer: the columns' values with spaces between, without what is missing."""
    texts = [_texts(catalog.column(name)) for name in columns]
    return [" ".join(filter(None, row)) for row in zip(*texts, strict=True)]


def _texts(column: pa.Array) -> list[str]:
    if pa.types.is_list(column.type):
        return [" ".join(filter(None, value or ())) for value in column.to_pylist()]
    return ["" if value is None else str(value) for value in column.to_pylist()]
