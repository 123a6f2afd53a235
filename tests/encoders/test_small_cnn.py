"""A small network on pixels: learns, repeats, and sees each picture alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.images_zoo import broken_files, image_column, jpeg, present
from torch import nn

from shelfwise.catalog.column import RawImage, State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.small_cnn import SmallCnn, SmallCnnOptions, flip_and_shift
from shelfwise.errors import ModelFolderError


@pytest.fixture
def encoder() -> SmallCnn:
    return SmallCnn(SmallCnnOptions(side=32, width=64))


def random_pixels(count: int, side: int = 32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_prepare_keeps_every_row_with_its_state_and_reason(encoder):
    images = [
        present(jpeg(0)),
        RawImage(State.ABSENT),
        present(broken_files()["truncated_jpeg"][0]),
        RawImage(State.FAILED, reason="file not found"),
        present(jpeg(1)),
    ]
    done: list[int] = []
    prepared = encoder.prepare(image_column(images), done.append)
    assert prepared.matrix.dtype == np.uint8
    assert prepared.matrix.shape == (5, 3, 32, 32)
    assert prepared.state.tolist() == [State.PRESENT, State.ABSENT, State.FAILED, State.FAILED, State.PRESENT]
    assert "truncated" in prepared.reasons[2]
    assert prepared.reasons[3] == "file not found"
    assert not prepared.matrix[1:4].any()
    assert sum(done) == 5
    assert encoder.transform(encoder.fit(prepared, np.array([], dtype=int)).transform(prepared)) is prepared


def test_prepare_of_nothing(encoder):
    assert encoder.prepare(image_column([])).matrix.shape == (0, 3, 32, 32)


def test_rows_prepare_alike_in_any_order(encoder):
    images = [present(jpeg(seed)) for seed in range(9)] + [RawImage(State.ABSENT)]
    order = np.random.default_rng(0).permutation(len(images))
    whole = encoder.prepare(image_column(images)).take(order)
    shuffled = encoder.prepare(image_column([images[row] for row in order]))
    np.testing.assert_array_equal(whole.matrix, shuffled.matrix)
    np.testing.assert_array_equal(whole.state, shuffled.state)


def test_transform_refuses_pixels_of_another_side(encoder):
    with pytest.raises(ValueError, match="expected pixels"):
        encoder.transform(Encoded(np.zeros((2, 3, 16, 16), np.uint8), np.zeros(2, np.int8)))


@pytest.mark.parametrize("side", [16, 33, 64, 72, 128])
def test_network_gives_width_for_uint8_and_float(side):
    encoder = SmallCnn(SmallCnnOptions(side=side, width=64))
    network = encoder.network().eval()
    pixels = random_pixels(3, side)
    vectors = network(pixels)
    assert vectors.shape == (3, encoder.width)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(network(pixels.float()), vectors)


def test_a_vector_knows_where_in_the_picture_something_is():
    """The same shape, at the top and at the bottom; an average over the picture would be about the same."""
    torch.manual_seed(0)
    network = SmallCnn(SmallCnnOptions(side=64, width=64, dropout=0.0)).network().eval()
    pixels = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    pixels[0, :, 8:24, 16:48] = pixels[1, :, 40:56, 16:48] = 0
    with torch.no_grad():
        top, bottom = network(pixels)
    assert float((top - bottom).norm()) > 0.15 * float(top.norm())


def test_default_network_is_small():
    weights = sum(part.numel() for part in SmallCnn(SmallCnnOptions()).network().parameters())
    assert 250_000 < weights < 1_000_000


def test_a_vector_does_not_depend_on_the_others_of_its_batch():
    network = SmallCnn(SmallCnnOptions(side=32, width=64, dropout=0.0)).network().eval()
    pixels = random_pixels(8)
    with torch.no_grad():
        together = network(pixels)
        alone = torch.cat([network(pixels[row : row + 1]) for row in range(8)])
        among_blanks = network(torch.cat([pixels[:4], torch.zeros_like(pixels[4:])]))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[:4], among_blanks[:4], rtol=1e-4, atol=1e-5)


def test_blank_pictures_give_finite_gradients(encoder):
    network = encoder.network().train()
    network(torch.zeros(4, 3, 32, 32, dtype=torch.uint8)).sum().backward()
    assert all(torch.isfinite(part.grad).all() for part in network.parameters())


def test_augmentation_is_for_training_only_and_repeats_with_the_seed(encoder):
    network = SmallCnn(SmallCnnOptions(side=32, width=64, dropout=0.0)).network()
    pixels = random_pixels(4)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(pixels), network.eval()(pixels), rtol=0, atol=0)
        draws = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            draws.append(network.train()(pixels))
    torch.testing.assert_close(draws[0], draws[1], rtol=0, atol=0)
    assert not torch.allclose(draws[0], draws[2])


def test_flip_and_shift_moves_by_a_sixteenth_and_repeats_the_border():
    torch.manual_seed(0)
    columns = torch.arange(32, dtype=torch.uint8).repeat(200, 3, 32, 1)  # each pixel says its column
    moved = flip_and_shift(columns)
    assert moved.shape == columns.shape
    assert moved.dtype == torch.uint8
    rows = moved[:, 0, 0].int()
    mirrored = rows[:, 5] > rows[:, 20]
    assert 60 < int(mirrored.sum()) < 140
    offsets = torch.where(mirrored, 31 - rows[:, 16], rows[:, 16]) - torch.where(mirrored, 16, 16)
    assert int(offsets.abs().max()) == 2
    assert {0, 1, 2} <= set(offsets.abs().tolist())
    assert (rows.diff(dim=1).abs() <= 1).all()
    assert (moved == moved[:, :, :1]).all()


def test_learns_to_tell_stripes_from_a_few_pictures():
    torch.manual_seed(0)
    network = nn.Sequential(SmallCnn(SmallCnnOptions(side=32, width=64)).network(), nn.Linear(64, 2))
    generator = torch.Generator().manual_seed(0)
    line = torch.randint(0, 2, (256, 1, 1, 32), generator=generator) * 200
    across = line.expand(-1, 3, 32, -1)
    truth = torch.arange(256) % 2
    pixels = torch.where(truth[:, None, None, None] == 1, across, across.transpose(2, 3)).to(torch.uint8)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(24):
        part = torch.arange(step * 32, step * 32 + 32) % 192
        loss = nn.functional.cross_entropy(network(pixels[part]), truth[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (network.eval()(pixels[192:]).argmax(1) == truth[192:]).float().mean()
    assert right > 0.95


def test_state_is_empty_and_anything_else_is_refused(encoder):
    assert encoder.state_arrays() == {}
    assert encoder.load_state({}, encoder.state_json()) is encoder
    with pytest.raises(ModelFolderError, match="mean"):
        encoder.load_state({"mean": np.zeros(3)}, {})
