"""Web offers of every kind in three levels of GPC: shelfwise beside linear SVMs, on the challenge's own split."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from _common import Bar, Column, Result, Value, arguments, need, ratio, run_benchmark, stopwatch

if TYPE_CHECKING:
    import numpy as np

    from shelfwise import Catalog
    from shelfwise.evaluation.results import PathScores

LEVELS = ["lvl1", "lvl2", "lvl3"]
WITHOUT_URL = ["Name", "Description", "CategoryText"]
COLUMNS = [
    Column("model"),
    *(Column(level) for level in LEVELS),
    Column("mean"),
    Column("mean / SVM", ".4f"),
    Column("path"),
    Column("no such path", ".4f"),
    Column("train s", ".1f"),
    Column("predict s", ".1f"),
]


def measure(args: argparse.Namespace) -> Result:
    """Train on ``train``, score on ``validation``."""
    import numpy as np
    from _data import near_duplicates, share_met_before
    from _ours import run, training_options, truth, unknown_paths

    from shelfwise import Catalog, Recipe

    files = need(args.data, "mwpd2020/train.jsonl", "mwpd2020/validation.jsonl")
    size = len(Catalog.read(files[0]))
    both = Catalog.read(*files)
    groups = near_duplicates(both)
    train, test = _rows(groups, both, size, args)
    ours = run(Recipe(target=LEVELS, training=training_options(args)), both.take(train), both.take(test))
    known, wanted = truth(ours.model, both.take(train)), truth(ours.model, both.take(test))
    peers: dict[str, PathScores] = {}
    rows: list[dict[str, Value]] = []
    for columns in dict.fromkeys((tuple(WITHOUT_URL), tuple(ours.text_columns))):
        name = f"TF-IDF + SVM per level: {', '.join(columns)}"
        peers[name], row = _peer(list(columns), both, train, test, known, wanted)
        rows.append({"model": name, **row})
    best = max(peers.values(), key=_mean)

    result = Result(
        "MWPD 2020: weighted F1 of three GPC levels",
        "mwpd2020, the challenge's own split: train.jsonl to train on, validation.jsonl scored",
        COLUMNS,
        {
            "all": len(train) + len(test),
            "groups": len(np.unique(groups[np.concatenate([train, test])])),
            "trained on": len(train),
            "scored": len(test),
        },
    )
    for name, scores in ours.path_scores.items():
        result.rows.append({"model": name, **_scores(scores, best)})
    result.rows[0] |= {
        "no such path": unknown_paths([one.answer for one in ours.predictions if one.answer], known),
        "train s": ours.training.wall_s,
        "predict s": ours.prediction.wall_s,
    }
    result.rows += [row | _scores(peers[str(row["model"])], best) for row in rows]
    result.notes += [
        f"shelfwise reads {ours.input_names}, fused by {ours.model.facts_.policy}.",
        "SVM: word 1-2-grams, TF-IDF, one LinearSVC per level, each for itself; ratios are to the best of them.",
        f"{share_met_before(groups, train, test):.1%} of the products scored share their name with one trained on: the "
        "challenge did not split by group.",
    ]
    fused = ours.path_scores["fused"]
    result.bars.append(Bar("fused mean weighted F1, beside the best linear SVM", _mean(fused), _mean(best)))
    return result


def _rows(
    groups: np.ndarray, both: Catalog, size: int, args: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and to score; the quick form draws whole groups from both files."""
    from _data import subsample

    rows = subsample(groups, both.ids, args.products, args.seed)
    return rows[rows < size], rows[rows >= size]


def _peer(
    columns: list[str],
    both: Catalog,
    train: np.ndarray,
    test: np.ndarray,
    known: list[tuple[str, ...]],
    wanted: list[tuple[str, ...]],
) -> tuple[PathScores, dict[str, Value]]:
    from _data import joined_text
    from _ours import unknown_paths
    from _peers import LevelSvms

    from shelfwise.evaluation.evaluation import path_scores

    texts, others = joined_text(both.take(train), columns), joined_text(both.take(test), columns)
    with stopwatch() as training:
        svm = LevelSvms().fit(texts, known)
    with stopwatch() as prediction:
        answers = svm.predict(others)
    timed: dict[str, Value] = {"train s": training.wall_s, "predict s": prediction.wall_s}
    return path_scores(wanted, answers, len(LEVELS)), timed | {"no such path": unknown_paths(answers, known)}


def _mean(scores: PathScores) -> float:
    return sum(scores.level_weighted_f1) / len(scores.level_weighted_f1)


def _scores(scores: PathScores, best: PathScores) -> dict[str, Value]:
    return {
        **dict(zip(LEVELS, scores.level_weighted_f1, strict=True)),
        "mean": _mean(scores),
        "mean / SVM": ratio(_mean(scores), _mean(best)),
        "path": scores.whole_path,
    }


def main() -> None:
    """Measure and print."""
    run_benchmark(arguments(__file__, __doc__), measure)


if __name__ == "__main__":
    main()
