"""Products of a department that the model has never seen: does it notice? One article type is left out at a time.

Each of the larger article types of Myntra is taken out of the training part, a model is trained on the rest, and the products of
the test part are predicted: those of the article type are unknown, all others are known. Beside the novelty stands what one
would use without it: one minus its confidence, and the largest decision value of a linear SVM a category on the same text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import (
    CACHE_NOTE,
    MYNTRA_LEVELS,
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
)

if TYPE_CHECKING:
    from _data import Split

LEAST_AUROC = 0.85
DEPARTMENTS = 12
STUDIES: dict[str, list[str]] = {"a": ["brand", "description", "image"], "b": []}
"""Name → inputs (none: those chosen by default)."""
COLUMNS = [
    Column("left out"),
    Column("known", ",.0f"),
    Column("unknown", ",.0f"),
    Column("novelty"),
    Column("1 - confidence"),
    Column("SVM"),
    Column("noticed", ".1%"),
    Column("false alarms", ".1%"),
    Column("expected"),
    Column("path", ".3f"),
    Column("train s", ".0f"),
]


def measure(args: argparse.Namespace) -> Result:
    """Every department in turn; those that ``--resume`` holds from an earlier run are not trained again."""
    from _data import near_duplicates, split

    from shelfwise import Catalog

    (folder,) = need(args.data, "myntra")
    catalog = Catalog.read(folder)
    parts = split(catalog, near_duplicates(catalog), args.products, args.seed)
    types = catalog.column("article_type").to_pylist()
    counts = Counter(types[row] for row in parts.train_rows)
    largest = sorted(counts, key=lambda name: (-counts[name], name))[: args.departments]
    result = Result(
        f"Myntra without one article type at a time: AUROC of known against unknown products (study {args.study})",
        "myntra, grouped by title and image; 75 % to train on, 25 % scored",
        COLUMNS,
        parts.facts,
    )
    for name in largest:
        row = _kept(args, name)
        if row is None:
            row = _department(name, parts, args)
            _keep(args, name, row)
        result.rows.append(row)
        print(json.dumps(row), flush=True)
    numbers = [column.name for column in COLUMNS[1:]]
    mean: dict[str, Value] = {"left out": "mean"}
    mean |= {name: sum(float(row[name] or 0) for row in result.rows) / len(result.rows) for name in numbers}
    result.rows.append(mean)
    result.notes += [
        "novelty, 1 - confidence, SVM: AUROC of each. SVM: TF-IDF of words, a LinearSVC, minus its largest decision value.",
        "noticed: unknown products flagged; false alarms: known ones flagged, of which the recipe allows 2 % (routing.unknown).",
        "expected: the AUROC that training itself estimated, with each held-out product's own article type taken away.",
        "path: whole paths right among the known products.",
        CACHE_NOTE,
    ]
    told = "all inputs" if args.study == "b" else " + ".join(STUDIES[args.study])
    result.bars.append(
        Bar(
            f"mean AUROC of novelty over {len(largest)} departments, {told}",
            float(mean["novelty"] or 0),
            LEAST_AUROC,
        )
    )
    return result


def _department(name: str, parts: Split, args: argparse.Namespace) -> dict[str, Value]:
    import numpy as np
    from _data import joined_text
    from sklearn.metrics import roc_auc_score

    from shelfwise import Categorizer, Recipe
    from shelfwise.taxonomy.truth import read_truth
    from shelfwise.terminal import reporting

    recipe = Recipe(
        preset=args.recipe,
        target=MYNTRA_LEVELS,
        inputs=[{"name": one} for one in STUDIES[args.study]],
        image_model=image_model(args),
        training={"seed": args.seed, "threads": args.threads} | ({"folds": args.folds} if args.folds else {}),
    )
    known = np.flatnonzero(np.array(parts.train.column("article_type").to_pylist()) != name)
    train = parts.train.take(known)
    unknown = np.array(parts.test.column("article_type").to_pylist()) == name
    with reporting(True) as reporter, stopwatch() as training:
        model = Categorizer(recipe).fit(train, reporter=reporter)
    rule = model.ensemble_.novelty
    if rule is None:
        sys.exit("too few products were held out for a model to tell unknown ones; give more --products")
    predictions = model.predict(parts.test)
    novelty = np.array([one.novelty for one in predictions], np.float64)
    flagged = rule.flags(novelty)
    truth = read_truth(parts.test, model.recipe_.target).values
    right = np.array([one.answer == path for one, path in zip(predictions, truth, strict=True)])
    confidence = np.array([one.confidence for one in predictions])
    texts = [one.name for one in model.recipe_.inputs if one.role in ("text", "category")]
    paths = [" > ".join(path) for path in read_truth(train, model.recipe_.target).values]
    peer = _svm_doubt(joined_text(train, texts), paths, joined_text(parts.test, texts))
    return {
        "left out": name,
        "known": int((~unknown).sum()),
        "unknown": int(unknown.sum()),
        "novelty": float(roc_auc_score(unknown, novelty)),
        "1 - confidence": float(roc_auc_score(unknown, 1 - confidence)),
        "SVM": float(roc_auc_score(unknown, peer)),
        "noticed": float(flagged[unknown].mean()),
        "false alarms": float(flagged[~unknown].mean()),
        "expected": rule.separation,
        "path": float(right[~unknown].mean()),
        "train s": training.wall_s,
    }


def _svm_doubt(texts: list[str], answers: list[str], others: list[str]) -> Any:
    """float [others]: minus the largest decision value of one linear support vector machine a path."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    machine = LinearSVC(C=1.0, tol=0.1).fit(vectorizer.fit_transform(texts), answers)
    return -machine.decision_function(vectorizer.transform(others)).max(axis=1)


def _kept(args: argparse.Namespace, name: str) -> dict[str, Value] | None:
    """What an earlier run with the same settings found for a department."""
    if args.resume is None or not args.resume.is_file():
        return None
    found = json.loads(args.resume.read_text(encoding="utf-8"))
    return found.get(_settings(args), {}).get(name)


def _keep(args: argparse.Namespace, name: str, row: dict[str, Value]) -> None:
    if args.resume is None:
        return
    found = json.loads(args.resume.read_text(encoding="utf-8")) if args.resume.is_file() else {}
    found.setdefault(_settings(args), {})[name] = row
    args.resume.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _settings(args: argparse.Namespace) -> str:
    return f"study {args.study}, recipe {args.recipe}, folds {args.folds}, seed {args.seed}, products {args.products}"


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--study",
        choices=list(STUDIES),
        default="b",
        help="a: brand + description + image; b: all inputs (default b)",
    )
    parser.add_argument("--recipe", default="auto", metavar="NAME", help="a preset (default auto)")
    parser.add_argument("--folds", type=int, metavar="N", help="of the training (default: the preset's)")
    parser.add_argument(
        "--departments",
        type=int,
        default=DEPARTMENTS,
        metavar="N",
        help="how many article types (default 12)",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="departments done are kept there, and not done again"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
