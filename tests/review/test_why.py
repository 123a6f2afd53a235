"""Why, at the desk: read from every kind of prediction file, shown on the product's page, absent where not asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.review.desk_maker import PATHS, make_desk, path_card, predicted, sign_in, write_predictions

from shelfwise.explain.explanation import Explanation, SimilarProduct, Vote, Word
from shelfwise.review.app import make_app
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.prediction_file import read_predictions
from shelfwise.review.run import LOOPBACK_NAMES
from shelfwise.review.why import shown

WHY = Explanation(
    (
        Vote("words", ("title", "description"), PATHS[0], 0.81, 0.81, 0.62),
        Vote("early", ("title", "brand", "image"), PATHS[0], 0.64, 0.64, 0.27),
        Vote("image", ("image",), PATHS[1], 0.55, 0.31, 0.11),
    ),
    (
        Word("title", "stock pot", 2.31),
        Word("title", "<b>lid</b>", 1.2),
        Word("description", "litre", 0.7),
        Word("brand", "Kelloka", -0.4),
    ),
    (
        SimilarProduct("t1", "Stock pot with lid, 5 litres", PATHS[0], 0.83),
        SimilarProduct("t2", "", ("Gone", "Away"), 0.61),
    ),
)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_every_kind_of_file_is_read(ending: str, tmp_path: Path) -> None:
    made = [predicted(0, explanation=WHY), predicted(1)]
    file = write_predictions(tmp_path / f"p.{ending}", made)
    assert [one.explanation for one in read_predictions(file, path_card())] == [WHY, None]


@pytest.mark.parametrize(
    "explanation",
    [
        3,
        [],
        {"votes": []},
        {"votes": [], "words": [{"input": "t", "word": "x", "weight": "much"}], "similar": []},
        {"votes": [], "words": [], "similar": [], "more": []},
    ],
)
def test_what_is_no_explanation_is_refused(explanation: object, tmp_path: Path) -> None:
    file = write_predictions(tmp_path / "p.jsonl", [predicted(0)])
    row = json.loads(file.read_text(encoding="utf-8")) | {"explanation": explanation}
    file.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(PredictionFileError, match="explanation"):
        list(read_predictions(file, path_card()))


def test_the_page_says_why(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, predictions=[predicted(0, 0.5, explanation=WHY)])
    client = TestClient(make_app(desk, LOOPBACK_NAMES), base_url="http://127.0.0.1")
    sign_in(client)
    page = client.get("/review").text
    for told in (
        "Why",
        "62\N{NO-BREAK SPACE}%",
        "stock pot",
        "&lt;b&gt;lid&lt;/b&gt;",
        "Stock pot with lid, 5 litres",
        "83\N{NO-BREAK SPACE}% alike",
    ):
        assert told in page, told
    assert page.count("Words for it") == page.count("Words against it") == 1
    assert page.count('form="decide" name="to"') == 1  # of the category that the taxonomy still has


def test_without_an_explanation_the_page_has_no_such_part(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, predictions=[predicted(0, 0.5)])
    client = TestClient(make_app(desk, LOOPBACK_NAMES), base_url="http://127.0.0.1")
    sign_in(client)
    assert 'class="why"' not in client.get("/review").text


def test_strength_is_beside_the_strongest_word() -> None:
    why = shown(json.dumps(WHY.to_json()), {PATHS[0]: 7})
    assert why is not None
    assert [round(one.strength, 2) for one in why.words_for] == [1.0, 0.52, 0.3]
    assert [one.word.word for one in why.words_against] == ["Kelloka"]
    assert [number for _, number in why.similar] == [7, None]
    assert shown("", {}) is None
