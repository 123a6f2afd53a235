"""Numbers as shops write them."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog.numbers import parse_column, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("-1.5e3", -1500),
        (".5", 0.5),
        ("007", 7),
        ("$1,299.00", 1299),
        ("1.299,00 €", 1299),
        ("EUR 12,50", 12.5),
        ("12,50", 12.5),
        ("1,299", 1299),
        ("0,299", 0.299),
        ("1,299,000", 1299000),
        ("1.299.000", 1299000),
        ("1,00,000", 100000),
        ("1 299,95 zł", 1299.95),
        ("1'299.95", 1299.95),
        ("Rs. 499", 499),
        ("20%", 20),
        ("", None),
        ("abc", None),
        ("12 cm x 4", None),
        ("1,2,3", None),
        ("1.2.3", None),
        ("1,2.3,4", None),
        ("inf", None),
        ("1e999", None),
        ("1" * 400, None),
        ("--1", None),
        ("€", None),
        (".", None),
    ],
)
def test_parse(text: str, number: float | None) -> None:
    assert parse_number(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back(value: float) -> None:
    assert parse_number(repr(value)) == value


@given(st.lists(st.none() | st.text(st.sampled_from("0123456789.,e+-€ x"), max_size=8)))
def test_a_column_is_its_values(texts: list[str | None]) -> None:
    values, failed = parse_column(pa.array(texts, pa.string()))
    expected = [None if text is None else parse_number(text) for text in texts]
    assert values.to_pylist() == expected
    assert failed.tolist() == [
        text is not None and number is None for text, number in zip(texts, expected, strict=True)
    ]
    assert all(value is None or math.isfinite(value) for value in values.to_pylist())
