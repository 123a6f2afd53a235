"""What wrong labels, missing inputs, typos, swapped images and cut texts cost: shelfwise beside TF-IDF and a linear SVM."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import Bar, Column, Result, Value, add_image_model, arguments, image_model, need, run_benchmark

if TYPE_CHECKING:
    from _noise_catalogs import Study

    from shelfwise import Catalog

QUICK_PRODUCTS = 2_000
LABEL_SHARES = (0.1, 0.2, 0.3, 0.4)
CLEAN, CLEANED, TEXT = "clean", "cleaned", "text only"
COLUMNS = [
    Column("catalog, damage"),
    Column("scored", ","),
    Column("SVM"),
    Column("shelfwise"),
    Column("cleaned"),
    Column("text only"),
    Column("SVM loses", "+.3f"),
    Column("shelfwise loses", "+.3f"),
    Column("cleaned loses", "+.3f"),
]


@dataclass(frozen=True)
class Damage:
    """One condition: what is done to the training catalog, to the one scored, and which of its rows count (None: all)."""

    name: str
    train: Callable[[Catalog], Catalog] | None = None
    test: Callable[[Catalog], Catalog] | None = None
    rows: Any = None
    text_only: bool = False
    wrong_labels: float = 0.0


def damages(study: Study, quick: bool) -> Iterator[Damage]:
    """All conditions of a catalog, the undamaged one first."""
    import _noise as noise

    seed, test = study.seed, study.test
    yield Damage("none", text_only=True)
    for share in (0.2,) if quick else LABEL_SHARES:
        yield Damage(f"{share:.0%} wrong labels", study.wrong_labels(share), wrong_labels=share)
    half = study.half_of_brands()
    yield Damage(
        f"{study.image} missing for half of the {study.brands}, test only",
        test=lambda catalog: noise.hidden(catalog, study.image, half),
        rows=half,
        text_only=True,
    )
    texts = [name for name in study.inputs if name != study.image]
    for name in [*texts, study.image]:
        for share in (1.0,) if quick else (0.5, 1.0):
            mask = noise.some(len(test), share, seed)
            yield Damage(
                f"{name} missing in {share:.0%}, test only",
                test=lambda catalog, name=name, mask=mask: noise.hidden(catalog, name, mask),
            )
    yield Damage(
        f"{texts[-1]} missing for half of the {study.brands}, test only",
        test=lambda catalog: noise.hidden(catalog, texts[-1], half),
        rows=half,
    )
    for share in (0.1, 0.3):
        yield Damage(
            f"typos in {share:.0%} of words, test only",
            test=lambda catalog, share=share: noise.with_typos(catalog, study.texts, share, seed),
        )
    yield Damage(
        "texts cut to 5 words, test only", test=lambda catalog: noise.cut_off(catalog, study.texts, 5)
    )
    yield Damage(
        "20% of images swapped, test only",
        test=lambda catalog: noise.swapped_images(
            catalog, study.image, noise.some(len(test), 0.2, seed), seed
        ),
    )
    if not quick:
        for name in (texts[-1], study.image):
            yield Damage(
                f"{name} missing in 50%, both",
                lambda catalog, name=name: noise.hidden(catalog, name, noise.some(len(catalog), 0.5, seed)),
                lambda catalog, name=name: noise.hidden(
                    catalog, name, noise.some(len(catalog), 0.5, seed + 1)
                ),
            )


def measure(args: argparse.Namespace) -> Result:
    """Every condition that the store does not have yet, then the table of all that it has."""
    from _noise_catalogs import study

    result = Result(
        f"Damaged catalogs, recipe {args.recipe}: whole paths right (Myntra), micro-F1 (H&M)",
        "; ".join(f"{name}, {SPLITS[name]}" for name in args.catalogs),
        COLUMNS,
    )
    for name in args.catalogs:
        (folder,) = need(args.data, name)
        products = args.products or (QUICK_PRODUCTS if args.quick else None)
        mine = study(name, folder, products, args.seed, image_model(args), args.recipe, args.threads)
        result.facts |= {f"{name} {what}": value for what, value in mine.facts.items()}
        rows = list(_rows(mine, args))
        result.rows += rows
        result.bars += _bars(name, rows)
    result.notes += [
        "loses: against the same model on the undamaged catalog, on the same products; cleaned: with training.clean_labels.",
        "SVM and text only read the same texts and brands, no images. Wrong labels are drawn evenly from the other paths "
        "(label sets: from the other sets) and are in the training part only; what is scored has its own labels.",
        "missing for half of …: scored on the products of those alone.",
    ]
    return result


SPLITS = {
    "myntra": "brand + description + image, grouped by title and image, 75 % to train on",
    "hm": "title + description + image, grouped by product_code, 75 % to train on",
}


def _rows(study: Study, args: argparse.Namespace) -> Iterator[dict[str, Value]]:
    undamaged = None
    for damage in damages(study, args.quick):
        file = args.store / f"{study.name}-{_plain(damage.name)}.json"
        key = {"products": study.facts, "seed": args.seed, "recipe": args.recipe, "damage": damage.name}
        kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        if kept is None or kept["key"] != json.loads(json.dumps(key)):
            kept = {"key": key, "scores": {}}
        for model, score in _scores(study, damage, args):
            if model not in kept["scores"]:
                kept["scores"][model] = score()
                file.parent.mkdir(parents=True, exist_ok=True)
                part = file.with_suffix(".part")
                part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
                part.replace(file)
        scores = kept["scores"]
        print(f"{study.name}: {damage.name}: {scores}", flush=True)
        undamaged = undamaged or scores
        row: dict[str, Value] = {"catalog, damage": f"{study.name} {damage.name}", **scores}
        whole = scores.get("undamaged", undamaged)
        for model, column in (("SVM", "SVM"), ("shelfwise", "shelfwise"), (CLEANED, "cleaned")):
            before = whole.get(model if model in whole else "shelfwise")
            if model in scores and before is not None:
                row[f"{column} loses"] = before - scores[model]
        row.pop("undamaged", None)
        yield row


def _scores(
    study: Study, damage: Damage, args: argparse.Namespace
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Models and how their score, on the rows that count, is had; each is kept as soon as it is there."""
    train = damage.train(study.train) if damage.train else study.train
    test = damage.test(study.test) if damage.test else study.test
    rows, keep = damage.rows, None if damage.train else args.store
    yield "scored", lambda: len(study.test) if rows is None else int(rows.sum())
    yield "SVM", lambda: study.peer(train, test, rows)
    if not (args.only_cleaned and damage.wrong_labels):
        yield "shelfwise", lambda: study.ours(train, test, rows, keep=keep)
    if damage.wrong_labels or damage.name == "none":
        yield CLEANED, lambda: study.ours(train, test, rows, cleaned=True)
    if damage.text_only:
        yield TEXT, lambda: study.ours(train, test, rows, text_only=True, keep=keep)
    if rows is not None:
        yield (
            "undamaged",
            lambda: {
                "SVM": study.peer(train, study.test, rows),
                "shelfwise": study.ours(train, study.test, rows, keep=keep),
            },
        )


