"""What is stored decodes, is small enough, and looks as the original did."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.images_zoo import (
    RED,
    animated,
    broken_files,
    encoded,
    jpeg,
    noise,
    quadrants,
    rotated_jpeg,
)

from shelfwise.catalog.fetching import shrink as module
from shelfwise.catalog.fetching.shrink import shrink
from shelfwise.catalog.images import decode_image
from shelfwise.errors import ImageError


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_small_images_stay_as_they_came(kind: str) -> None:
    data = encoded(quadrants(), kind)
    picture = shrink(data, 64)
    assert picture.data == data
    assert (picture.width, picture.height) == (64, 64)
    assert picture.suffix == {"JPEG": "jpg", "TIFF": "tif"}.get(kind, kind.lower())


@settings(max_examples=30, deadline=None)
@given(
    width=st.integers(1, 1500),
    height=st.integers(1, 300),
    kind=st.sampled_from(["JPEG", "PNG"]),
    side=st.integers(32, 200),
)
def test_large_images_become_small_and_keep_their_proportions(
    width: int, height: int, kind: str, side: int
) -> None:
    picture = shrink(encoded(quadrants(width, height), kind), side)
    stored = decode_image(picture.data)
    assert stored.size == (picture.width, picture.height)
    assert max(stored.size) == min(side, max(width, height))
    scale = min(1.0, side / max(width, height))
    assert abs(picture.width - width * scale) <= 1
    assert abs(picture.height - height * scale) <= 1


def test_a_turned_image_is_stored_upright() -> None:
    for orientation in range(1, 9):
        picture = shrink(rotated_jpeg(orientation), 32)
        assert (picture.width, picture.height) == (32, 24)
        pixel = decode_image(picture.data).getpixel((3, 3))
        assert all(abs(one - other) < 40 for one, other in zip(pixel, RED, strict=True))


def test_a_small_turned_image_has_its_size_as_seen() -> None:
    picture = shrink(rotated_jpeg(6), 64)
    assert (picture.width, picture.height) == decode_image(picture.data).size == (64, 48)


def test_equal_bytes_become_equal_bytes() -> None:
    data = jpeg(3, 900, 700)
    assert shrink(data, 128) == shrink(bytes(bytearray(data)), 128)


def test_heavy_small_images_are_made_lighter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_AS_IT_CAME_BYTES", 100)
    picture = shrink(animated("GIF"), 64)
    assert picture.suffix == "jpg"
    assert Image.open(io.BytesIO(picture.data)).format == "JPEG"


@pytest.mark.parametrize("name", sorted(broken_files()))
def test_broken_images_are_refused_with_a_reason(name: str) -> None:
    data, word = broken_files()[name]
    with pytest.raises(ImageError, match=word):
        shrink(data, 64)


def test_cut_off_anywhere_is_noticed() -> None:
    data = encoded(noise(5, 600, 400), "JPEG", quality=90)
    for length in range(1, len(data) - 2, max(1, len(data) // 40)):
        with pytest.raises(ImageError):
            shrink(data[:length], 128)
