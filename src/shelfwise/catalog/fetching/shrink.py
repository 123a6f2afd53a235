"""What is kept of a fetched image: as it came where it is small, else a smaller picture of it."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from shelfwise.catalog.images import FORMATS, decode_image

JPEG_QUALITY = 90
KEPT_AS_IT_CAME_BYTES = 1 << 20
"""Small pictures in larger files (animations, metadata) are made smaller too."""
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif"}


@dataclass(frozen=True)
class Picture:
    """A whole image file that decodes: its bytes, the ending of its name, and its size in pixels as seen."""

    data: bytes
    suffix: str
    width: int
    height: int


def shrink(data: bytes, max_side: int) -> Picture:
    """The image with no more than ``max_side`` pixels a side, proportions kept.

    Every image is decoded whole, within the catalog's limits, so that what is stored can be used. What is
    small enough is returned byte for byte; the rest as a JPEG of its first frame, upright and opaque.
    Raises ImageError with a short reason.
    """
    image = decode_image(data, side=max_side)
    with Image.open(io.BytesIO(data), formats=FORMATS) as header:  # decoded a moment ago: it opens
        kind, longest = header.format or "", max(header.size)
    if longest <= max_side and len(data) <= KEPT_AS_IT_CAME_BYTES and kind in SUFFIXES:
        return Picture(data, SUFFIXES[kind], *image.size)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return Picture(file.getvalue(), SUFFIXES["JPEG"], *image.size)
