"""Every type's picture can be drawn, is visible, and depends on its specification alone."""

from __future__ import annotations

import io
from random import Random

import numpy as np
import pytest
from PIL import Image

from shelfwise.demo.drawings import DRAWINGS, Sketch
from shelfwise.demo.drawings.sketch import arc
from shelfwise.demo.pictures import SIDE, PictureSpec, render_jpeg
from shelfwise.demo.words import SHELVES


def _pixels(spec: PictureSpec) -> np.ndarray:
    with Image.open(io.BytesIO(render_jpeg(spec))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIDE, SIDE))
        return np.asarray(image, dtype=np.float64)


def test_types_and_drawings_match() -> None:
    assert {kind.drawing for _, _, kind in SHELVES} == set(DRAWINGS)


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_a_drawing_fills_its_frame_and_stays_inside(name: str) -> None:
    for seed in range(20):
        sketch = Sketch()
        DRAWINGS[name](sketch, Random(seed))
        points = np.array([point for shape in sketch.shapes for point in shape.points])
        assert np.abs(points).max() <= 1.06
        assert (np.ptp(points, axis=0) > 0.3).all()


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_a_picture_shows_something_in_the_middle(name: str) -> None:
    picture = _pixels(PictureSpec(name, "blue", "a"))
    border = np.concatenate([picture[:6].reshape(-1, 3), picture[:, :6].reshape(-1, 3)]).mean(0)
    difference = np.abs(picture - border).max(axis=2)
    assert (difference > 30).mean() > 0.03


def test_a_picture_is_a_function_of_its_spec() -> None:
    spec = PictureSpec("mug", "red", "7")
    assert render_jpeg(spec) == render_jpeg(spec)
    assert render_jpeg(spec) != render_jpeg(PictureSpec("mug", "red", "8"))
    assert render_jpeg(spec) != render_jpeg(PictureSpec("mug", "blue", "7"))


def test_the_colour_can_be_seen() -> None:
    red, blue = (_pixels(PictureSpec("cushion", colour, "3"))[40:88, 40:88] for colour in ("red", "blue"))
    assert red[..., 0].mean() > blue[..., 0].mean() + 20
    assert blue[..., 2].mean() > red[..., 2].mean() + 20


def test_an_unknown_drawing_is_refused() -> None:
    for seed in range(40):  # packshots among them
        with pytest.raises(KeyError):
            render_jpeg(PictureSpec("unicorn", "red", str(seed)))


def test_sketch_shapes_have_the_geometry_they_promise() -> None:
    sketch = Sketch()
    sketch.symmetric([(0.2, -0.5), (0.4, 0.5)])
    assert sketch.shapes[-1].points == ((0.2, -0.5), (0.4, 0.5), (-0.4, 0.5), (-0.2, -0.5))
    sketch.rect(-0.5, -0.4, 0.5, 0.4, radius=0.1)
    rounded = np.array(sketch.shapes[-1].points)
    assert np.allclose([rounded.min(0), rounded.max(0)], [[-0.5, -0.4], [0.5, 0.4]])
    sketch.line([(0, 0), (0, 0)], width=0.2)
    assert np.allclose(np.abs(np.array(sketch.shapes[-1].points)).max(), 0.1)
    assert np.allclose(np.hypot(*np.array(arc(0, 0, 2, 2)).T), 2)
