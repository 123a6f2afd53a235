"""The record goes to JSON and comes back unchanged, and a file is complete or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.results import CurvePoint, Evaluation, write_atomically

KEYS = [
    "format_version",
    "target",
    "gain",
    "headline",
    "products",
    "promises",
    "unlabelled",
    "unseen_products",
    "unseen_categories",
    "categories",
    "levels",
    "baseline",
    "classifiers",
    "routes",
    "coverage_curve",
    "calibration",
    "per_category",
    "misclassified",
    "misclassified_minimum",
    "confusions",
    "histogram",
    "data",
]
SCORES = [
    "level_accuracy",
    "mean_of_levels",
    "whole_path",
    "micro_f1",
    "macro_f1",
    "weighted_f1",
    "level_weighted_f1",
    "hierarchical_precision",
    "hierarchical_recall",
    "hierarchical_f1",
    "mean_common_depth",
    "mean_common_depth_of_mistakes",
    "mean_tree_distance",
    "mean_tree_distance_of_mistakes",
    "mistakes",
    "answered",
]


def test_json_brings_back_the_same_record(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.to_json(tmp_path / "folder" / "e.json")
    assert Evaluation.from_json(tmp_path / "folder" / "e.json") == evaluation


def test_the_keys_of_the_json_are_stable(tmp_path: Path, path_evaluation) -> None:
    path_evaluation().to_json(tmp_path / "e.json")
    found = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert sorted(found) == sorted(KEYS)
    assert sorted(found["headline"]) == ["high", "low", "name", "value"]
    assert sorted(found["classifiers"]["fused"]) == sorted(SCORES)


def test_a_loss_that_is_no_number_becomes_none(facts, path_evaluation) -> None:
    curve = [CurvePoint(part="title", epoch=1, loss=math.nan, metric=math.inf)]
    evaluation = path_evaluation(data=facts(training_curve=curve))
    assert evaluation.data.training_curve[0].loss is None
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


@pytest.mark.parametrize("content", ["", "{}", "not json", None])
def test_what_is_no_evaluation_is_refused_in_words(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ShelfwiseError, match=r"Expected an evaluation .* Run the evaluation again"):
        Evaluation.from_json(path)


def test_a_newer_format_is_refused(tmp_path: Path, path_evaluation) -> None:
    text = path_evaluation().model_dump_json().replace('"format_version":1', '"format_version":2')
    (tmp_path / "e.json").write_text(text, encoding="utf-8")
    with pytest.raises(ShelfwiseError, match="format 1"):
        Evaluation.from_json(tmp_path / "e.json")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.mkdir()  # a folder stands where the file should go
    (target / "kept").touch()
    with pytest.raises(ShelfwiseError, match="Expected to write"):
        write_atomically(target, "text")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "e.json"
    target.write_text("old", encoding="utf-8")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ShelfwiseError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["e.json"]
