"""Training pictures change as far as asked, each by its own number, and not at all otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shelfwise.encoders.augmentation import Augmentation, augment, picture_draws

EVERYTHING = Augmentation(crop=0.3, flip=True, colour=0.3)


def pictures(count: int, seed: int = 0, side: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, 4, 4), generator=generator).float()
    return torch.nn.functional.interpolate(coarse, side, mode="bilinear").to(torch.uint8)


def test_nothing_asked_changes_nothing():
    pixels = pictures(3)
    assert Augmentation().nothing
    torch.testing.assert_close(augment(pixels, np.arange(3, dtype=np.uint64), Augmentation()), pixels)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6),
    st.floats(0, 0.9),
    st.booleans(),
    st.floats(0, 0.9),
    st.randoms(use_true_random=False),
)
def test_a_picture_changes_by_its_own_number_in_any_company(numbers, crop, flip, colour, random):
    how = Augmentation(crop=crop, flip=flip, colour=colour)
    pixels, draws = pictures(len(numbers)), np.array(numbers, dtype=np.uint64)
    whole = augment(pixels, draws, how)
    assert (whole.dtype, whole.shape) == (torch.uint8, pixels.shape)
    order = list(range(len(numbers)))
    random.shuffle(order)
    torch.testing.assert_close(augment(pixels[order], draws[order], how), whole[order], rtol=0, atol=0)
    for row in order[:2]:
        alone = augment(pixels[row : row + 1], draws[row : row + 1], how)
        assert (alone.int() - whole[row : row + 1].int()).abs().max() <= 1  # kernels may round another way


def test_odd_numbers_mirror():
    pixels = pictures(2)
    changed = augment(pixels, np.array([6, 7], dtype=np.uint64), Augmentation(flip=True))
    torch.testing.assert_close(changed[0], pixels[0])
    torch.testing.assert_close(changed[1], pixels[1].flip(2))


def test_a_crop_shows_a_part_and_never_more_than_is_asked_is_lost():
    side = 64
    ramp = torch.arange(side, dtype=torch.uint8).repeat(400, 3, side, 1)
    cut = augment(ramp, np.arange(400, dtype=np.uint64), Augmentation(crop=0.5)).int()
    seen = (cut[:, 0, 0, -1] - cut[:, 0, 0, 0] + 1) / side
    assert float(seen.min()) >= 0.5**0.5 - 0.05
    assert float(seen.max()) > 0.95
    assert (cut[:, 0, 0].diff(dim=1) >= 0).all()  # never mirrored
    assert {True} == {bool((cut[:, :, 0] == cut[:, :, -1]).all())}


def test_a_plain_picture_survives_crops_and_grey_survives_saturation():
    grey = torch.full((8, 3, 16, 16), 100, dtype=torch.uint8)
    draws = np.arange(8, dtype=np.uint64)
    torch.testing.assert_close(augment(grey, draws, Augmentation(crop=0.8)), grey)
    changed = augment(grey, draws, Augmentation(colour=0.5))
    assert (changed == changed[:, :1]).all()  # as grey as before
    assert int(changed.min()) >= 50
    assert int(changed.max()) <= 150
    assert len(changed[:, 0, 0, 0].unique()) > 4


def test_channel_order_is_respected():
    pixels = pictures(4)
    draws = np.arange(4, dtype=np.uint64)
    how = Augmentation(colour=0.6)
    torch.testing.assert_close(
        augment(pixels.flip(1), draws, how, bgr=True).flip(1), augment(pixels, draws, how)
    )


def test_numbers_come_from_the_picture_and_what_it_is_drawn_for():
    pixels = pictures(6).numpy()
    one = picture_draws(pixels, 1, 2)
    assert one.dtype == np.uint64
    np.testing.assert_array_equal(picture_draws(pixels[::-1], 1, 2), one[::-1])
    assert (
        len({*one.tolist(), *picture_draws(pixels, 1, 3).tolist(), *picture_draws(pixels, 2, 2).tolist()})
        == 18
    )
    many = picture_draws(np.arange(2000, dtype=np.float16)[:, None], 5)
    assert 900 < int((many % 2).sum()) < 1100
    assert picture_draws(pixels[:0], 1).shape == (0,)


@pytest.mark.parametrize("wrong", [{"crop": 1.0}, {"colour": -0.1}, {"rotate": 3}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        Augmentation(**wrong)
