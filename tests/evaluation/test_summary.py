"""Sentences and the short table: plain words, and never better than the figures."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.evaluation import summary

BOOTS, SANDALS, TOTES = ("Men", "Shoes", "Boots"), ("Men", "Shoes", "Sandals"), ("Women", "Bags")


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.905, 1, "90.5 %"),
        (1.0, 1, "100 %"),
        (0.99999, 1, "99.9 %"),
        (0.996, 0, "99 %"),
        (0.0, 1, "0 %"),
        (0.00001, 1, "< 0.1 %"),
        (None, 1, "–"),
    ],
)
def test_percent(share: float | None, digits: int, text: str) -> None:
    assert summary.percent(share, digits) == text


@given(st.floats(0, 1), st.integers(0, 2))
def test_only_everything_is_a_hundred_percent(share: float, digits: int) -> None:
    text = summary.percent(share, digits)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)
    number = float(re.sub(r"[^0-9.]", "", text))
    assert number / 100 == pytest.approx(share, abs=1.01 * 10.0 ** (-digits - 2))


def test_the_main_sentence_says_how_many_need_no_person(path_evaluation, label_evaluation) -> None:
    assert summary.acceptance_sentence(path_evaluation()) == (
        "Of 1,000 new products like these, about 430 can be accepted without a person, 67 % of them right."
    )
    assert "with exactly the right labels" in summary.acceptance_sentence(label_evaluation())
    assert summary.review_sentence(path_evaluation()) == (
        "The other 42.9 % go to a person, with suggestions. 1 product could not be categorized at all."
    )


def test_the_main_sentence_at_its_ends(path_evaluation) -> None:
    def routed(share: float):
        evaluation = path_evaluation()
        accept = evaluation.routes.accept.model_copy(
            update={"share": share, "products": round(share * 7000), "accuracy": 0.97 if share else None}
        )
        routes = evaluation.routes.model_copy(update={"accept": accept})
        return evaluation.model_copy(update={"routes": routes})

    assert "all of them go to a person" in summary.acceptance_sentence(routed(0))
    assert summary.acceptance_sentence(routed(1)).startswith("Products like these can all be accepted")
    assert "about 1 can" in summary.acceptance_sentence(routed(0.0006))
    assert "about 999 can" in summary.acceptance_sentence(routed(0.9999))


def test_fusion_that_does_not_help_is_said(path_evaluation) -> None:
    truth = [
        BOOTS,
        BOOTS,
        (),
        ("Men", "Shoes", "Sandals"),
        ("Men", "Shoes", "Sandals"),
        ("Pets",),
        BOOTS,
        TOTES,
    ]
    assert "did worse" in summary.fusion_sentence(path_evaluation(per_classifier={"title": truth}))
    assert "changes nothing" in summary.fusion_sentence(path_evaluation())
    assert "pays" in summary.fusion_sentence(path_evaluation(per_classifier={"image": [TOTES] * 8}))
    assert "single classifier" in summary.fusion_sentence(path_evaluation(per_classifier={}))


def test_summary_rows_of_paths(path_evaluation) -> None:
    rows = dict(summary.summary_rows(path_evaluation()))
    assert rows["products scored"] == "7 in 4 categories"
    assert rows["department"].startswith("71.4 %")
    assert rows["title alone, whole path"] == "57.1 %"
    assert rows["failed"] == "1"
    assert rows["without a true category"] == "1 (left out)"
    assert rows["never seen in training"] == "1 product"


def test_summary_rows_of_label_sets(label_evaluation) -> None:
    rows = dict(summary.summary_rows(label_evaluation()))
    assert rows["precision / recall"] == "60.0 % / 60.0 %"
    assert rows["exact label set"] == "33.3 %"
    assert "failed" not in rows
