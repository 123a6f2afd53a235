"""A validation catalog of its own: which of its products can be held out, and what is said of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.groups import (
    PLACEHOLDER_PRODUCTS,
    PLACEHOLDER_SHARE,
    normalise,
    own_group_column,
    stripped,
    title_column,
)
from shelfwise.catalog.image_source import image_hashes
from shelfwise.catalog.inputs import as_text
from shelfwise.errors import CatalogError
from shelfwise.progress import Reporter
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, Target
from shelfwise.taxonomy.truth import Truth

_LEAST_KNOWN = 2


def held_out_rows(
    catalog: Catalog, validation: Catalog, truth: Truth, target: Target, reporter: Reporter
) -> np.ndarray:
    """int64: the rows of ``validation`` to hold out: readable, with an answer, and no variants of what is learned from.

    Products whose answer the training catalog does not know stay among them: they teach nothing, but what is promised is about
    products like all of these, and the answer to them will be wrong. Raises CatalogError where too few have an answer that is
    known.
    """
    answered = [bool(value) and row not in validation.row_errors for row, value in enumerate(truth.values)]
    met = met_before(catalog, validation)
    rows = np.flatnonzero(np.array(answered, bool) & ~met)
    known = _known(target, [truth.values[row] for row in rows])
    if known.sum() < _LEAST_KNOWN:
        raise CatalogError(
            "expected a validation catalog with products of known categories that are not in the training catalog too, but it "
            "has none"
        )
    if (variants := int((np.array(answered, bool) & met).sum())) > 0:
        reporter.say(
            f"{variants:,} products of the validation catalog are not held out: they share a title, an image or a group with "
            "products that are learned from"
        )
    if not known.all():
        reporter.say(
            f"{int((~known).sum()):,} of {len(rows):,} products of the validation catalog have categories that the training "
            "catalog does not have: they count as wrong in what is promised"
        )
    return rows


def _known(target: Target, answers: Sequence[tuple[str, ...]]) -> np.ndarray:
    """bool [N]: which answers can be given."""
    if isinstance(target, LabelTarget):
        return ~target.beyond(answers)
    return target.encode(answers) != UNLABELLED


def met_before(catalog: Catalog, other: Catalog) -> np.ndarray:
    """bool [N]: which products of ``other`` share a title of several words, an image or a group with one of ``catalog``; what
    so many products share that it is nobody's own counts for nothing."""
    met = np.zeros(len(other), bool)
    for mine, theirs in _evidence(catalog, other):
        counts = Counter(key for key in mine if key)
        most = max(PLACEHOLDER_PRODUCTS, PLACEHOLDER_SHARE * len(mine))
        met |= np.array([key is not None and 0 < counts[key] <= most for key in theirs], bool)
    return met


def _evidence(catalog: Catalog, other: Catalog) -> Iterator[tuple[list[str | None], list[str | None]]]:
    title, group = title_column(catalog), own_group_column(catalog)
    if title is not None and title in other.fields:
        yield _titles(catalog, title), _titles(other, title)
    if group is not None and group in other.fields:
        yield stripped(catalog, group), stripped(other, group)
    images = [name for name, field in catalog.fields.items() if field.role is Role.IMAGE]
    if images and images[0] in other.fields and other.fields[images[0]].role is Role.IMAGE:
        mine, theirs = (image_hashes(one.input(images[0], Role.IMAGE).values) for one in (catalog, other))
        yield mine, theirs


def _titles(catalog: Catalog, name: str) -> list[str | None]:
    """Words of titles of several words; None for others, which many different products may have."""
    words = map(normalise, as_text(catalog.column(name)).to_pylist())
    return [text if text and " " in text else None for text in words]
