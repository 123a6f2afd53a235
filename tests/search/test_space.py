"""What may be tried: ranges and choices are read, checked, and written for a study so that they come back the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.errors import RecipeError
from shelfwise.search.space import Choices, Range, parse_space

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def test_ranges_and_choices() -> None:
    space = parse_space(
        {
            "a.b": {"low": 0.3, "high": 10, "log": True},
            "c": {"low": 1, "high": 9, "step": 2},
            "d": {"choices": [[100], [200, 150]]},
        }
    )
    assert space == {
        "a.b": Range(0.3, 10, log=True),
        "c": Range(1, 9, step=2, whole=True),
        "d": Choices(("[100]", "[200, 150]")),
    }


def test_the_last_step_is_within() -> None:
    space = parse_space({"a": {"low": 0.1, "high": 0.95, "step": 0.2}})
    assert space["a"] == Range(0.1, 0.9, step=0.2)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ({}, ["expected {low"]),
        (3, ["got 3"]),
        ({"low": 2, "high": 2}, ["low below high", "low 2 and high 2"]),
        ({"low": 3, "high": 1}, ["low below high"]),
        ({"low": 1}, ["'high'", "None"]),
        ({"low": "1", "high": 2}, ["'low'", "'1'"]),
        ({"low": True, "high": 2}, ["'low'", "True"]),
        ({"low": float("nan"), "high": 2}, ["'low'", "nan"]),
        ({"low": 1, "high": float("inf")}, ["'high'", "inf"]),
        ({"low": 0, "high": 2, "log": True}, ["above 0", "got 0"]),
        ({"low": 1, "high": 2, "log": "yes"}, ["true or false", "'yes'"]),
        ({"low": 1, "high": 2, "log": True, "step": 0.1}, ["got both"]),
        ({"low": 1, "high": 2, "step": 0}, ["step above 0"]),
        ({"low": 1, "high": 2, "step": 5}, ["up to 1"]),
        ({"lo": 1, "high": 2}, ["'lo'", "did you mean 'low'?"]),
        ({"choices": [1, 2], "low": 1}, ["got both"]),
        ({"choices": []}, ["2 to 1,000 choices"]),
        ({"choices": [1]}, ["2 to 1,000 choices"]),
        ({"choices": "ab"}, ["2 to 1,000 choices", "'ab'"]),
        ({"choices": [1, 1]}, ["every choice once"]),
        ({"choices": [1, object()]}, ["expected choices of text"]),
        ({"choices": [1, float("nan")]}, ["finite"]),
    ],
)
def test_what_is_no_range(domain: Any, words: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        parse_space({"classifiers.words.epochs": domain})
    for word in ["classifiers.words.epochs", *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "block", [None, [], {}, "words", {3: {"low": 1, "high": 2}}, {"": {"choices": [1, 2]}}]
)
def test_what_is_no_space(block: Any) -> None:
    with pytest.raises(RecipeError, match="search"):
        parse_space(block)


@given(st.lists(JSON, min_size=2, max_size=5, unique_by=lambda value: json.dumps(value, sort_keys=True)))
def test_choices_come_back(values: list[Any]) -> None:
    choices = parse_space({"a": {"choices": values}})["a"]
    assert [choices.value(choices.key(value)) for value in values] == values
    assert choices.key("not among them") is None


@given(st.integers(-20, 20), st.integers(1, 30), st.integers(1, 9), st.integers(-60, 60))
def test_a_range_knows_its_values(low: int, width: int, step: int, value: int) -> None:
    domain = parse_space({"a": {"low": low, "high": low + width, "step": min(step, width)}})["a"]
    assert (domain.key(value) is not None) == (value in range(low, low + width + 1, min(step, width)))
    assert domain.key(value + 0.5) is None
    assert domain.key("1") is None
    assert domain.key(True) is None
