"""Products as a caller gives them, and the catalog that they make: the same thing that a file of them would be."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import ImageSource, RawImage, Role, State
from shelfwise.catalog.fields import Field
from shelfwise.catalog.image_source import ABSENT, MAX_IMAGE_BYTES, failed
from shelfwise.catalog.images import FORMATS
from shelfwise.recipe import InputRecipe

Value = str | int | float | bool | list[str | None] | None
"""What a field may hold; a list is joined as in a catalog file."""


@dataclass(frozen=True)
class Product:
    """One product of a request: its id, its fields by column name, and its pictures by input name ("" for the first)."""

    id: str
    fields: Mapping[str, Value]
    images: Mapping[str, RawImage] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that it holds in memory, about."""
        texts = sum(map(_size, self.fields.values()))
        return texts + sum(len(image.data or b"") for image in self.images.values())


def _size(value: Value) -> int:
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str) else 0


def image_of_base64(text: str, max_pixels: int) -> RawImage:
    """A picture given as base64, with or without ``data:…;base64,`` before it; FAILED with the reason where it is none."""
    payload = text.partition(",")[2] if text[:5].lower() == "data:" else text
    if not payload.strip():
        return ABSENT
    try:
        data = base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError):
        return failed("the image is not base64")
    return checked_image(data, max_pixels)


def checked_image(data: bytes, max_pixels: int) -> RawImage:
    """A picture's bytes, FAILED where they are too many or its header promises too many pixels to be decoded here."""
    if not data:
        return failed("empty file (0 bytes)")
    if len(data) > MAX_IMAGE_BYTES:
        return failed(f"image too large ({len(data) >> 20:,} MB of at most {MAX_IMAGE_BYTES >> 20})")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        # What is wrong with it is told by the decoder, in the words that it uses for catalogs.
        return RawImage(State.PRESENT, data)
    if width * height > max_pixels:
        return failed(f"too large: {width:,} × {height:,} pixels, at most {max_pixels:,} in all")
    return RawImage(State.PRESENT, data)


class GivenImages:
    """Pictures that came with a request."""

    def __init__(self, images: Sequence[RawImage]) -> None:
        self._images = list(images)

    def __len__(self) -> int:
        return len(self._images)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, in that order."""
        return [self._images[int(row)] for row in rows]

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return GivenImages(self.load(list(map(int, rows))))


def as_catalog(products: Sequence[Product], inputs: Sequence[InputRecipe]) -> Catalog:
    """A catalog of some products, whose columns have the roles that a model's ``inputs`` have.

    Columns that are no input are there too, for rules. A picture given under no name is the first image input's.
    """
    roles = {column: Role(str(one.role)) for one in inputs for column in one.columns}
    image_names = [name for name, role in roles.items() if role is Role.IMAGE]
    names = dict.fromkeys([*roles, *(name for product in products for name in product.fields)])
    columns, images = {}, {}
    for name in names:
        if name in image_names:
            given = [_image(product, name, name == image_names[0]) for product in products]
            images[name] = GivenImages(given)
            columns[name] = pa.nulls(len(products), pa.string())
        else:
            columns[name] = pa.array([_text(product.fields.get(name)) for product in products], pa.string())
    told = "as the model reads it"
    fields = {name: Field(name, roles.get(name, Role.IGNORED), told) for name in names}
    table = pa.table(columns) if columns else pa.table({"": pa.nulls(len(products), pa.string())})
    return Catalog(table, [one.id for one in products], fields, images=images, folders=(Path(),))


def _image(product: Product, name: str, first: bool) -> RawImage:
    image = product.images.get(name) or (product.images.get("") if first else None)
    if image is not None:
        return image
    # A path or an address from outside is never followed.
    return (
        failed("an image is sent itself, under 'image' or 'images'") if product.fields.get(name) else ABSENT
    )


def _text(value: Value) -> str | None:
    """A field as a catalog file would have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return " | ".join(part for part in value if part)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
