"""Remembered products: found by brute force too, spread over kinds, and refused where a folder was altered."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.decision.novelty_recogniser import Recogniser
from shelfwise.errors import ModelFolderError
from shelfwise.explain.memory import SHARDS, Memory, _folded, choose_remembered
from shelfwise.explain.views import SLOTS, WORDS, View

VIEWS = (View(WORDS, ("title",), (1.0,)), View("photo", ("photo",), (1.0,)))


def unit(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, SLOTS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def made(count: int = 64, names: bool = True) -> Memory:
    ids = tuple(f"p{row}" for row in range(count)) if names else ()
    titles = tuple(f"Lamp ü {row}" for row in range(count)) if names else ()
    vectors = (unit(count, 1).astype(np.float16), unit(count, 2).astype(np.float16))
    width = sum(view.width for view in VIEWS)
    recogniser = Recogniser(np.zeros((width + 1, 3), np.float32))
    return Memory(VIEWS, vectors, tuple((row % 5,) for row in range(count)), ids, titles, recogniser)


def test_the_nearest_is_the_one_that_brute_force_finds() -> None:
    memory, asked = made(), unit(10, 3)
    # Folded to half their length; it is exact for what is folded.
    likeness = _folded(asked) @ _folded(memory.vectors[0].astype(np.float32)).T
    nearest, spread = memory.nearness(0, asked)
    np.testing.assert_allclose(nearest, likeness.max(1), atol=1e-3)
    np.testing.assert_allclose(spread, likeness.reshape(10, SHARDS, -1).max(2).mean(1), atol=1e-3)


def test_barred_products_do_not_count() -> None:
    memory = made()
    asked = memory.vectors[0][:3].astype(np.float32)
    nearest, _ = memory.nearness(0, asked)
    np.testing.assert_allclose(nearest, 1, atol=1e-3)
    barred, _ = memory.nearness(0, asked, [np.array([row]) for row in range(3)])
    assert (barred < 0.5).all()


def test_similar_products_are_told_best_first_over_the_views_known() -> None:
    memory = made()
    words, photo = memory.vectors[0][[7]].astype(np.float32), memory.vectors[1][[9]].astype(np.float32)
    [both] = memory.nearest([words, photo], [np.array([True]), np.array([True])], 2)
    assert {place for place, _ in both} == {7, 9}
    assert both[0][1] >= both[1][1]
    [one] = memory.nearest([words, photo], [np.array([True]), np.array([False])], 1)
    assert one == [(7, pytest.approx(1, abs=1e-3))]
    [nothing] = memory.nearest([words * 0, photo * 0], [np.array([False]), np.array([False])], 3)
    assert nothing == []


@pytest.mark.parametrize("names", [True, False])
def test_reading_back_gives_the_same(names: bool) -> None:
    memory = made(names=names)
    again = Memory.read(VIEWS, memory.arrays(), 5)
    assert (again.answers, again.ids, again.titles) == (memory.answers, memory.ids, memory.titles)
    assert again.named is names
    for one, other in zip(again.vectors, memory.vectors, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.recogniser is not None


def test_no_products_are_remembered_either() -> None:
    memory = Memory(VIEWS, tuple(np.zeros((0, SLOTS), np.float16) for _ in VIEWS), ())
    again = Memory.read(VIEWS, memory.arrays(), 5)
    assert len(again) == again.compared == 0
    assert not again.named


def broken(name: str, value: np.ndarray | None) -> dict[str, np.ndarray]:
    arrays = made().arrays()
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    return arrays


@pytest.mark.parametrize(
    "arrays",
    [
        broken("text", None),
        broken("other", np.zeros(3)),
        broken("vectors_0", np.zeros((64, SLOTS), np.float32)),
        broken("vectors_0", np.full((64, SLOTS), np.nan, np.float16)),
        broken("vectors_1", np.full((64, SLOTS), 3, np.float16)),
        broken("vectors_1", np.zeros((63, SLOTS), np.float16)),
        broken("answers", np.full(64, 5, np.int32)),
        broken("answers", np.full(64, -1, np.int32)),
        broken("answers", np.zeros(63, np.int32)),
        broken("answer_ends", np.arange(64)[::-1].astype(np.int64)),
        broken("text", np.full(int(made().arrays()["text_ends"][-1]), 255, np.uint8)),
        broken("text_ends", made().arrays()["text_ends"][:-1]),
        broken("weights", np.zeros((3, 3), np.float32)),
    ],
)
def test_altered_arrays_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelFolderError):
        Memory.read(VIEWS, arrays, 5)


def test_rare_kinds_are_remembered_too() -> None:
    kinds = np.concatenate([np.zeros(1_000, np.int64), np.arange(1, 21)])
    rows = np.arange(len(kinds)) + 7
    chosen = choose_remembered(kinds, rows, 100, seed=3)
    assert len(chosen) == len(set(chosen.tolist())) == 100
    assert set(kinds[chosen - 7]) == set(range(21))
    assert choose_remembered(kinds, rows, 100, seed=3).tolist() == chosen.tolist()
    assert sorted(choose_remembered(kinds, rows, 5_000, seed=3)) == rows.tolist()
    assert len(choose_remembered(kinds, rows, 0, seed=3)) == 0
