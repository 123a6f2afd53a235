"""The promise of a precision: by the exact interval, in a fixed order of tests, near-duplicates counted as fewer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from shelfwise.decision.promise import (
    Ranking,
    binomial_isf,
    design_effects,
    factor_needed,
    lower_bound,
    lowest_promised,
    products_needed,
)

CONFIDENCES = st.one_of(st.sampled_from([0.2, 0.5, 0.9]), st.floats(0, 1))
CASES = st.lists(
    st.tuples(CONFIDENCES, st.sampled_from([True, True, True, False]), st.integers(0, 6)), max_size=40
)


def arrays(cases: list[tuple[float, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    confidence = np.array([case[0] for case in cases], np.float64)
    return (
        confidence,
        np.array([case[1] for case in cases], bool),
        np.array([case[2] for case in cases], np.int64),
    )


def exact_bound(right: int, accepted: int) -> float:
    if not right:
        return 0.0
    interval = binomtest(right, accepted, alternative="greater").proportion_ci(0.95, method="exact")
    return float(interval.low)


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_lower_bound_is_that_of_scipy(right: int, accepted: int) -> None:
    right = min(right, accepted)
    assert float(lower_bound(right, accepted)) == pytest.approx(exact_bound(right, accepted), abs=1e-9)


@settings(deadline=None)
@given(CASES)
def test_a_ranking_counts_what_is_at_least_as_sure(cases: list[tuple[float, bool, int]]) -> None:
    confidence, right, groups = arrays(cases)
    ranking = Ranking.of(confidence, right, groups)
    assert ranking.confidence.tolist() == sorted(set(confidence.tolist()), reverse=True)
    assert ranking.total == len(cases)
    for place, threshold in enumerate(ranking.confidence):
        taken = confidence >= threshold
        assert ranking.accepted[place] == taken.sum()
        assert ranking.right[place] == right[taken].sum()
        assert ranking.expected[place] == pytest.approx(confidence[taken].mean())
        assert 0 < ranking.effective[place] <= taken.sum()


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=25))
def test_the_design_effect_by_its_definition(cases: list[tuple[bool, int]]) -> None:
    wrong = np.array([case[0] for case in cases])
    groups = np.array([case[1] for case in cases])
    found = design_effects(wrong, groups)

    def measured(count: int) -> tuple[float, int, float]:
        x, g = wrong[:count].astype(float), groups[:count]
        pairs = [(i, j) for i in range(count) for j in range(count) if i != j and g[i] == g[j]]
        rate = x.mean()
        likeness = 0.0
        if pairs and 0 < rate < 1:
            likeness = sum((x[i] - rate) * (x[j] - rate) for i, j in pairs) / (len(pairs) * rate * (1 - rate))
        return min(max(likeness, 0.0), 1.0), len(set(g[x > 0].tolist())), len(pairs) / count

    of_all, seen, _ = measured(len(cases))
    of_all = (seen * of_all + 5) / (seen + 5)
    for count in range(1, len(cases) + 1):
        likeness, seen, others = measured(count)
        wanted = 1 + (seen * likeness + 5 * of_all) / (seen + 5) * others
        assert found[count - 1] == pytest.approx(wanted, abs=1e-9)


def test_copies_count_once() -> None:
    """Every product ten times over: as good as once, in the promise as in the count of what is needed."""
    random = np.random.default_rng(0)
    confidence = np.repeat(random.random(300), 10)
    right = np.repeat(random.random(300) < 0.9, 10)
    groups = np.repeat(np.arange(300), 10)
    once = Ranking.of(confidence[::10], right[::10])
    often = Ranking.of(confidence, right, groups)
    np.testing.assert_allclose(often.effective, once.accepted, rtol=0.02)


def test_six_shirts_in_ten_colours_are_six_products() -> None:
    """All right, so how alike colours of a shirt are cannot be seen: they count once, until something says otherwise."""
    confidence, right = np.full(60, 0.99), np.ones(60, bool)
    assert lowest_promised(Ranking.of(confidence, right, np.repeat(np.arange(6), 10)), 0.95) is None
    assert lowest_promised(Ranking.of(confidence, right, np.arange(60)), 0.95) is not None


@pytest.mark.parametrize(("size", "together"), [(5, 1.0), (5, 0.7), (10, 0.7)])
def test_luck_of_groups_does_not_break_the_promise(size: int, together: float) -> None:
    """Again a confidence that says nothing and a precision just short of the target, of variants that are mostly right or wrong
    together: one in seven to one in four were promised while variants counted in full as long as none was wrong."""
    random = np.random.default_rng(0)
    count, promised = 1_500 // size, 0
    groups = np.repeat(np.arange(count), size)
    for _ in range(120):
        confidence = np.repeat(random.uniform(0.9, 1, count), size) + random.normal(0, 0.01, count * size)
        alike = np.repeat(random.random(count) < together, size)
        right = np.where(alike, np.repeat(random.random(count), size), random.random(count * size)) < 0.979
        promised += lowest_promised(Ranking.of(confidence, right, groups), 0.98) is not None
    assert promised <= 0.05 * 120


@settings(deadline=None, max_examples=60)
@given(CASES, st.sampled_from([0.3, 0.6, 0.8]))
def test_what_is_promised_passes_its_own_test(cases: list[tuple[float, bool, int]], precision: float) -> None:
    ranking = Ranking.of(*arrays(cases))
    place = lowest_promised(ranking, precision)
    if place is not None:
        assert ranking.bounds()[place] >= precision


@settings(deadline=None, max_examples=30)
@given(CASES, st.randoms())
def test_the_order_of_products_does_not_matter(cases: list[tuple[float, bool, int]], random: object) -> None:
    shuffled = list(cases)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (Ranking.of(*arrays(some)) for some in (cases, shuffled))
    np.testing.assert_allclose(one.bounds(), other.bounds())
    assert lowest_promised(one, 0.4) == lowest_promised(other, 0.4)


def test_luck_among_many_thresholds_does_not_break_the_promise() -> None:
    """A confidence that says nothing, and a precision just short of the target: the lowest threshold whose bound passes would
    be accepted by luck in one catalog of six; tested in order, in one of twenty at most."""
    random = np.random.default_rng(0)
    lucky = tested = 0
    for _ in range(300):
        confidence, right = random.uniform(0.95, 1, 1_000), random.random(1_000) < 0.979
        ranking = Ranking.of(confidence, right)
        lucky += bool((ranking.bounds() >= 0.98).any())
        tested += lowest_promised(ranking, 0.98) is not None
    assert lucky > 0.1 * 300
    assert tested <= 0.05 * 300


def test_the_promise_holds_where_confidence_is_right() -> None:
    random = np.random.default_rng(1)

    def catalog(count: int) -> tuple[np.ndarray, np.ndarray]:
        sure = 1 - 0.8 * (1 - random.beta(6, 0.4, count))
        return sure, random.random(count) < sure

    broken = 0
    world, answers = catalog(200_000)
    for _ in range(60):
        ranking = Ranking.of(*catalog(1_500))
        place = lowest_promised(ranking, 0.97)
        assert place is not None
        broken += answers[world >= ranking.confidence[place]].mean() < 0.97
    assert broken <= 6


@pytest.mark.parametrize("precision", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_products_needed_is_exact(precision: float) -> None:
    needed = products_needed(precision)
    assert exact_bound(needed, needed) >= precision > exact_bound(needed - 1, needed - 1)


def test_products_needed_for_certainty() -> None:
    with pytest.raises(ValueError, match="below 1"):
        products_needed(1.0)


@pytest.mark.parametrize(("count", "precision"), [(200, 0.999), (30, 0.95), (100, 0.98)])
def test_how_many_times_as_many_it_takes(count: int, precision: float) -> None:
    ranking = Ranking.of(np.linspace(0.5, 1, count), np.ones(count, bool))
    factor = factor_needed(ranking, precision)
    assert factor is not None
    assert factor * count == pytest.approx(products_needed(precision), rel=0.02)


def test_no_number_does_where_the_surest_are_wrong() -> None:
    right = np.arange(400) % 10 > 0
    assert factor_needed(Ranking.of(np.full(400, 0.9), right), 0.95) is None
    assert factor_needed(Ranking.of(np.full(400, 0.9), right), 1.0) is None
    assert factor_needed(Ranking.of(np.zeros(0), np.zeros(0, bool)), 0.9) is None


@pytest.mark.parametrize("probability", [1e-3, 0.3, 0.8, 0.95, 0.98, 0.999])
@pytest.mark.parametrize("chance", [0.05, 0.01, 0.21])
def test_what_is_seldom_surpassed_is_what_scipy_says(probability: float, chance: float) -> None:
    trials = np.concatenate([np.arange(3_000), [24_375, 10**6]])
    expected = binom.isf(chance, trials, probability)
    np.testing.assert_array_equal(binomial_isf(chance, trials, probability), expected)
