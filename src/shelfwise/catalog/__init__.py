"""The catalog room: products as they come from files, with what every column is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.catalog.fields import Field

__all__ = ["Catalog", "Field"]


def __getattr__(name: str) -> Any:
    # The readers are imported when they are first used: `shelfwise --help` must not wait for them.
    if name == "Catalog":
        from shelfwise.catalog.catalog import Catalog

        return Catalog
    if name == "Field":
        from shelfwise.catalog.fields import Field

        return Field
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
