"""Which decisions are about a catalog's own products, where it has no ids and row numbers stand for them.

Row 38 of Tuesday's file is another product than row 38 of Monday's, and in two files that are read as one the second's rows
have other numbers than by themselves. So a decision has to know its product's title, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.product_texts import ProductTexts
from shelfwise.errors import DecisionsError
from shelfwise.taxonomy.decisions import Decisions

_CUT = 100
"""A title of so many characters may be cut short; a shorter one is whole."""


def about(catalog: Catalog, decisions: Decisions) -> tuple[Decisions, int]:
    """The decisions on products of ``catalog``, and how many were left out because row numbers are all that speaks for them.

    Where the catalog has ids, all of them. Raises DecisionsError where it has none and no decision tells a title.
    """
    if any(field.role is Role.ID for field in catalog.fields.values()) or not decisions:
        return decisions, 0
    if not any(one.title for one in decisions.by_product.values()):
        raise DecisionsError(
            "the catalog has no ids, so row numbers stand for them, and these decisions tell no titles to know products by: "
            "export them again with `shelfwise decisions`, from a desk that was given the catalog; or give products ids and name "
            "their column with --id"
        )
    texts, rows = ProductTexts(catalog), {name: row for row, name in enumerate(catalog.ids)}
    mine = {
        key: one
        for key, one in decisions.by_product.items()
        if key[0] in rows and key[1] == 0 and _is(one.title, texts.fields(rows[key[0]]).values())
    }
    return replace(decisions, by_product=mine), len(decisions) - len(mine)


def left_out_line(count: int) -> str:
    """What is said of decisions that were left out."""
    return (
        f"{count:,} of the decisions are not used: the catalog has no ids, and the products with these row numbers have other "
        "titles; name a column of ids with --id, here, in `predict` and at the desk"
    )


def _is(title: str, texts: Iterable[str]) -> bool:
    """Whether one of a product's texts is this title, or begins with it where it may have been cut."""
    wanted = _letters(title)
    return bool(wanted) and any(
        said == wanted or (len(wanted) >= _CUT and said.startswith(wanted)) for said in map(_letters, texts)
    )


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()
