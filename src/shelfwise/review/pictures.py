"""Pictures as the desk shows them: decoded safely, shrunk, kept a while; what cannot be shown says why."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from html import escape

from PIL import Image

from shelfwise.catalog.column import State
from shelfwise.catalog.images import decode_image
from shelfwise.errors import ImageError
from shelfwise.review.product_fields import Occurrence, ProductFields

SIDES = {"small": 160, "medium": 640, "large": 1600}
"""Pixels of a picture's longer side, by the name in its address."""
CACHE_BYTES = 64 << 20
_QUALITY = 85


@dataclass(frozen=True)
class Shown:
    """A picture ready to be sent. ``found`` is False where it is a drawing of the reason why there is none."""

    data: bytes
    media_type: str
    found: bool

    @property
    def tag(self) -> str:
        """A fingerprint for the browser's cache."""
        return hashlib.blake2b(self.data, digest_size=12).hexdigest()


class Pictures:
    """Thumbnails of products, made when they are asked for; the last ``CACHE_BYTES`` are kept."""

    def __init__(self, fields: ProductFields) -> None:
        self._fields = fields
        self._kept: OrderedDict[tuple[Occurrence, str], Shown] = OrderedDict()
        self._bytes = 0
        self._turn = threading.Lock()

    def show(self, product: Occurrence, size: str) -> Shown:
        """The picture of a product in one of ``SIDES``, never larger than it is."""
        with self._turn:
            if (product, size) in self._kept:
                self._kept.move_to_end((product, size))
                return self._kept[product, size]
        made = self._make(product, SIDES[size])
        with self._turn:
            if (product, size) not in self._kept:
                self._kept[product, size] = made
                self._bytes += len(made.data)
            while self._bytes > CACHE_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1].data)
        return made

    def _make(self, product: Occurrence, side: int) -> Shown:
        raw = self._fields.picture(product)
        if raw.state is State.ABSENT:
            return drawing("No picture")
        if raw.data is None:
            return drawing("Picture missing", raw.reason)
        try:
            image = decode_image(raw.data, side=side)
        except ImageError as error:
            return drawing("Picture broken", str(error))
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        encoded = io.BytesIO()
        image.save(encoded, "JPEG", quality=_QUALITY)
        return Shown(encoded.getvalue(), "image/jpeg", True)


def drawing(what: str, why: str = "") -> Shown:
    """A square that says in words that there is no picture, and why."""
    lines = _wrap(why, 36)[:3]
    spans = "".join(
        f'<text x="160" y="{212 + 20 * number}" font-size="14" fill="#5d6b73">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 320" text-anchor="middle" '
        'font-family="system-ui, sans-serif"><rect width="320" height="320" fill="#f1f3f1"/>'
        '<g fill="none" stroke="#8b979c" stroke-width="3" stroke-linejoin="round">'
        '<rect x="120" y="80" width="80" height="66" rx="6"/><circle cx="142" cy="102" r="7"/>'
        '<path d="M120 138l24-20 16 12 18-20 22 20M112 154l96-82"/></g>'
        f'<text x="160" y="186" font-size="17" fill="#3c4a52">{escape(what)}</text>{spans}</svg>'
    )
    return Shown(svg.encode("utf-8", "replace"), "image/svg+xml", False)


def _wrap(text: str, width: int) -> list[str]:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    lines = [""]
    for word in printable.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[:width]
    return [line for line in lines if line]
