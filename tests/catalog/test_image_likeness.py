"""The same photo is found in another file; hashes are imagehash's; plain fields are like nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shelfwise.catalog.column import RawImage, State
from shelfwise.catalog.image_likeness import gradient_hashes, near_pictures, perceptual_hashes, small_pictures
from shelfwise.progress import Silent


class Source:
    def __init__(self, images: list[RawImage]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def load(self, rows):
        return [self.images[row] for row in rows]

    def take(self, rows):
        return Source([self.images[row] for row in rows])


def drawing(seed: int, side: int = 160) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (side, side), (250, 250, 250))
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y = (int(v) for v in random.integers(0, side - 40, 2))
        w, h = (int(v) for v in random.integers(20, 80, 2))
        pen.ellipse((x, y, x + w, y + h), fill=tuple(int(v) for v in random.integers(0, 255, 3)))
    return picture


def encoded(picture: Image.Image, quality: int = 90) -> RawImage:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return RawImage(State.PRESENT, buffer.getvalue())


def near(images: list[RawImage]) -> set[tuple[int, int]]:
    pictures = small_pictures(Source(images), Silent().stage("", None))
    return {tuple(pair) for pair in near_pictures(pictures).tolist()}


def test_the_same_photo_saved_again_is_found_and_others_are_not() -> None:
    images = [encoded(drawing(seed)) for seed in range(12)]
    images += [encoded(drawing(3), 50), encoded(drawing(5).resize((80, 80)))]
    assert near(images) == {(3, 12), (5, 13)}


def test_plain_missing_and_broken_pictures_are_like_nothing() -> None:
    plain = encoded(Image.new("RGB", (60, 60), (255, 255, 255)))
    images = [
        plain,
        plain,
        RawImage(State.ABSENT),
        RawImage(State.ABSENT),
        RawImage(State.PRESENT, b"no image"),
        encoded(drawing(1)),
    ]
    assert near(images) == set()


def test_another_colour_is_another_photo() -> None:
    picture = drawing(2)
    red, green, blue = picture.split()
    assert near([encoded(picture), encoded(Image.merge("RGB", (blue, red, green)))]) == set()


@pytest.mark.parametrize("seed", range(5))
def test_hashes_are_those_of_imagehash(seed: int) -> None:
    imagehash = pytest.importorskip("imagehash")
    picture = drawing(seed)
    grey = picture.convert("L")
    whole = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS))[None]
    small = np.asarray(grey.resize((9, 8), Image.Resampling.LANCZOS))[None]
    assert f"{int(perceptual_hashes(whole)[0]):016x}" == str(imagehash.phash(picture))
    assert f"{int(gradient_hashes(small)[0]):016x}" == str(imagehash.dhash(picture))
