"""The way down a taxonomy as choices: numbered by hand, and true of any tree."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.heads.choices import NONE, STOP, Choices
from shelfwise.taxonomy.targets import PathTarget

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=2, max_size=12, unique=True
)
UNEVEN = PathTarget((("Bags",), ("Men",), ("Men", "Shoes"), ("Women", "Shoes")))


def test_choices_by_hand() -> None:
    choices = Choices(UNEVEN)
    assert choices.places == [(), ("Men",), ("Women",)]
    assert choices.names == [["Bags", "Men", "Women"], [STOP, "Shoes"]]
    assert choices.depth == 2
    assert choices.places_of == [range(1), range(1, 3)]
    # At the root 0 Bags, 1 Men, 2 Women; at Men 3 stop, 4 Shoes; at Women 5 Shoes.
    assert choices.choices_of == [range(3), range(3, 5), range(5, 6)]
    assert choices.place.tolist() == [0, 0, 0, 1, 1, 2]
    assert choices.name.tolist() == [0, 1, 2, 0, 1, 1]
    assert choices.leads_to.tolist() == [NONE, 1, 2, NONE, NONE, NONE]
    assert choices.ends_at.tolist() == [0, NONE, NONE, 1, 2, 3]
    assert choices.steps.T.tolist() == [[0, 6], [1, 3], [1, 4], [2, 5]]
    assert choices.places_on.T.tolist() == [[0, NONE], [0, 1], [0, 1], [0, 2]]
    assert choices.names_on.T.tolist() == [[0, NONE], [1, 0], [1, 1], [2, 1]]
    assert choices.choices_at(1, torch.tensor([2, 1])).tolist() == [[NONE, 5], [3, 4]]


def test_probabilities_are_a_softmax_per_place() -> None:
    choices = Choices(UNEVEN)
    scores = torch.tensor([[1.0, 2.0, 0.5, -1.0, 3.0, 7.0]], dtype=torch.float64)
    found = choices.log_probabilities(scores).exp().numpy()[0]
    first, second = np.exp([1, 2, 0.5]), np.exp([-1, 3])
    np.testing.assert_allclose(found, [*first / first.sum(), *second / second.sum(), 1.0])
    paths = choices.sums_over_paths(choices.log_probabilities(scores)).exp().numpy()[0]
    np.testing.assert_allclose(paths, [found[0], found[1] * found[3], found[1] * found[4], found[2]])


@given(PATHS, st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_paths_share_the_probability_in_any_tree(paths: list[tuple[str, ...]], seed: int) -> None:
    target = PathTarget(tuple(sorted(paths)))
    choices = Choices(target)
    scores = torch.randn(3, len(choices), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = choices.sums_over_paths(choices.log_probabilities(scores * 5)).exp()
    torch.testing.assert_close(found.sum(1), torch.ones(3, dtype=torch.float64))
    # Every choice leads to a place or an outcome, never to both, and every outcome is reached once.
    assert ((choices.leads_to == NONE) != (choices.ends_at == NONE)).all()
    assert sorted(choices.ends_at[choices.ends_at != NONE].tolist()) == list(range(target.n_outcomes))


@given(PATHS)
@settings(deadline=None, max_examples=60)
def test_the_ways_lead_to_their_outcomes(paths: list[tuple[str, ...]]) -> None:
    target = PathTarget(tuple(sorted(paths)))
    choices = Choices(target)
    for number, outcome in enumerate(target.outcomes):
        place, walked, ends = 0, [], NONE
        for level in range(choices.depth):
            step = int(choices.steps[level, number])
            if step == len(choices):
                break
            assert int(choices.place[step]) == place == int(choices.places_on[level, number])
            walked.append(choices.names[level][int(choices.name[step])])
            place, ends = int(choices.leads_to[step]), int(choices.ends_at[step])
        assert tuple(name for name in walked if name != STOP) == outcome
        assert ends == number


def test_the_order_of_the_outcomes_does_not_matter() -> None:
    mixed = PathTarget(UNEVEN.outcomes[::-1])
    scores = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    one, other = (Choices(target) for target in (UNEVEN, mixed))
    torch.testing.assert_close(
        one.sums_over_paths(one.log_probabilities(scores)).flip(1),
        other.sums_over_paths(other.log_probabilities(scores)),
    )


def test_can_be_laid_out_without_memory() -> None:
    """Loading a model folder first builds every part so, to compare shapes."""
    with torch.device("meta"):
        assert len(Choices(UNEVEN)) == 6
