"""Three levels of fashion from text, brand and image: shelfwise beside TF-IDF and a linear SVM per level."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from _common import (
    CACHE_NOTE,
    MYNTRA_LEVELS,
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model_if_any,
    need,
    ratio,
    run_benchmark,
    stopwatch,
)

if TYPE_CHECKING:
    from _data import Split

    from shelfwise.evaluation.results import PathScores

COLUMNS = [
    Column("inputs, model"),
    *(Column(level) for level in MYNTRA_LEVELS),
    Column("mean"),
    Column("path"),
    Column("path / SVM", ".4f"),
    Column("errors / SVM"),
    Column("no such path", ".4f"),
    Column("train s", ".1f"),
    Column("predict s", ".1f"),
]
STUDIES = {
    "a": (["brand", "description", "image"], 0.905, 0.963),
    "b": ([], 0.978, 0.990),
}
"""Name → inputs (none: those chosen by default), least path accuracy, least mean of the levels."""
MOST_TRAINING = 1.0
"""In units of the SVM's training time."""


def measure(args: argparse.Namespace) -> Result:
    """Both studies on one split."""
    from _data import near_duplicates, split

    from shelfwise import Catalog

    (folder,) = need(args.data, "myntra")
    catalog = Catalog.read(folder)
    parts = split(catalog, near_duplicates(catalog), args.products, args.seed)
    result = Result(
        f"Myntra: gender > sub_category > article_type, accuracy, recipe {args.recipe}",
        "myntra, grouped by title and image; 75 % to train on, 25 % scored",
        COLUMNS,
        parts.facts,
    )
    for name in args.studies:
        _study(result, name, parts, image_model_if_any(args), args)
    result.notes.append("SVM: word 1-2-grams, TF-IDF, one LinearSVC per level, each for itself.")
    result.notes.append("no such path: share of predicted paths that no training product has.")
    result.notes.append(CACHE_NOTE)
    return result


def _study(result: Result, name: str, parts: Split, backbone: str | None, args: argparse.Namespace) -> None:
    from _data import joined_text
    from _ours import run, training_options, truth, unknown_paths
    from _peers import LevelSvms

    from shelfwise import Recipe
    from shelfwise.evaluation.evaluation import path_scores

    inputs, least_path, least_mean = STUDIES[name]
    ours = run(
        Recipe(
            preset=args.recipe,
            target=MYNTRA_LEVELS,
            inputs=[{"name": one} for one in inputs],
            image_model=backbone,
            training=training_options(args),
        ),
        parts.train,
        parts.test,
    )
    known, wanted = truth(ours.model, parts.train), truth(ours.model, parts.test)
    texts, others = (joined_text(part, ours.text_columns) for part in (parts.train, parts.test))
    with stopwatch() as training:
        svm = LevelSvms().fit(texts, known)
    with stopwatch() as prediction:
        answers = svm.predict(others)
    peer = path_scores(wanted, answers, len(MYNTRA_LEVELS))

    scores = ours.path_scores
    timed: dict[str, Value] = {"train s": ours.training.wall_s, "predict s": ours.prediction.wall_s}
    for classifier, score in scores.items():
        row = _row(f"{name} {classifier}", score, peer)
        if classifier == "fused":
            paths = [prediction.answer for prediction in ours.predictions if prediction.answer]
            row |= timed | {"no such path": unknown_paths(paths, known)}
        result.rows.append(row)
    result.rows.append(
        _row(f"{name} TF-IDF + SVM per level", peer, peer)
        | {"no such path": unknown_paths(answers, known)}
        | {"train s": training.wall_s, "predict s": prediction.wall_s}
    )
    headline = ours.evaluation.headline
    result.notes.append(
        f"{name}: {ours.input_names}; the SVM reads {', '.join(ours.text_columns)}. Fused by "
        f"{ours.model.facts_.policy}; 95 % interval of its path: {headline.low:.3f} to {headline.high:.3f}."
    )
    if args.recipe == "auto":
        result.bars += _bars(name, scores, least_path, least_mean)
    times = ratio(ours.training.wall_s, training.wall_s)
    result.bars.append(Bar(f"{name}: training time, the SVM's", times, MOST_TRAINING, "at most", ".2f"))


def _bars(name: str, scores: dict[str, PathScores], least_path: float, least_mean: float) -> list[Bar]:
    fused, singles = scores["fused"], [score for key, score in scores.items() if key != "fused"]
    best_path = max(score.whole_path for score in singles)
    best_mean = max(score.mean_of_levels for score in singles)
    return [
        Bar(f"{name}: path", fused.whole_path, least_path),
        Bar(f"{name}: mean of levels", fused.mean_of_levels, least_mean),
        Bar(f"{name}: fused path, beside the best classifier alone", fused.whole_path, best_path),
        Bar(f"{name}: fused mean, beside the best classifier alone", fused.mean_of_levels, best_mean),
    ]


def _row(name: str, scores: PathScores, peer: PathScores) -> dict[str, Value]:
    return {
        "inputs, model": name,
        **dict(zip(MYNTRA_LEVELS, scores.level_accuracy, strict=True)),
        "mean": scores.mean_of_levels,
        "path": scores.whole_path,
        "path / SVM": ratio(scores.whole_path, peer.whole_path),
        "errors / SVM": ratio(1 - scores.whole_path, 1 - peer.whole_path),
    }


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser, if_any=True)
    parser.add_argument(
        "--studies",
        nargs="+",
        choices=list(STUDIES),
        default=list(STUDIES),
        help="a: brand + description + image; b: all inputs (default both)",
    )
    parser.add_argument(
        "--recipe", choices=["auto", "fast"], default="auto", help="the preset (default auto)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
