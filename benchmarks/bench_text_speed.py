"""Text-only prediction, Parquet to Parquet: shelfwise beside TF-IDF with a linear SVM, and fastText where it is installed
(`pip install fasttext-wheel`).

Each side is a process tree of its own with the same number of worker processes of one thread; models are trained before the
clock starts, which holds imports and the loading of the model. The catalog's products are repeated until there are ``--rows``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _common import Bar, Column, Result, arguments, limit_threads, need, ratio, show

JOBS = Path(__file__).with_name("_text_speed_jobs.py")
COLUMNS = [
    Column("side"),
    Column("products", ",d"),
    Column("wall s", ".2f"),
    Column("CPU s", ".2f"),
    Column("products/s", ",.0f"),
    Column("products per CPU s", ",.0f"),
    Column("CPU / shelfwise", ".2f"),
]
LEAST_PER_S, LEAST_RATIO = 30_000.0, 3.0
FASTEST = "shelfwise, recipe fast, exported"
SIDES = {
    "shelfwise, recipe fast": ("ours", {"recipe": "fast", "exported": False}),
    FASTEST: ("ours", {"recipe": "fast", "exported": True}),
    "shelfwise, recipe auto": ("ours", {"recipe": "auto", "exported": False}),
    "TF-IDF words + linear SVM a level": ("svm", {"analyzer": "word"}),
    "TF-IDF in-word characters + SVM": ("svm", {"analyzer": "char_wb"}),
    "fastText, words": ("fasttext", {"subwords": False}),
    "fastText, subwords": ("fasttext", {"subwords": True}),
}
TEACHERS = {"ours": "teach", "svm": "teach_svm", "fasttext": "teach_fasttext"}


def run_job(job: str, **options: object) -> dict[str, float] | None:
    """One side in a process of its own: what its last line says, None where it cannot run here (its words go to stderr)."""
    print(f"{job} {options.get('recipe', '')} ...", file=sys.stderr, flush=True)
    ran = subprocess.run(
        [sys.executable, str(JOBS), job, json.dumps(options)], stdout=subprocess.PIPE, text=True, check=False
    )
    return json.loads(ran.stdout.splitlines()[-1]) if ran.returncode == 0 else None


def measure(args: argparse.Namespace) -> Result:
    """All sides, one after the other."""
    (folder,) = need(args.data, "myntra")
    result = Result(
        "Text-only prediction, Parquet to Parquet",
        f"myntra: title, brand, description; {args.train:,} products trained on, all repeated to {args.rows:,}",
        COLUMNS,
    )
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        common = {
            "folder": str(folder),
            "place": place,
            "train": args.train,
            "rows": args.rows,
            "workers": args.threads,
            "seed": args.seed,
        }
        run_job("prepare", **common)
        for side in args.sides or SIDES:
            job, options = SIDES[side]
            taught = run_job(TEACHERS[job], **common, **options)
            done = None if taught is None else run_job(job, **common, **options)
            if done is None:
                result.notes.append(f"{side}: not measured, it does not run here.")
                continue
            found[side] = done
    ours = found.get("shelfwise, recipe fast")
    for side, done in found.items():
        result.rows.append(
            {
                "side": side,
                "products": int(done["products"]),
                "wall s": done["wall_s"],
                "CPU s": done["cpu_s"],
                "products/s": ratio(done["products"], done["wall_s"]),
                "products per CPU s": ratio(done["products"], done["cpu_s"]),
                "CPU / shelfwise": None
                if ours is None
                else ratio(done["cpu_s"] / done["products"], ours["cpu_s"] / ours["products"]),
            }
        )
    result.notes.append(
        "CPU s is over all processes of a side; on a machine that others use too it is the fairer figure."
    )
    _bars(result, found)
    return result


def _bars(result: Result, found: dict[str, dict[str, float]]) -> None:
    """Of the exported model, which is how a model predicts where speed matters."""
    ours = found.get(FASTEST)
    if ours is None:
        return
    result.bars.append(
        Bar(f"{FASTEST}: products/s", ours["products"] / ours["wall_s"], LEAST_PER_S, form=",.0f")
    )
    for name, least in (("TF-IDF words + linear SVM a level", LEAST_RATIO), ("fastText, subwords", 1.0)):
        if name in found:
            peer = found[name]
            times = (peer["wall_s"] / peer["products"]) / (ours["wall_s"] / ours["products"])
            result.bars.append(Bar(f"{FASTEST}: times as fast as {name}", times, least, form=".2f"))


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument("--rows", type=int, default=600_000, metavar="N", help="products to predict")
    parser.add_argument("--train", type=int, default=6_000, metavar="N", help="products to train on")
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), metavar="SIDE", help="only these sides")
    args = parser.parse_args()
    limit_threads(1)
    show(measure(args), args)


if __name__ == "__main__":
    main()
