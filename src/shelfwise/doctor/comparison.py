"""Holds a catalog beside another one, and says what differs in the inputs."""

from __future__ import annotations

from collections.abc import Sequence

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import INPUT_ROLES
from shelfwise.catalog.shift import compare_catalogs
from shelfwise.doctor.findings import ComparisonFound
from shelfwise.errors import CatalogError
from shelfwise.progress import Reporter


def describe_comparison(
    catalog: Catalog, other: Catalog, inputs: Sequence[str], left_out: Sequence[str], reporter: Reporter
) -> ComparisonFound:
    """Compare the inputs that training would read, and those that only ``other`` has. ``left_out``: columns that are no
    inputs (the target, ids, what gives the answer away). Raises CatalogError when one of them has no products."""
    for one in (catalog, other):
        if not len(one):
            raise CatalogError(
                f"expected two catalogs with products to compare, but {', '.join(one.sources)} has none"
            )
    theirs = [
        name
        for name, field in other.fields.items()
        if field.role in INPUT_ROLES and name not in catalog.fields and name not in left_out
    ]
    shift = compare_catalogs(catalog, other, [*inputs, *theirs], reporter)
    return ComparisonFound(
        against=other.sources,
        products=shift.products,
        auc=shift.auc,
        shared=shift.shared,
        inputs=list(shift.inputs),
    )
