"""Safe pictures from unsafe bytes: every image is RGB pixels of a known size, or fails with a reason.

Shops' images come broken in every way: empty, cut off, HTML behind a .jpg, CMYK, 50,000 pixels wide. What
cannot be shown whole is refused; nothing here ever hands out a half grey or made-up picture.
"""

from __future__ import annotations

import io
import struct
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from shelfwise.errors import ImageError

MAX_PIXELS = 50_000_000
"""Width × height above which an image is refused before it is decoded (150 MB of RGB)."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""The only decoders ever run on foreign bytes."""

Fill = Literal["pad", "stretch"]

# What Pillow's decoders raise on malformed files. Cutting and changing these six formats 450,000 times
# gave the first three only; the others are those that Pillow itself expects of its plugins.
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    IndexError,
    OverflowError,
    MemoryError,
    struct.error,
)
_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_REDUCIBLE_MODES = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr"})
_KNOWN_BYTES = (  # (start of the file, what it is): why Pillow could not open it
    (b"\xff\xd8\xff", "truncated or corrupt JPEG"),
    (b"\x89PNG\r\n\x1a\n", "truncated or corrupt PNG"),
    (b"GIF8", "truncated or corrupt GIF"),
    (b"RIFF", "truncated or corrupt WebP"),
    (b"BM", "truncated or corrupt BMP"),
    (b"II*\x00", "truncated or corrupt TIFF"),
    (b"MM\x00*", "truncated or corrupt TIFF"),
    (b"%PDF", "unsupported format (PDF)"),
    (b"<", "not an image (HTML, XML or SVG text)"),
    (b"{", "not an image (JSON text)"),
)


def decode_image(data: bytes, *, side: int | None = None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The first frame of an encoded image, upright, as opaque RGB.

    Transparency is laid on white, 16-bit and floating point greys are scaled to 8 bits, EXIF orientation is
    applied.

    Parameters
    ----------
    data
        The file's bytes: JPEG, PNG, GIF, WebP, BMP or TIFF.
    side
        The pixels a side that the caller will shrink to. A larger image may then be decoded at a smaller
        scale (several times faster), never below ``side`` pixels on its shorter edge.
    max_pixels
        Images of more pixels (width × height, from the header) are refused without being decoded.

    Raises
    ------
    ImageError
        With a short reason: "empty file", "truncated …", "too large …", "not an image …".
    """
    if not data:
        raise ImageError("empty file (0 bytes)")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_size(image.size, max_pixels)
            kind = image.format or "image"
            if side is not None and kind == "JPEG":
                image.draft(
                    None, (side, side)
                )  # libjpeg decodes at 1/2, 1/4 or 1/8 for a fraction of the work
            image.load()
            orientation = _orientation(image)
            rgb = _to_rgb(_reduced(image, side))
    except UnidentifiedImageError as error:
        raise ImageError(_why_unidentified(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too large: more than the {max_pixels:,} pixels allowed") from error
    except _DECODER_ERRORS as error:
        raise ImageError(_why_undecodable(error)) from error
    return rgb.transpose(_ORIENTATIONS[orientation]) if orientation in _ORIENTATIONS else rgb


def square_pixels(
    image: Image.Image,
    side: int,
    fill: Fill = "pad",
    resample: Image.Resampling = Image.Resampling.BILINEAR,
) -> np.ndarray:
    """An RGB image as uint8 [3, side, side].

    ``fill`` "pad" keeps the proportions and centres the image on white, as product photos mostly are;
    "stretch" scales each edge to ``side``.
    """
    if fill == "stretch":
        square = image.resize((side, side), resample)
    else:
        longest = max(image.size)
        width, height = (max(1, round(edge * side / longest)) for edge in image.size)
        square = Image.new("RGB", (side, side), (255, 255, 255))
        square.paste(image.resize((width, height), resample), ((side - width) // 2, (side - height) // 2))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _refuse_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"an image without pixels ({width} × {height})")
    if width * height > max_pixels:
        raise ImageError(f"too large: {width:,} × {height:,} pixels, at most {max_pixels:,} in all")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation (1–8); 1 where the metadata is damaged, which is no reason to lose the picture."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODER_ERRORS:
        return 1


def _reduced(image: Image.Image, side: int | None) -> Image.Image:
    """The image shrunk by a whole factor to no less than twice ``side``, to spare costlier steps."""
    factor = min(image.size) // (2 * side) if side else 1
    # A colour-keyed image must not be averaged before its key is made transparent.
    if factor < 2 or image.mode not in _REDUCIBLE_MODES or "transparency" in image.info:
        return image
    return image.reduce(factor)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _deep_grey(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """A grey image of 16 or 32 bits or of floats, as 8 bits (Pillow itself would clip it to white).

    White is the format's largest value where that is known (16 bits), else the smallest usual one (1, 255,
    65535) that no pixel exceeds, else the brightest pixel.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(values.max())
    if image.mode.startswith("I;16") or (image.format == "PNG" and image.mode == "I"):
        white = 65535.0
    else:
        usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        white = next((value for value in usual if peak <= value), peak)
    return Image.fromarray(np.clip(values * (255.0 / white) + 0.5, 0, 255).astype(np.uint8))


def _why_unidentified(data: bytes) -> str:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data[4:8] == b"ftyp":
        return "unsupported format (AVIF, HEIC or video); convert it to JPEG, PNG or WebP"
    for magic, what in _KNOWN_BYTES:
        if start.startswith(magic):
            return what
    return "not an image (JPEG, PNG, GIF, WebP, BMP or TIFF expected)"


def _why_undecodable(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if "truncat" in text.lower() or isinstance(error, EOFError):
        return f"truncated image file ({text})" if text else "truncated image file"
    return f"corrupt image file ({text[:120] or type(error).__name__})"