def _bars(name: str, rows: list[dict[str, Value]]) -> Iterator[Bar]:
    for row in rows:
        what = str(row["catalog, damage"])
        if what.endswith("20% wrong labels"):
            svm = float(row["SVM loses"] or 0)
            for model in ("shelfwise", "cleaned"):
                if row.get(f"{model} loses") is not None:
                    loses = float(row[f"{model} loses"] or 0)
                    ratio = loses / svm if svm > 0 else float("nan")
                    yield Bar(f"{what}: {model} loses, of what the SVM loses", ratio, 0.5, "at most", ".2f")
        if "image missing for half" in what:
            gap = float(row["text only"] or 0) - float(row["shelfwise"] or 0)
            yield Bar(f"{what}: behind the text-only model", gap, 0.01, "at most")


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PRODUCTS:,} products, fewer conditions")
    parser.add_argument("--recipe", choices=["auto", "fast"], default="auto", help="(default auto)")
    parser.add_argument("--catalogs", nargs="+", choices=list(SPLITS), default=list(SPLITS))
    parser.add_argument(
        "--only-cleaned", action="store_true", help="wrong labels: leave out training without clean_labels"
    )
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("bench-noise"),
        metavar="DIR",
        help="one JSON a condition; a run that was interrupted goes on from here (default bench-noise)",
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
