"""Routing: an accept rule promises, or says what it would take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shelfwise.decision.routing import AcceptRule, fit_accept_rule, round_up, strictest


def test_all_right_is_promised_from_59_products_on() -> None:
    def rule(count: int) -> AcceptRule:
        return fit_accept_rule(np.linspace(0.5, 1, count), np.ones(count, bool), 0.95)

    assert rule(59).threshold == 0.5
    assert (rule(59).held, rule(59).coverage) == (1.0, 1.0)
    assert not rule(58).possible
    assert rule(58).factor == pytest.approx(59 / 58, rel=0.02)


def test_one_confidence_for_all_is_accepted_whole_or_not_at_all() -> None:
    confidence = np.full(200, 0.7)
    right = np.arange(200) < 190
    assert fit_accept_rule(confidence, right, 0.9).threshold == 0.7
    assert fit_accept_rule(confidence, right, 0.94).threshold == np.inf


def test_wrong_answers_at_the_top_are_outweighed_below() -> None:
    confidence = np.linspace(1, 0.96, 400)
    right = np.ones(400, bool)
    right[0] = False
    rule = fit_accept_rule(confidence, right, 0.95)
    assert rule.threshold == 0.96
    assert rule.held == pytest.approx(399 / 400)


def test_nothing_ever_right_or_no_products() -> None:
    assert not fit_accept_rule(np.linspace(0, 1, 50), np.zeros(50, bool), 0.1).possible
    rule = fit_accept_rule(np.zeros(0), np.zeros(0, bool), 0.5)
    assert (rule.possible, rule.basis, rule.coverage) == (False, 0, 0.0)


def test_never_wrong_cannot_be_promised() -> None:
    rule = fit_accept_rule(np.ones(10_000), np.ones(10_000, bool), 1.0)
    assert not rule.possible
    assert rule.impossible().endswith("no number of products can promise that nothing is ever wrong")


def test_what_cannot_be_promised_says_how_many_more_products_it_takes() -> None:
    rule = fit_accept_rule(np.linspace(0.5, 1, 200), np.ones(200, bool), 0.999)
    assert rule.impossible() == (
        "no confidence held a precision of 0.999 on the 200 held-out products; that takes about 2,800 more labelled products "
        "like these"
    )
    assert "about 14,000 more labelled" in rule.impossible(labelled_per_held_out=5)


def test_too_many_mistakes_for_any_number_of_products() -> None:
    rule = fit_accept_rule(np.full(400, 0.9), np.arange(400) % 10 > 0, 0.95)
    assert rule.impossible().endswith("more products alone would not change that")
    few = fit_accept_rule(np.full(20, 0.9), np.arange(20) % 10 > 0, 0.95)
    assert few.impossible().endswith(
        "that takes at least 39 more labelled products, and surest answers that are wrong less often"
    )


def test_the_strictest_of_several_promises() -> None:
    confidence, right = np.linspace(0, 1, 100), np.arange(100) >= 40
    whole = AcceptRule(0.9, 0.4, 100, 1.0, 0.6)
    assert strictest([whole], confidence, right) is whole
    both = strictest([whole, replace(whole, threshold=0.8, precision=0.99)], confidence, right)
    assert (both.precision, both.threshold, both.coverage) == (0.9, 0.8, pytest.approx(0.2))
    never = strictest([whole, replace(whole, threshold=np.inf, precision=0.999)], confidence, right)
    assert (never.precision, never.possible, never.held, never.coverage) == (0.9, False, 0.0, 0.0)


@pytest.mark.parametrize(
    ("count", "told"), [(0, 0), (-3, 0), (17, 17), (101, 110), (2_861.4, 2_900), (99.5, 100)]
)
def test_rounding_up(count: float, told: int) -> None:
    assert round_up(count) == told


def test_a_near_miss_is_not_told_to_the_product() -> None:
    rule = AcceptRule(0.95, float("inf"), 300, 0.0, 0.0, factor=1.0001)
    assert "takes about 150 more labelled products" in rule.impossible(labelled_per_held_out=10)


def test_what_some_threshold_holds_by_itself_is_not_a_matter_of_so_many_products() -> None:
    right = np.ones(1_000, bool)
    right[300:500] = False  # by the confidences alone 500 are best to start with
    rule = fit_accept_rule(np.linspace(1, 0.99, 1_000), right, 0.7)
    assert not rule.possible
    assert rule.factor == 1
    assert rule.impossible().endswith(
        "may be luck where so many are tried; more labelled products would tell"
    )
