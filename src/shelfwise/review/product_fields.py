"""A product's own fields and picture, from the catalog that was predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import ImageSource, RawImage, Role
from shelfwise.catalog.column_names import TITLE_NAMES, normal_name
from shelfwise.catalog.image_source import ABSENT, failed, load_path
from shelfwise.catalog.product_texts import ProductTexts
from shelfwise.errors import CatalogError

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif")

Occurrence = tuple[str, int]
"""A product's id and how many products of that id came before it: ids may repeat."""


class ProductFields:
    """What a catalog says of its products, by id. Without a catalog nothing is known but the id.

    Parameters
    ----------
    catalog
        The catalog that was predicted, or None.
    hidden
        Columns that hold the category itself: the desk measures, so it does not show them.
    images_dir
        Where pictures named after ids lie (``ID.jpg`` …), for when the catalog has none.
    worth
        The column of numbers by which products are more or less worth a look. Raises CatalogError where it
        is not there, or holds no number.

    Attributes
    ----------
    numbered
        Whether the catalog has no ids of its own, so that they are row numbers.
    """

    def __init__(
        self,
        catalog: Catalog | None,
        *,
        hidden: Sequence[str] = (),
        images_dir: Path | None = None,
        worth: str | None = None,
    ) -> None:
        self._images_dir = images_dir
        self._row: dict[Occurrence, int] = {}
        self._texts: ProductTexts | None = None
        self._pictures: ImageSource | None = None
        self._worth = np.zeros(0)
        self.text_columns: list[str] = []
        self._times: dict[str, int] = {}
        self.numbered = catalog is not None and not any(
            field.role is Role.ID for field in catalog.fields.values()
        )
        if catalog is None:
            if worth is not None:
                raise CatalogError(f"the column '{worth}' is in a catalog; name it with --catalog")
            return
        for row, name in enumerate(catalog.ids):
            times = self._times.get(name, 0)
            self._row[name, times] = row
            self._times[name] = times + 1
        images = [name for name, field in catalog.fields.items() if field.role is Role.IMAGE]
        if images:
            values = catalog.input(images[0], Role.IMAGE).values
            assert not isinstance(values, pa.Array | pa.ChunkedArray)
            self._pictures = values
        self._texts = ProductTexts(catalog, hidden)
        self.text_columns = self._texts.text_columns
        if worth is not None:
            numbers = catalog.input(worth, Role.NUMBER).values
            assert isinstance(numbers, pa.Array)
            if numbers.null_count == len(numbers):
                raise CatalogError(
                    f"expected a column of numbers as --value, but '{worth}' holds none that can be read; name another column"
                )
            self._worth = np.nan_to_num(numbers.to_numpy(zero_copy_only=False), nan=0.0)

    def __len__(self) -> int:
        return len(self._row)

    def times(self, name: str) -> int:
        """How many products of the catalog have an id."""
        return self._times.get(name, 0)

    def __contains__(self, product: Occurrence) -> bool:
        return product in self._row

    def fields(self, product: Occurrence) -> dict[str, str]:
        """Column → text, without empty cells, in the catalog's order."""
        row = self._row.get(product)
        return {} if row is None or self._texts is None else self._texts.fields(row)

    def title(self, fields: Mapping[str, str]) -> str:
        """What to call a product: its title, else its first text, else nothing."""
        for wanted in TITLE_NAMES:
            for name, text in fields.items():
                if normal_name(name) == wanted:
                    return text[:300]
        return next((fields[name][:300] for name in self.text_columns if name in fields), "")

    def worth(self, product: Occurrence) -> float:
        """How much the product is worth a look; 0 where that is not known."""
        row = self._row.get(product)
        value = float(self._worth[row]) if row is not None and len(self._worth) else 0.0
        return value if math.isfinite(value) else 0.0

    def picture(self, product: Occurrence) -> RawImage:
        """The undecoded picture, ABSENT, or FAILED with the reason."""
        row = self._row.get(product)
        if row is not None and self._pictures is not None:
            return self._pictures.load([row])[0]
        return self._picture_by_id(product[0]) if self._images_dir is not None else ABSENT

    def _picture_by_id(self, name: str) -> RawImage:
        assert self._images_dir is not None
        if "/" in name or "\\" in name or name in ("", ".", ".."):
            return failed("an id with a slash names no picture")
        for ending in PICTURE_ENDINGS:
            if (self._images_dir / (name + ending)).is_file():
                return load_path(name + ending, self._images_dir)
        return failed(f"no picture named {name[:100]}.jpg, .png or the like")
