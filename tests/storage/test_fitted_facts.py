"""What classifiers had learned from when they scored held-out products."""

from __future__ import annotations

import pytest

from shelfwise.storage.fitted_facts import FittedFacts


def facts(fitted: int, labelled: int, *, refitted: bool) -> FittedFacts:
    return FittedFacts(
        version="1",
        catalog=["shop.csv"],
        products=labelled,
        labelled=labelled,
        groups=labelled,
        fitted=fitted,
        held_out=labelled - fitted,
        folds=4,
        refitted=refitted,
        training_counts=[],
        policy="mean",
        scores={},
        curves={},
    )


def test_the_share_is_that_of_one_round_where_all_is_learned_at_the_end() -> None:
    assert facts(750, 1_000, refitted=True).share_before_refit == 0.75


@pytest.mark.parametrize(("fitted", "refitted"), [(750, False), (1_000, True), (0, True), (2_000, True)])
def test_it_is_one_where_nothing_more_was_learned_or_the_figures_cannot_be(
    fitted: int, refitted: bool
) -> None:
    assert facts(fitted, 1_000, refitted=refitted).share_before_refit == 1.0
