"""Turns a silhouette into a product photograph: colours, light, shadow, background, grain."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from shelfwise.demo.drawings import DRAWINGS, Sketch
from shelfwise.demo.drawings.sketch import Point, Tone
from shelfwise.demo.words.common import COLOURS

SIDE = 128
"""Width and height of a picture, in pixels."""
OVERSAMPLING = 3
JPEG_QUALITY = 86
PACKSHOT_SHARE = 0.06
"""Share of pictures that show only the closed parcel, as some shops' do: those tell nothing of the type."""

RGB = tuple[int, int, int]
FIXED_TONES: dict[Tone, RGB] = {
    "metal": (176, 182, 190),
    "steel": (206, 211, 217),
    "wood": (188, 142, 96),
    "white": (248, 247, 243),
    "ink": (44, 46, 54),
    "glass": (190, 214, 224),
}


@dataclass(frozen=True)
class PictureSpec:
    """All that decides a picture's bytes: equal specs give equal files."""

    drawing: str
    colour: str
    seed: str


@dataclass(frozen=True)
class Cutout:
    """A product alone: its colours times coverage, float32 [SIDE, SIDE, 3], and its coverage (mode L)."""

    colours: np.ndarray
    coverage: Image.Image


def render_jpeg(spec: PictureSpec) -> bytes:
    """The picture of ``spec`` as JPEG bytes, 128 × 128 pixels; a function of ``spec`` alone.

    Raises KeyError for a drawing or colour that does not exist.
    """
    rng = Random(f"picture/{spec.seed}")
    draw, tones = DRAWINGS[spec.drawing], _tones(spec.colour, rng)
    sketch = Sketch()
    if rng.random() < PACKSHOT_SHARE:
        _parcel(sketch)
    else:
        draw(sketch, rng)
    cutout = _cutout(sketch, tones, rng)
    picture = _compose(cutout, rng)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _parcel(s: Sketch) -> None:
    s.poly([(-0.8, -0.36), (-0.5, -0.66), (0.9, -0.66), (0.66, -0.36)], "steel")
    s.poly([(0.66, -0.36), (0.9, -0.66), (0.9, 0.44), (0.66, 0.74)], "accent_dark")
    s.rect(-0.8, -0.36, 0.66, 0.74, "wood")
    s.rect(-0.16, -0.36, 0.04, 0.74, "white")
    s.rect(0.2, 0.3, 0.56, 0.6, "white")


def _mix(colour: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _tones(colour: str, rng: Random) -> dict[Tone, RGB]:
    base = COLOURS[colour][0]
    body = _mix(base, (rng.randrange(256), rng.randrange(256), rng.randrange(256)), 0.1)
    accent = COLOURS[rng.choice(sorted(set(COLOURS) - {colour}))][0]
    black, white = (20, 20, 30), (255, 255, 255)
    return {
        **FIXED_TONES,
        "body": body,
        "light": _mix(body, white, 0.28),
        "dark": _mix(body, black, 0.24),
        "deep": _mix(body, black, 0.5),
        "accent": accent,
        "accent_dark": _mix(accent, black, 0.3),
    }


def _cutout(sketch: Sketch, tones: dict[Tone, RGB], rng: Random) -> Cutout:
    """The product alone, turned, scaled and shifted."""
    side = SIDE * OVERSAMPLING
    angle = math.radians(rng.gauss(0, 9) + (rng.uniform(-40, 40) if rng.random() < 0.12 else 0))
    scale = side * 0.5 * rng.uniform(0.62, 0.86) * (1.35 if rng.random() < 0.06 else 1.0)
    flip = rng.choice((-1, 1))
    squeeze = rng.uniform(0.86, 1.0)
    cos, sin = math.cos(angle), math.sin(angle)
    x0, y0 = side * (0.5 + rng.gauss(0, 0.02)), side * (0.5 + rng.gauss(0, 0.02))

    def place(point: Point) -> Point:
        x, y = point[0] * flip * squeeze * scale, point[1] * scale
        return x0 + x * cos - y * sin, y0 + x * sin + y * cos

    colours, mask = Image.new("RGB", (side, side)), Image.new("L", (side, side))
    on_colours, on_mask = ImageDraw.Draw(colours), ImageDraw.Draw(mask)
    for shape in sketch.shapes:
        points = [place(point) for point in shape.points]
        hole = shape.tone == "hole"
        on_colours.polygon(points, fill=(0, 0, 0) if hole else tones[shape.tone])
        on_mask.polygon(points, fill=0 if hole else 255)
    # On black, shrinking multiplies each colour by its coverage: edges then blend without a fringe.
    return Cutout(np.asarray(colours.reduce(OVERSAMPLING), dtype=np.float32), mask.reduce(OVERSAMPLING))


def _background(rng: Random) -> np.ndarray:
    """A studio wall that darkens downwards, in a pale or a strong tint; float32 [SIDE, SIDE, 3]."""
    tint = COLOURS[rng.choice(sorted(COLOURS))][0]
    strength = rng.uniform(0.02, 0.14) if rng.random() < 0.75 else rng.uniform(0.25, 0.5)
    top = np.array(_mix((252, 251, 249), tint, strength), dtype=np.float32)
    bottom = np.array(_mix((226, 224, 221), tint, strength), dtype=np.float32)
    down = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    wall = np.broadcast_to(top + (bottom - top) * down, (SIDE, SIDE, 3)).copy()
    if rng.random() < 0.5:
        floor = int(SIDE * rng.uniform(0.68, 0.84))
        wall[floor:] *= rng.uniform(0.88, 0.95)
    return wall


def _compose(cutout: Cutout, rng: Random) -> Image.Image:
    """Background, soft shadow, lit product, grain."""
    wall = _background(rng)
    shadow = Image.new("L", cutout.coverage.size)
    shadow.paste(cutout.coverage, (rng.randint(-4, 4), rng.randint(2, 6)))
    shade = np.asarray(shadow.filter(ImageFilter.GaussianBlur(4)), dtype=np.float32)[..., None]
    wall *= 1 - rng.uniform(0.25, 0.4) / 255 * shade

    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    light = 1 - 0.07 * ramp[:, None] - 0.09 * rng.choice((-1, 1)) * ramp[None, :]
    uncovered = 1 - np.asarray(cutout.coverage, dtype=np.float32) / 255
    picture = cutout.colours * light[..., None] + wall * uncovered[..., None]

    grain = np.random.default_rng(rng.getrandbits(64)).standard_normal((SIDE, SIDE, 1), dtype=np.float32)
    picture = picture * rng.uniform(0.92, 1.06) + grain * rng.uniform(1.5, 4.5)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
