"""That products lack an input which training had is told where it is many products, and no chance."""

from __future__ import annotations

import pytest

from shelfwise.catalog.carried import Carried, sparse_inputs


@pytest.mark.parametrize(
    ("here", "trained", "told"),
    [
        ((0, 1_000), (3_000, 3_000), True),
        ((15, 1_000), (2_900, 3_000), True),
        ((0, 10), (95, 100), True),
        ((0, 9), (100, 100), False),
        ((850, 1_000), (3_000, 3_000), False),
        ((1_000, 1_000), (1_500, 3_000), False),
        ((4, 12), (60, 100), False),
        ((0, 0), (1, 1), False),
        ((0, 50), (0, 0), False),
    ],
)
def test_who_is_told_of(here: tuple[int, int], trained: tuple[int, int], told: bool) -> None:
    assert bool(list(sparse_inputs({"brand": Carried(*here, *trained)}))) == told


def test_figures_are_never_rounded_to_all_or_none() -> None:
    [line] = sparse_inputs({"brand": Carried(1, 100_000, 99_999, 100_000)})
    assert (
        "'brand' is filled in 0.1% of the 100,000 products here, and was in 99.9% of those learned from"
        in line
    )


def test_batches_add_up() -> None:
    both = Carried(1, 10, 90, 100) + Carried(3, 30, 90, 100)
    assert both == Carried(4, 40, 90, 100)
