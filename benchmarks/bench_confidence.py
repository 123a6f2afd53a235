"""Promised precision, calibration error and conformal sets over many grouped splits, each with a model of its own."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
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
)

if TYPE_CHECKING:
    from shelfwise import Catalog

Found = dict[str, Any]
STUDIES: dict[str, Found] = {
    "a": {"inputs": ["brand", "description", "image"], "precision": 0.98, "coverage": 0.70},
    "b": {"inputs": [], "precision": 0.99, "coverage": 0.95},
    "hm": {"inputs": ["title", "description", "image"], "precision": 0.95, "of": "labels"},
}
"""Study → inputs (none: those chosen by default), the precision promised, of what, and the least mean coverage."""
FOLDED = {"fast-folded": {"folds": 4, "refit": True}}
"""The classifiers of the preset ``fast``, held out and trained again as in ``auto``: every product is evidence."""
PRECISIONS = (0.9, 0.95, 0.98, 0.99)
SURER = (0.99, 0.999)
"""Certainties with which the study's precision is promised, too: room for the chance in what is measured on a test part."""
MIN_PRODUCTS = 30
MOST_ECE = 0.015
OFF = 0.03
"""How far the coverage of a group of categories may be from what was asked ..."""
OFTEN = 5
"""... and in how many splits a group must be measured for its mean to say more of the sets than of chance."""
COLUMNS = [
    Column("study, split"),
    Column("whole right"),
    Column("ECE", ".4f"),
    Column("promised"),
    Column("held", ".4f"),
    Column("accepted"),
    Column("sets asked"),
    Column("covered", ".4f"),
    Column("set size", ".2f"),
    Column("half: ours", ".2f"),
    Column("half: MAPIE", ".2f"),
]


def measure(args: argparse.Namespace) -> Result:
    """Every study that was asked for; splits found in ``--store`` are not measured again."""
    result = Result(
        "Confidence: precision promised and held, calibration error, conformal sets",
        "myntra grouped by title and image, hm by product code; 75 % to train on, 25 % scored; every split has its own model",
        COLUMNS,
    )
    started = time.monotonic()
    for study in args.studies:
        found = []
        with_data = None
        for number in range(args.splits):
            file = _file(args, study, args.seed + number)
            if file is None or not file.is_file():
                if args.minutes is not None and time.monotonic() - started > 60 * args.minutes:
                    result.notes.append(
                        f"{study}: no split was begun after {args.minutes:g} minutes; the same command goes on."
                    )
                    break
                with_data = with_data or _read(args, study)
                one = _split(args, study, *with_data, args.seed + number)
                if file is not None:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps(one), encoding="utf-8")
            else:
                one = json.loads(file.read_text(encoding="utf-8"))
            found.append(one)
            result.rows.append(_row(study, one))
            print(f"{study}, split {one['seed']}: {one['seconds']:.0f} s", flush=True)
        if found:
            _sum_up(result, study, found)
    result.notes.append(
        f"Recipe '{args.recipe}'. held and accepted: of whole paths (hm: of labels given, each label with its own threshold)."
    )
    result.notes.append(
        "covered, set size: sets as the model gives them. half: mean size on one half of the products scored of sets made from "
        "the other half, by groups of categories (ours), or over all (MAPIE: the same score for paths, controlled recall for "
        "labels)."
    )
    result.notes.append(CACHE_NOTE)
    return result


def _file(args: argparse.Namespace, study: str, seed: int) -> Path | None:
    if args.store is None:
        return None
    return Path(args.store) / f"{study}-{args.recipe}-{args.products or 'all'}-{seed}.json"


def _read(args: argparse.Namespace, study: str) -> tuple[Catalog, np.ndarray]:
    from _data import near_duplicates, value_groups

    from shelfwise import Catalog

    (folder,) = need(args.data, "hm" if study == "hm" else "myntra")
    catalog = Catalog.read(folder)
    if study == "hm":
        return catalog, value_groups(catalog.column("product_code").to_pylist())
    return catalog, near_duplicates(catalog)


