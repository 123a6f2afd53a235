"""Ray Data beside the local engine with as many processes, on one machine: what a cluster's engine costs, and the same rows."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

from _common import Bar, Column, Result, arguments, limit_threads, need, show
from _processes import run_watched, shelfwise
from _synthetic import make_catalog, model_of_titles

PRODUCTS = 200_000
SHARD_ROWS = 16_384
COLUMNS = [
    Column("engine"),
    Column("products", ",d"),
    Column("wall s", ",.1f"),
    Column("CPU s", ",.1f"),
    Column("products/s", ",.0f"),
    Column("/ local", ".2f"),
    Column("peak MiB", ",.0f"),
]


def measure(args: argparse.Namespace, folder: Path) -> Result:
    """Both engines on one catalog."""
    need(args.data, "myntra")
    if importlib.util.find_spec("ray") is None:
        sys.exit("expected the extra `ray`; install it with: pip install 'shelfwise[ray]'")
    count = args.products or PRODUCTS
    shards = make_catalog(folder / "catalog", count, args.data, args.seed)
    model = model_of_titles(folder, args.data, args.seed)
    result = Result(
        "Ray beside the local engine", "titles of myntra, drawn again and again and perturbed", COLUMNS
    )
    result.facts = {"products": count, "rows a shard": SHARD_ROWS, "processes": args.workers}
    local = None
    for engine in ("local", "ray"):
        words = ("--workers", args.workers, "--shard-rows", SHARD_ROWS, "--engine", engine)
        ran = run_watched(
            shelfwise("predict", model, *shards, "-o", f"{folder / engine}/", *words), threads=1
        )
        rate = count / ran.wall_s
        local = local or rate
        result.rows.append(
            {
                "engine": engine,
                "products": count,
                "wall s": ran.wall_s,
                "CPU s": ran.cpu_s,
                "products/s": rate,
                "/ local": rate / local,
                "peak MiB": ran.peak_mib,
            }
        )
    result.bars = [
        Bar(
            "shards that are the same",
            _same(folder),
            len(list((folder / "local").glob("part-*"))),
            form=".0f",
        )
    ]
    result.notes += [
        "wall and CPU s are of the whole command; Ray's own processes count in wall time and memory, not in CPU s."
    ]
    return result


def _same(folder: Path) -> int:
    import pyarrow.parquet as pq

    names = [shard.name for shard in (folder / "local").glob("part-*")]
    return sum(
        pq.read_table(folder / "local" / name).equals(pq.read_table(folder / "ray" / name)) for name in names
    )


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes of each engine (default 2)"
    )
    args = parser.parse_args()
    limit_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        show(measure(args, Path(folder)), args)


if __name__ == "__main__":
    main()
