"""The experiments on category paths, whole, on Myntra: how long they take, from the cache too, and what must hold of searches."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import (
    CACHE_NOTE,
    MYNTRA_LEVELS,
    Bar,
    Column,
    Result,
    add_image_model,
    arguments,
    command,
    image_model,
    limit_threads,
    need,
    show,
    stopwatch,
)

if TYPE_CHECKING:
    from shelfwise.experiments.study_commands import Done
    from shelfwise.experiments.table import Table

INPUTS = {
    "inputs": ["brand", "description", "image"],
    "levels": ["description"],
    "data-size": ["brand", "description", "image"],
}
MOST_MINUTES, MOST_CACHED_MINUTES, MOST_BEHIND = 60, 2, 0.02
COLUMNS = [
    Column("experiment, model"),
    Column("trained on", ",.0f"),
    Column("mean of levels"),
    Column("whole path"),
    Column("± path"),
    Column("on its own training"),
    Column("train s", ".1f"),
]


def measure(args: argparse.Namespace) -> Result:
    """Every experiment twice in a fresh folder, the second time from its cache."""
    from shelfwise import Catalog
    from shelfwise.experiments.fusion_study import sample

    (folder,) = need(args.data, "myntra")
    catalog = sample(Catalog.read(folder), args.products, args.seed)
    result = Result(
        "Experiments on category paths: Myntra",
        "myntra; a quarter tested on, whole groups, another for every seed; sizes as whole groups",
        COLUMNS,
        {"all": len(catalog), "sizes": args.sizes, "seeds": args.seeds},
    )
    backbone = image_model(args)
    with tempfile.TemporaryDirectory() as place:
        folder = args.output or Path(place)
        first, again = (_all(result, catalog, backbone, folder, args, told) for told in (True, False))
    result.facts |= {"first run minutes": round(first, 1), "second run minutes": round(again, 2)}
    result.bars.append(Bar("all experiments, minutes", first, MOST_MINUTES, "at most", ".1f"))
    result.bars.append(Bar("again from the cache, minutes", again, MOST_CACHED_MINUTES, "at most", ".2f"))
    result.notes.append(CACHE_NOTE)
    result.notes.append("± path: half of the 95 % interval of the mean over seeds.")
    return result


def _all(
    result: Result, catalog: Any, backbone: str, folder: Path, args: argparse.Namespace, told: bool
) -> float:
    """Minutes that the experiments took; with ``told`` their figures are put down."""
    minutes = 0.0
    for name in args.experiments:
        with stopwatch() as watch:
            done = _experiment(name, catalog, backbone, folder / name, args)
        minutes += watch.wall_s / 60
        if told:
            result.notes.append(
                f"{name}: {done.lead}. {watch.wall_s:.0f} s ({watch.cpu_s:.0f} s of processor time)."
            )
            result.rows += _rows(name, done.table)
            if name == "levels":
                result.bars += _bars(done.table, folder / name)
    return minutes


def _experiment(name: str, catalog: Any, backbone: str, folder: Path, args: argparse.Namespace) -> Done:
    from shelfwise import Recipe
    from shelfwise.experiments.study_commands import STUDIES, Plan
    from shelfwise.terminal import reporting

    recipe = Recipe(
        preset="fast" if name == "data-size" else "paper-b",
        target=MYNTRA_LEVELS,
        inputs=[{"name": one} for one in INPUTS[name]],
        image_model=backbone,
        training={"threads": args.threads},
    )
    sizes = None if name == "data-size" else args.sizes
    plan = Plan(folder, None, sizes, args.seeds, None, command())
    with reporting(False) as reporter:
        return STUDIES[name](catalog, None, recipe, plan, reporter)


def _rows(name: str, table: Table) -> list[dict[str, Any]]:
    rows = []
    for row in table.json()["rows"]:
        path = row.get("whole path", row.get("whole-path accuracy measured"))
        if path is None:
            continue
        spread = (path["high"] - path["low"]) / 2 if isinstance(path, dict) else None
        rows.append(
            {
                "experiment, model": f"{name}: {row.get('model', 'recipe fast')}",
                "trained on": row.get("trained on", row.get("labels")),
                "mean of levels": _value(row.get("mean of levels")),
                "whole path": _value(path),
                "± path": spread,
                "on its own training": _value(row.get("mean, on its training products")),
                "train s": row["training s"],
            }
        )
    return rows


def _bars(table: Table, folder: Path) -> list[Bar]:
    """Of the largest size: sequential beside multitask, and of every search how often the beam's path was the less probable."""
    from shelfwise.experiments.cache import ResultStore
    from shelfwise.experiments.levels_study import BEAM, MULTITASK

    by_name = {str(row["model"]): float(_value(row["whole path"]) or 0) for row in table.json()["rows"]}
    behind = by_name[MULTITASK] - by_name[BEAM]
    worse = []
    for file in (folder / "cache").glob("levels-*.npz"):
        name, key = file.stem.rsplit("-", 1)
        found = ResultStore(folder / "cache").find(name, key)
        if found is not None and "search" in found.facts:
            worse.append(float(found.facts["search"]["beam_worse"]))
    return [
        Bar(
            "share of products whose beam path is less probable than the greedy one",
            max(worse),
            0.0,
            "at most",
        ),
        Bar("sequential with beam behind multitask, whole path", behind, MOST_BEHIND, "at most"),
    ]


def _value(cell: Any) -> float | None:
    return cell["value"] if isinstance(cell, dict) else cell


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument("--sizes", default="2000,8000,all", metavar="N,N,all", help="training products")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="draws of the products (default 3)")
    parser.add_argument(
        "--experiments", nargs="+", choices=list(INPUTS), default=list(INPUTS), help="only these experiments"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep pages and cache here")
    args = parser.parse_args(argv)
    limit_threads(args.threads)
    show(measure(args), args)


if __name__ == "__main__":
    main()
