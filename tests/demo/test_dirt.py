"""Dirt damages what it should and nothing else."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.demo.dirt import LABELS, ImageFault, Row, break_two_images, mislabel, misspell


@given(st.text(max_size=60), st.integers(0, 1000))
def test_a_typo_touches_two_letters_at_most(text: str, seed: int) -> None:
    damaged = misspell(text, Random(seed))
    assert abs(len(damaged) - len(text)) <= 1
    start = next((i for i, (a, b) in enumerate(zip(text, damaged, strict=False)) if a != b), len(damaged))
    assert (
        damaged[start + 2 :] == text[start + 2 + len(text) - len(damaged) :]
        or damaged[start + 3 :] == text[start + 2 :]
    )
    assert not set(damaged) - set(text)


@pytest.mark.parametrize("text", ["", "a", "12 34", "mug"])
def test_texts_too_short_for_a_typo_stay(text: str) -> None:
    assert misspell(text, Random(0)) == text


@given(st.sampled_from(LABELS), st.integers(0, 10_000))
def test_a_wrong_label_is_another_path_of_the_taxonomy(path: tuple[str, str, str], seed: int) -> None:
    wrong = mislabel(path, Random(seed))
    assert wrong != path
    assert wrong in LABELS


def test_wrong_labels_mostly_stay_in_the_department() -> None:
    rng = Random(0)
    same = sum(mislabel(LABELS[0], rng)[0] == LABELS[0][0] for _ in range(500)) / 500
    assert 0.75 < same < 0.95


def test_broken_images_are_chosen_among_whole_ones() -> None:
    faults = [ImageFault.MISSING, ImageFault.NONE, ImageFault.LOST, ImageFault.NONE]
    rows = [Row("t", "d", "b", "1.00", LABELS[0], (), fault) for fault in faults]
    broken = [row.fault for row in break_two_images(rows, Random(2))]
    assert broken[0] is ImageFault.MISSING
    assert broken[2] is ImageFault.LOST
    assert {broken[1], broken[3]} == {ImageFault.TRUNCATED, ImageFault.EMPTY_FILE}
