"""The images shops really send, good and bad, made here so that no test needs a file of someone else's."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from shelfwise.catalog.column import ImageSource, InputColumn, RawImage, Role, State

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 60), (20, 40, 210), (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """An image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quadrants(width: int = 64, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: any turn or flip shows."""
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return Image.fromarray(pixels)


def noise(seed: int, width: int = 60, height: int = 80) -> Image.Image:
    """A picture unlike any other seed's: smooth, so that JPEG keeps it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(seed: int = 0, width: int = 60, height: int = 80) -> bytes:
    """A sound JPEG."""
    return encoded(noise(seed, width, height), "JPEG", quality=90)


def rotated_jpeg(orientation: int) -> bytes:
    """``quadrants`` stored turned, with the EXIF orientation (1–8) that makes it upright again."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = quadrants(64, 48)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    return encoded(stored, "JPEG", quality=95, exif=exif)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size: a decompression bomb."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" * 64)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def animated(kind: str) -> bytes:
    """Two frames, the first red and the second blue."""
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, BLUE)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


def palette_with_transparency() -> bytes:
    """A palette PNG: left half red, right half a transparent blue."""
    image = Image.new("P", (32, 32), 0)
    image.putpalette([*RED, *BLUE])
    image.paste(1, (16, 0, 32, 32))
    return encoded(image, "PNG", transparency=1)


def broken_files() -> dict[str, tuple[bytes, str]]:
    """Files that hold no whole image: name → (bytes, a word that the reason must have)."""
    good = jpeg(1, 120, 160)
    progressive = encoded(noise(2, 120, 160), "JPEG", progressive=True)
    return {
        "empty": (b"", "empty"),
        "truncated_jpeg": (good[: len(good) // 2], "truncated"),
        "truncated_progressive_jpeg": (progressive[: len(progressive) // 2], "truncated"),
        "jpeg_header_only": (good[:12], "truncated"),
        "truncated_png": (encoded(noise(3))[:-400], "truncated"),
        "html": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "HTML"),
        "svg": (b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        "json": (b'{"error": "not found"}', "JSON"),
        "text": (b"not an image at all", "not an image"),
        "zeros": (bytes(500), "not an image"),
        "pdf": (b"%PDF-1.7 ...", "PDF"),
        "avif": (b"\x00\x00\x00\x20ftypavif" + bytes(40), "AVIF"),
        "ppm_not_allowed": (encoded(quadrants(), "PPM"), "not an image"),
        "icon_not_allowed": (encoded(quadrants(), "ICO"), "not an image"),
        "bomb": (png_claiming(50_000, 50_000), "too large"),
        "small_bomb": (png_claiming(8_000, 8_000), "too large"),
    }


class ListImages:
    """An image source over a list, that remembers how many rows it was asked for at once."""

    def __init__(self, images: Sequence[RawImage]) -> None:
        self.images = list(images)
        self.loads: list[int] = []

    def __len__(self) -> int:
        return len(self.images)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        self.loads.append(len(rows))
        return [self.images[row] for row in rows]

    def take(self, rows: np.ndarray) -> ImageSource:
        return ListImages([self.images[int(row)] for row in rows])


def present(data: bytes) -> RawImage:
    """An image whose bytes are there."""
    return RawImage(State.PRESENT, data)


def image_column(images: Sequence[RawImage]) -> InputColumn:
    """A column over ``images``."""
    state = np.array([image.state for image in images], dtype=np.int8)
    return InputColumn("image", Role.IMAGE, ListImages(images), state)
