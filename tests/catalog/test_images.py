"""Every image becomes upright opaque RGB or fails with a reason; nothing is half shown."""

from __future__ import annotations

import io
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from tests.images_zoo import (
    BLUE,
    RED,
    WHITE,
    animated,
    broken_files,
    encoded,
    jpeg,
    noise,
    palette_with_transparency,
    png_claiming,
    quadrants,
    rotated_jpeg,
)

from shelfwise.catalog.images import decode_image, square_pixels
from shelfwise.errors import ImageError

KINDS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], off: int = 12) -> bool:
    return all(abs(a - b) <= off for a, b in zip(image.getpixel(place), colour, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_each_allowed_format_is_read(kind):
    image = decode_image(encoded(quadrants(), kind))
    assert (image.mode, image.size) == ("RGB", (64, 64))
    assert near(image, (8, 8), RED, 40)
    assert near(image, (8, 56), BLUE, 40)


@pytest.mark.parametrize("name", sorted(broken_files()))
def test_what_is_no_whole_image_fails_with_a_reason(name):
    data, word = broken_files()[name]
    with pytest.raises(ImageError) as caught:
        decode_image(data, side=64)
    assert word in str(caught.value)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_without_its_memory():
    tracemalloc.start()
    with pytest.raises(ImageError, match="too large: 8,000 × 8,000"):
        decode_image(png_claiming(8_000, 8_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert (
        Image.MAX_IMAGE_PIXELS == 89_478_485
    )  # Pillow's own limit, for the rest of the program, is as it was


def test_max_pixels_is_the_callers():
    data = encoded(quadrants(100, 50))
    assert decode_image(data, max_pixels=5_000).size == (100, 50)
    with pytest.raises(ImageError, match="100 × 50 pixels, at most 4,999"):
        decode_image(data, max_pixels=4_999)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    image = decode_image(rotated_jpeg(orientation))
    assert image.size == (64, 48)
    assert near(image, (8, 8), RED)
    assert near(image, (8, 40), BLUE)
    assert near(image, (56, 40), WHITE)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_does_not_lose_the_picture():
    data = encoded(quadrants(), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff broken")
    assert decode_image(data).size == (64, 64)


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "YCbCr"])
def test_other_colour_modes_become_rgb(mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    image = decode_image(encoded(quadrants().convert(mode), kind))
    assert image.mode == "RGB"
    assert near(image, (56, 56), WHITE)
    if mode in ("CMYK", "YCbCr"):
        assert near(image, (8, 8), RED, 30)


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (32, 32), (*BLUE, 0))
    clear.paste((*RED, 255), (0, 0, 16, 32))
    for kind in ("PNG", "WEBP", "TIFF"):
        image = decode_image(encoded(clear, kind, **({"lossless": True} if kind == "WEBP" else {})))
        assert near(image, (4, 4), RED)
        assert near(image, (28, 4), WHITE)
    half = decode_image(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 128))))
    assert near(half, (4, 4), (127, 127, 127), 2)


def test_palette_and_colour_key_transparency_are_laid_on_white():
    image = decode_image(palette_with_transparency())
    assert near(image, (4, 4), RED, 0)
    assert near(image, (28, 4), WHITE, 0)
    keyed = decode_image(encoded(quadrants(), "PNG", transparency=BLUE))
    assert near(keyed, (8, 56), WHITE, 0)
    grey_alpha = decode_image(encoded(Image.new("LA", (8, 8), (0, 0))))
    assert near(grey_alpha, (4, 4), WHITE, 0)


