"""Explanations from the command line and from Python: votes, words, similar products, in every kind of file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from shelfwise import Catalog, Categorizer
from shelfwise.demo import StoreFiles
from shelfwise.explaining import _outcomes_of, _probability_of, _pull, _strongest
from shelfwise.fusion.opinion_pool import OpinionPool
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget((("Home", "Lamps"), ("Home", "Pans"), ("Toys",)))


def test_every_kind_of_file_says_why(
    shelfwise: object, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    files = [tmp_path / f"why.{ending}" for ending in ("jsonl", "parquet", "csv")]
    for file in files:
        done = shelfwise("predict", model_folder, store.new_products, "-o", file, "--explain", "--quiet")  # type: ignore[operator]
        assert done.status == 0, done.err
    lines = [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines()]
    told = [line["explanation"] for line in lines]
    assert pq.read_table(files[1]).column("explanation").to_pylist() == told
    with files[2].open(encoding="utf-8", newline="") as stream:
        assert [json.loads(row["explanation"] or "null") for row in csv.DictReader(stream)] == told
    for line in lines:
        why = line["explanation"]
        assert (why is None) == (line["decision"] == "failed")
        if why is None:
            continue
        assert sum(vote["weight"] for vote in why["votes"]) == pytest.approx(1, abs=1e-3)
        assert [vote["weight"] for vote in why["votes"]] == sorted(
            (vote["weight"] for vote in why["votes"]), reverse=True
        )
        assert all(vote["chosen"] <= vote["probability"] + 1e-9 for vote in why["votes"])
        assert all(0 < other["similarity"] <= 1 and other["title"] for other in why["similar"])
        assert {word["input"] for word in why["words"]} <= {"title", "brand"}


def test_without_the_option_nothing_is_explained(
    shelfwise: object, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    file = tmp_path / "plain.jsonl"
    assert shelfwise("predict", model_folder, store.new_products, "-o", file, "--quiet").status == 0  # type: ignore[operator]
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert all(line["explanation"] is None for line in lines)
    assert all(0 <= line["novelty"] <= 1 for line in lines if line["decision"] != "failed")


def test_explaining_changes_no_prediction(model_folder: Path, store: StoreFiles) -> None:
    from dataclasses import replace

    model, new = Categorizer.load(model_folder), Catalog.read(store.new_products)
    explained = model.explain(new)
    assert [replace(one, explanation=None) for one in explained] == model.predict(new)
    alone = model.explain(new.take(np.array([3])))[0].explanation
    together = explained[3].explanation
    assert alone is not None
    assert together is not None
    assert [vote.classifier for vote in alone.votes] == [vote.classifier for vote in together.votes]
    assert alone.similar == together.similar


def test_words_of_the_text_are_told_and_no_others(model_folder: Path, store: StoreFiles) -> None:
    new = Catalog.read(store.new_products)
    titles = new.column("title").to_pylist()
    for title, one in zip(titles, Categorizer.load(model_folder).explain(new), strict=True):
        if one.explanation is None:
            continue
        words = [word.word for word in one.explanation.words if word.input == "title"]
        assert all(part in (title or "").casefold() for word in words for part in word.split())


def test_an_opinion_pools_pull_is_its_weights(model_folder: Path) -> None:
    ensemble = Categorizer.load(model_folder).ensemble_
    pool = OpinionPool(True)
    pool.weights = np.array([0.2, 0.5, 0.9])
    ensemble.policy = pool
    random = np.random.default_rng(0)
    logits = np.log(random.dirichlet(np.ones(ensemble.target.n_outcomes), (3, 4)))
    present = np.array([[True] * 4, [True] * 4, [True, True, True, False]])
    about = np.eye(ensemble.target.n_outcomes)[[0, 1, 2, 3]]
    pull = _pull(ensemble, logits, present, about)
    np.testing.assert_allclose(pull, pool.shares(present) * ensemble.calibration.scale, rtol=1e-6, atol=1e-9)


def test_what_an_answer_is_about() -> None:
    mine = np.array([[0.2, 0.6, 0.2]])
    assert _outcomes_of(PATHS, [("Home", "Pans")], mine).tolist() == [[0, 1, 0]]
    np.testing.assert_allclose(_outcomes_of(PATHS, [("Home",)], mine), [[0.25, 0.75, 0]])
    assert _outcomes_of(PATHS, [()], mine).tolist() == [[0, 1, 0]]
    labels = LabelTarget(("a", "b", "c"))
    assert _outcomes_of(labels, [("a", "c")], mine).tolist() == [[0.5, 0, 0.5]]
    sets = LabelTarget(("a", "b", "c"), ((0,), (0, 1), (2,)))
    np.testing.assert_allclose(_outcomes_of(sets, [("a", "b")], mine), [[0, 1, 0]])


def test_how_probable_an_answer_is() -> None:
    chances = np.array([[0.2, 0.6, 0.2]])
    assert _probability_of(PATHS, [("Home",)], chances) == pytest.approx([0.8])
    assert _probability_of(PATHS, [()], chances) == [0]
    assert _probability_of(LabelTarget(("a", "b", "c")), [("a", "b")], chances) == pytest.approx([0.4])


def test_the_strongest_words_for_and_against_are_told() -> None:
    total = {("t", f"w{number:02}"): number / 10 for number in range(1, 20)}
    total |= {("t", f"v{number:02}"): -number / 10 for number in range(1, 20)}
    told = _strongest(total)
    assert len(told) == 16
    assert [abs(word.weight) for word in told] == sorted((abs(word.weight) for word in told), reverse=True)
    assert {word.word for word in told if word.weight > 0} == {f"w{number:02}" for number in range(12, 20)}
