"""What a product says in words, column by column: what people read at the desk is what rules go by everywhere."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.inputs import as_text

MAX_CHARACTERS = 20_000
"""Of one field; a longer text is cut where it is shown, and says so."""


class ProductTexts:
    """Every column of a catalog but ids and images as text, without ``hidden`` ones (the target's own)."""

    def __init__(self, catalog: Catalog, hidden: Collection[str] = ()) -> None:
        self._columns: dict[str, pa.Array] = {}
        self.text_columns: list[str] = []
        """Those that hold running text."""
        for name, field in catalog.fields.items():
            if field.role not in (Role.ID, Role.IMAGE) and name not in hidden:
                self._columns[name] = as_text(catalog.column(name))
                if field.role is Role.TEXT:
                    self.text_columns.append(name)

    def fields(self, row: int) -> dict[str, str]:
        """Column → text of one product, without empty cells, in the catalog's order."""
        told = {name: column[row].as_py() for name, column in self._columns.items()}
        return {name: _shown(text) for name, text in told.items() if text and text.strip()}


def _shown(text: str) -> str:
    # PostgreSQL's text cannot hold a NUL.
    clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if len(clean) <= MAX_CHARACTERS:
        return clean
    return f"{clean[:MAX_CHARACTERS]} … ({len(clean) - MAX_CHARACTERS:,} more characters)"
