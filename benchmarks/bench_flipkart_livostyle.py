"""Untidy catalogs with nothing chosen: paths of unequal depth, noisy tags, a folder of images with broken ones.

Every row must come out of a prediction, and the answers are set beside a linear SVM on the same text.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from _common import Bar, Column, Result, Value, arguments, need, ratio, run_benchmark, stopwatch

if TYPE_CHECKING:
    import numpy as np
    from _data import Split
    from _ours import Run

    from shelfwise import Categorizer
    from shelfwise.evaluation.results import LabelSetScores, PathScores

COLUMNS = [
    Column("task, model"),
    Column("scored", ",d"),
    Column("path or set right"),
    Column("hierarchical F1"),
    Column("micro-F1"),
    Column("ratio to SVM", ".4f"),
    Column("rows in", ",d"),
    Column("rows out", ",d"),
    Column("failed", ",d"),
    Column("train s", ".1f"),
    Column("predict s", ".1f"),
]


@dataclass(frozen=True)
class Task:
    """One catalog and one target, all else by default."""

    name: str
    place: str
    column: str
    multilabel: bool = False


TASKS = {
    "flipkart-path": Task("Flipkart category_path", "flipkart/products.jsonl", "category_path"),
    "livostyle-path": Task("Livostyle category_path", "livostyle/products.csv", "category_path"),
    "livostyle-tags": Task("Livostyle tags", "livostyle/products.csv", "tags", multilabel=True),
}


def measure(args: argparse.Namespace) -> Result:
    """All chosen tasks, each on a split of its own."""
    result = Result(
        "Flipkart and Livostyle with defaults",
        "flipkart and livostyle, grouped by title and image; 75 % to train on, 25 % scored; rows: the whole file",
        COLUMNS,
    )
    result.notes += [
        "SVM: word 1-2-grams, TF-IDF, on the text and category columns that shelfwise reads; for paths one "
        "LinearSVC over the paths at which products end, for tags one a tag and one tuned threshold.",
        "Ratio to SVM: of the share of right paths, or of micro-F1. Rows: ids of the whole file in its order, "
        "products without a category included.",
    ]
    for name in args.tasks:
        _task(result, TASKS[name], args)
    return result


def _task(result: Result, task: Task, args: argparse.Namespace) -> None:
    from _data import near_duplicates, split
    from _ours import run, training_options

    from shelfwise import Catalog, Recipe

    (file,) = need(args.data, task.place)
    catalog = Catalog.read(file)
    groups = near_duplicates(catalog)
    parts = split(catalog, groups, args.products, args.seed)
    counts = parts.facts
    result.facts[task.name] = (
        f"{counts['all']:,} in {counts['groups']:,} groups ({counts['trained on']:,} trained on)"
    )
    target = {"columns": [task.column], "multilabel": task.multilabel}
    ours = run(Recipe(target=target, training=training_options(args)), parts.train, parts.test)
    peer_name, peer, timed = _peer(task, ours, parts, groups[parts.train_rows], args.seed)
    result.notes.append(
        f"{task.name}: shelfwise reads {ours.input_names}, fused by {ours.model.facts_.policy}; the SVM reads "
        f"{', '.join(ours.text_columns)}. {ours.evaluation.unlabelled} of the products to score have no category."
    )
    for name, scores in ours.evaluation.classifiers.items():
        result.rows.append(_row(f"{task.name}, {name}", ours) | _scores(scores, peer))
    fused = result.rows[-len(ours.evaluation.classifiers)]
    fused |= {"train s": ours.training.wall_s, "predict s": ours.prediction.wall_s}
    fused |= _rows_in_and_out(result, task, ours.model, file, catalog.ids)
    result.rows.append(_row(f"{task.name}, {peer_name}", ours) | _scores(peer, peer) | timed)


def _row(name: str, ours: Run) -> dict[str, Value]:
    return {"task, model": name, "scored": ours.evaluation.products}


def _peer(
    task: Task, ours: Run, parts: Split, groups: np.ndarray, seed: int
) -> tuple[str, PathScores | LabelSetScores, dict[str, Value]]:
    """The SVM on labelled products only: its name, its scores, and how long it took."""
    from _data import joined_text
    from _ours import truth
    from _peers import LabelSvms, PathSvm

    from shelfwise.evaluation.evaluation import label_set_scores, path_scores
    from shelfwise.evaluation.hierarchy import deepest

    texts, known = joined_text(parts.train, ours.text_columns), truth(ours.model, parts.train)
    others, wanted = joined_text(parts.test, ours.text_columns), truth(ours.model, parts.test)
    learn = [row for row, answer in enumerate(known) if answer]
    score = [row for row, answer in enumerate(wanted) if answer]
    texts, known = _pick(texts, learn), _pick(known, learn)
    others, wanted = _pick(others, score), _pick(wanted, score)
    paths = PathSvm()
    labels = LabelSvms(ours.labels)
    with stopwatch() as training:
        if task.multilabel:
            labels.fit(texts, known, groups[learn], _pick(parts.train.ids, learn), seed)
        else:
            paths.fit(texts, known)
    with stopwatch() as prediction:
        answers = (labels if task.multilabel else paths).predict(others)
    timed: dict[str, Value] = {"train s": training.wall_s, "predict s": prediction.wall_s}
    if task.multilabel:
        return "TF-IDF + SVM per tag", label_set_scores(wanted, answers), timed
    return "TF-IDF + SVM over paths", path_scores(wanted, answers, deepest(wanted, answers)), timed


def _pick(values: Sequence, rows: Sequence[int]) -> list:
    return [values[row] for row in rows]


def _scores(scores: PathScores | LabelSetScores, peer: PathScores | LabelSetScores) -> dict[str, Value]:
    from shelfwise.evaluation.results import PathScores

    found: dict[str, Value] = {"ratio to SVM": ratio(scores.headline, peer.headline)}
    if isinstance(scores, PathScores):
        return found | {"path or set right": scores.whole_path, "hierarchical F1": scores.hierarchical_f1}
    return found | {"path or set right": scores.exact_match, "micro-F1": scores.micro_f1}


def _rows_in_and_out(
    result: Result, task: Task, model: Categorizer, file: Path, ids: Sequence[str]
) -> dict[str, Value]:
    """Predict the whole file to a file, as the command line does, and compare the ids; names what failed."""
    import pyarrow.parquet as pq

    from shelfwise import Catalog
    from shelfwise.batch.predict import predict_to_file

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "predictions.parquet")
        predict_to_file(model, Catalog.scan(file), output)
        rows = pq.read_table(output, columns=["id", "decision", "reason", "inputs"]).to_pylist()
    same = [row["id"] for row in rows] == list(ids)
    result.bars.append(Bar(f"{task.name}: every row out, ids in order", float(same), 1.0, form=".0f"))
    failed = [row for row in rows if row["decision"] == "failed"]
    for row in failed:
        result.notes.append(f"{task.name}: product {row['id']} failed: {row['reason']}")
    absent: Counter[str] = Counter()
    for row in rows:
        for name, state in row["inputs"]:
            absent[name] += state == "absent"
            if state.startswith("failed"):
                result.notes.append(
                    f"{task.name}: product {row['id']}, input {name} {state} (decision: {row['decision']})"
                )
    missing = ", ".join(f"{name} in {count:,}" for name, count in absent.items() if count)
    result.notes.append(f"{task.name}: products without an input: {missing or 'none'}.")
    return {"rows in": len(ids), "rows out": len(rows), "failed": len(failed)}


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument(
        "--tasks", nargs="+", choices=list(TASKS), default=list(TASKS), help="which (default all)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
