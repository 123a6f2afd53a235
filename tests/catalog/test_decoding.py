"""Many images at once: in order, in bounded memory, each failure on its own row."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest
from tests.images_zoo import ListImages, broken_files, jpeg, present

from shelfwise.catalog.column import RawImage, State
from shelfwise.catalog.decoding import decode_many, each_image
from shelfwise.catalog.images import decode_image, square_pixels


def decoder_threads_alive() -> int:
    return sum(thread.name.startswith("decode") for thread in threading.enumerate())


@pytest.fixture
def mixed() -> list[RawImage]:
    good = [present(jpeg(seed)) for seed in range(23)]
    bad = [present(data) for data, _ in broken_files().values()]
    other = [RawImage(State.ABSENT), RawImage(State.FAILED, reason="file not found: x.jpg"), present(b"")]
    images = [*good, *bad, *other]
    return [images[place] for place in np.random.default_rng(0).permutation(len(images))]


def test_each_image_is_looked_at_in_order_and_counted(monkeypatch):
    monkeypatch.setattr("shelfwise.catalog.decoding.ROWS_PER_LOAD", 4)
    images = [RawImage(State.PRESENT, bytes([number])) for number in range(10)]
    done: list[int] = []
    blocks = list(each_image(ListImages(images), lambda image: image.data[0], done.append))
    assert blocks == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert done == [4, 4, 2]


def test_every_row_comes_out_in_its_place(mixed):
    rows = np.random.default_rng(1).permutation(len(mixed))
    batches = list(decode_many(ListImages(mixed), rows, 16, batch=7))
    np.testing.assert_array_equal(np.concatenate([batch.rows for batch in batches]), rows)
    pixels = np.concatenate([batch.pixels for batch in batches])
    states = np.concatenate([batch.states for batch in batches])
    reasons = {row: reason for batch in batches for row, reason in batch.reasons.items()}
    assert np.bincount(states, minlength=3)[State.PRESENT] == 23
    for place, row in enumerate(rows.tolist()):
        if states[place] == State.PRESENT:
            image = decode_image(mixed[row].data, side=16)
            np.testing.assert_array_equal(pixels[place], square_pixels(image, 16))
        else:
            assert not pixels[place].any()
        assert (row in reasons) == (states[place] == State.FAILED)
    unread = next(row for row, raw in enumerate(mixed) if raw.state == State.FAILED)
    assert reasons[unread] == "file not found: x.jpg"


@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (3, 4), (1000, 2)])
def test_batches_and_threads_change_nothing(mixed, batch, workers):
    rows = np.arange(len(mixed))
    one = np.concatenate([part.pixels for part in decode_many(ListImages(mixed), rows, 16)])
    other = decode_many(ListImages(mixed), rows, 16, batch=batch, workers=workers)
    np.testing.assert_array_equal(np.concatenate([part.pixels for part in other]), one)


def test_reads_at_most_one_batch_ahead():
    source = ListImages([present(jpeg(0))] * 100)
    batches = decode_many(source, range(100), 16, batch=10)
    next(batches)
    assert source.loads == [10, 10]
    batches.close()


def test_no_rows_no_batches():
    assert list(decode_many(ListImages([]), [], 16)) == []


def test_the_callers_way_of_squaring_is_used():
    source = ListImages([present(jpeg(0, 10, 40))])
    (padded,) = decode_many(source, [0], 16)
    (stretched,) = decode_many(source, [0], 16, square=partial(square_pixels, fill="stretch"))
    assert (padded.pixels[0, :, :, 0] == 255).all()
    assert not (stretched.pixels[0, :, :, 0] == 255).all()


def test_an_interrupt_stops_the_threads():
    class Interrupted(ListImages):
        def load(self, rows):
            if len(self.loads) == 2:
                raise KeyboardInterrupt
            return super().load(rows)

    with pytest.raises(KeyboardInterrupt):
        list(decode_many(Interrupted([present(jpeg(0))] * 40), range(40), 16, batch=10))
    assert decoder_threads_alive() == 0


def test_dropping_the_iterator_stops_the_threads():
    batches = decode_many(ListImages([present(jpeg(0))] * 40), range(40), 16, batch=10)
    next(batches)
    batches.close()
    assert decoder_threads_alive() == 0


def test_a_source_that_loses_rows_is_an_error():
    class Forgetful(ListImages):
        def load(self, rows):
            return super().load(rows)[:-1]

    with pytest.raises(ValueError, match="one raw image for each"):
        list(decode_many(Forgetful([present(jpeg(0))] * 4), range(4), 16))


def test_errors_that_are_no_images_fault_are_raised():
    def broken(image, side):
        raise AssertionError("a bug")

    with pytest.raises(AssertionError, match="a bug"):
        list(decode_many(ListImages([present(jpeg(0))]), [0], 16, square=broken))