def _split(args: argparse.Namespace, study: str, catalog: Catalog, groups: np.ndarray, seed: int) -> Found:
    """One split: train, promise, and see."""
    from _confidence import measure_split
    from _data import split

    from shelfwise import Categorizer, Recipe

    asked = STUDIES[study]
    parts = split(catalog, groups, args.products, seed)
    target: Any = MYNTRA_LEVELS
    if study == "hm":
        target = {"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS}
    recipe = Recipe(
        preset="fast" if args.recipe in FOLDED else args.recipe,
        target=target,
        inputs=[{"name": name} for name in asked["inputs"]],
        image_model=image_model(args),
        training={"seed": seed, "threads": args.threads} | FOLDED.get(args.recipe, {}),
    )
    started = time.monotonic()
    model = Categorizer(recipe).fit(parts.train)
    of = asked.get("of", "whole")
    surer = (asked["precision"], SURER)
    found = measure_split(model, parts.test, groups[parts.test_rows], PRECISIONS, surer, of, seed)
    facts = {
        "seed": seed,
        "seconds": time.monotonic() - started,
        "held out": model.facts_.held_out,
        **parts.facts,
    }
    return {**facts, **found}


def _row(study: str, one: Found) -> dict[str, Value]:
    promised, sets = STUDIES[study]["precision"], one["sets"]["0.95"]
    kept = one["promises"][f"{promised:g}"]
    return {
        "study, split": f"{study}, {one['seed']}",
        "whole right": one["whole right"],
        "ECE": one["ece"],
        "promised": promised,
        "held": _held(kept),
        "accepted": kept["accepted"] / kept["cases"],
        "sets asked": 0.95,
        "covered": sets["shipped"]["coverage"],
        "set size": sets["shipped"]["size"],
        "half: ours": sets["ours"]["size"],
        "half: MAPIE": sets["mapie"]["size"],
    }


def _held(kept: Found) -> float | None:
    return kept["right"] / kept["accepted"] if kept["accepted"] else None


def _sum_up(result: Result, study: str, found: list[Found]) -> None:
    """The bars of one study, and what its splits say together."""
    asked, splits = STUDIES[study], len(found)
    result.facts[f"{study}: trained on"] = found[0]["trained on"]
    result.facts[f"{study}: held out"] = found[0]["held out"]
    result.facts[f"{study}: scored"] = found[0]["scored"]
    for precision in PRECISIONS:
        good, accepted = _kept(result, found, study, "promises", f"{precision:g}", precision)
        if precision == asked["precision"]:
            result.bars.append(Bar(f"{study}: splits in which {precision:g} held", good / splits, 19 / 20))
            if "coverage" in asked:
                result.bars.append(Bar(f"{study}: coverage at {precision:g}", accepted, asked["coverage"]))
    for certainty in SURER:
        with_it = [one for one in found if f"{certainty:g}" in one.get("surer", {})]
        if with_it:
            _kept(result, with_it, study, "surer", f"{certainty:g}", asked["precision"])
    if asked.get("of") is None:
        ece = float(np.mean([one["ece"] for one in found]))
        result.bars.append(Bar(f"{study}: mean ECE of the whole path", ece, MOST_ECE, "at most"))
    for coverage in found[0]["sets"]:
        _sum_up_sets(result, study, found, coverage)


def _kept(
    result: Result, found: list[Found], study: str, kind: str, key: str, precision: float
) -> tuple[int, float]:
    """In how many splits a promise held, and which share it accepted on average; says so in a note."""
    kept = [one[kind][key] for one in found]
    held = [_held(one) for one in kept]
    good = sum(share is None or share >= precision for share in held)
    accepted = float(np.mean([one["accepted"] / one["cases"] for one in kept]))
    together = sum(one["right"] for one in kept) / max(sum(one["accepted"] for one in kept), 1)
    certainty = f" with a certainty of {key}" if kind == "surer" else ""
    result.notes.append(
        f"{study}, {precision:g} promised{certainty}: held in {good} of {len(found)} splits (nothing accepted in "
        f"{held.count(None)}), {accepted:.1%} accepted on average, {together:.2%} of them right over all splits."
    )
    return good, accepted


def off_by_chance(scored: int, held_out: int, asked: float) -> float:
    """How probable it is that the share covered of ``scored`` products is off by more than three points from what was ``asked``,
    by a threshold that as many of ``held_out`` ones reach as it should: beta-binomial (Angelopoulos & Bates 2023).

    >>> round(off_by_chance(50, 150, 0.9), 2), round(off_by_chance(5_000, 15_000, 0.9), 2)
    (0.54, 0.0)
    """
    import numpy as np
    from scipy.stats import betabinom

    rank = min(int(np.ceil((held_out + 1) * asked * (1 - 1e-12))), held_out)
    covered = np.arange(scored + 1)
    chance = betabinom(scored, rank, held_out + 1 - rank).pmf(covered)
    return float(chance[np.abs(covered / scored - asked) > OFF].sum())


def _sum_up_sets(result: Result, study: str, found: list[Found], coverage: str) -> None:
    asked = float(coverage)
    shipped = [one["sets"][coverage]["shipped"] for one in found]
    mean = float(np.mean([one["coverage"] for one in shipped]))
    each: dict[str, list[list[int]]] = {}
    for one in shipped:
        for name, pair in one["each"].items():
            each.setdefault(name, []).append(pair)
    single = [pair[1] / pair[0] for pairs in each.values() for pair in pairs]
    pooled = [sum(pair[1] for pair in pairs) / sum(pair[0] for pair in pairs) for pairs in each.values()]
    sizes = {
        who: float(np.mean([one["sets"][coverage][who]["size"] for one in found]))
        for who in ("shipped", "ours", "mapie")
    }
    near = float(np.mean([abs(share - asked) <= OFF for share in single]))
    lucky = float(
        np.mean(
            [
                off_by_chance(pair[0], round(pair[0] * one["held out"] / one["scored"]), asked)
                for one, sets in zip(found, shipped, strict=True)
                for pair in sets["each"].values()
            ]
        )
    )
    often = [
        abs(share - asked) for share, pairs in zip(pooled, each.values(), strict=True) if len(pairs) >= OFTEN
    ]
    result.notes.append(
        f"{study}, sets of {coverage}: covered {mean:.4f}; {len(each)} groups, of {len(single)} measured once each split "
        f"{near:.1%} within 3 points ({1 - lucky:.1%} would be by chance, were each covered as asked and no products alike); of "
        f"the {len(often)} measured in {OFTEN} splits or more, over all splits {np.mean(np.array(often) <= OFF):.1%}, the "
        f"farthest off by {max(often, default=0):.3f}; mean size {sizes['shipped']:.2f}; half: ours {sizes['ours']:.2f}, MAPIE "
        f"{sizes['mapie']:.2f}."
    )
    result.bars.append(
        Bar(f"{study}: sets of {coverage}, distance of the mean", abs(mean - asked), 0.01, "at most")
    )
    if pooled:
        worst = max(abs(share - asked) for share in pooled)
        result.bars.append(
            Bar(f"{study}: sets of {coverage}, the worst group over all splits", worst, 0.03, "at most")
        )


def main() -> None:
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="only these studies"
    )
    parser.add_argument(
        "--splits", type=int, default=20, metavar="N", help="splits of each study (default 20)"
    )
    parser.add_argument(
        "--recipe", choices=["auto", "fast", *FOLDED], default="auto", help="the preset (default auto)"
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="keep each split's result here, and go on from it"
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="begin no split after so many minutes")
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