@pytest.mark.parametrize("side", [None, 16])
def test_a_large_colour_keyed_image_keeps_its_key_when_shrunk(side):
    striped = np.zeros((256, 256, 3), dtype=np.uint8)
    striped[:, ::2] = BLUE
    image = decode_image(encoded(Image.fromarray(striped), "PNG", transparency=BLUE), side=side)
    shown = np.unique(np.asarray(image).reshape(-1, 3), axis=0)
    assert {tuple(colour) for colour in shown.tolist()} == {(0, 0, 0), WHITE}


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 256 * 4).reshape(4, 256).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        grey = np.asarray(decode_image(encoded(Image.fromarray(ramp), kind)))[..., 0]
        np.testing.assert_allclose(grey, ramp / 257.0, atol=1.0)


@pytest.mark.parametrize(("peak", "bright"), [(1.0, 255), (255.0, 255), (1e6, 255), (0.5, 128)])
def test_floats_find_their_white(peak, bright):
    values = np.linspace(0, peak, 64, dtype=np.float32).reshape(8, 8)
    values[0, 1] = np.nan
    grey = np.asarray(decode_image(encoded(Image.fromarray(values), "TIFF")))
    assert grey.max() == bright
    assert grey[0, 1, 0] == 0


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    assert near(decode_image(animated(kind)), (16, 16), RED)


def test_side_decodes_large_jpegs_at_a_smaller_scale():
    large = jpeg(3, 1600, 1200)
    small = decode_image(large, side=64)
    assert 64 <= min(small.size) < 600
    whole = square_pixels(decode_image(large), 64).astype(int)
    assert np.abs(square_pixels(small, 64).astype(int) - whole).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_side_never_goes_below_itself(kind, mode):
    if (kind, mode) in {("BMP", "RGBA"), ("WEBP", "P")}:
        pytest.skip(f"Pillow does not write {mode} as {kind}")
    large = encoded(noise(4, 700, 500).convert(mode), kind)
    small = decode_image(large, side=50)
    assert min(small.size) >= 50
    assert small.mode == "RGB"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cut_anywhere_an_image_is_whole_or_failed(kind, data):
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encoded(noise(5, 40, 40), kind, **options)
    cut = data.draw(st.integers(0, len(file) - 1))
    whole = np.asarray(decode_image(file))
    try:
        image = decode_image(file[:cut])
    except ImageError:
        return
    np.testing.assert_array_equal(np.asarray(image), whole)  # only bytes after the pixels were lost


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12))
def test_flipped_bytes_give_a_picture_or_a_reason(kind, flips):
    file = bytearray(encoded(noise(6, 24, 24), kind))
    for place, value in flips:
        file[place % len(file)] = value
    with suppress(ImageError):  # nothing else may be raised
        assert decode_image(bytes(file), side=16, max_pixels=1_000_000).mode == "RGB"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_reason(data):
    with pytest.raises(ImageError):
        decode_image(data)


def test_pad_keeps_proportions_on_white_and_stretch_fills():
    tall = Image.new("RGB", (20, 40), RED)
    padded = square_pixels(tall, 32, "pad")
    assert (padded.dtype, padded.shape) == (np.uint8, (3, 32, 32))
    assert padded[:, 16, 2].tolist() == list(WHITE)
    assert padded[:, 16, 16].tolist() == list(RED)
    assert (padded[0] == RED[0]).mean() == pytest.approx(0.5)
    stretched = square_pixels(tall, 32, "stretch")
    assert (stretched == np.array(RED)[:, None, None]).all()


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_every_shape_becomes_a_square(width, height, side):
    pixels = square_pixels(Image.new("RGB", (width, height), RED), side)
    assert pixels.shape == (3, side, side)
    assert (pixels == np.array(RED)[:, None, None]).all(axis=0).any()


def test_channels_are_red_green_blue():
    pixels = square_pixels(quadrants(), 64)
    assert pixels[:, 8, 8].tolist() == list(RED)


def test_pillow_is_left_as_it_was():
    limit = Image.MAX_IMAGE_PIXELS
    decode_image(jpeg())
    assert limit == Image.MAX_IMAGE_PIXELS
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert Image.open(io.BytesIO(encoded(quadrants(), "PPM"))).format == "PPM"
