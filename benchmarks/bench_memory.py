"""Memory and time a product, from small catalogs to ten million products: prediction, and training of a text classifier.

The catalogs are made up from real titles (``_synthetic.py``). With ``--folder`` they, the model, predictions and figures are
kept: called again, the program goes on where it was, so that a large size can be measured in pieces (``--limit-s``).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from _common import Bar, Column, Result, Value, arguments, need, show
from _processes import Ran, run_watched, shelfwise
from _synthetic import make_catalog, model_of_titles

SIZES = [100_000, 1_000_000]
MOST_PREDICT_MIB, MOST_RATIO, MOST_TIME_RATIO, MOST_TRAIN_MIB = 2048.0, 1.10, 1.20, 6 * 1024.0
COLUMNS = [
    Column("work"),
    Column("products", ",d"),
    Column("peak MiB", ",.0f"),
    Column("wall s", ",.1f"),
    Column("CPU s", ",.1f"),
    Column("CPU us a product", ".1f"),
    Column("pieces", "d"),
]


class Kept:
    """Figures by job in a file, so that several calls come to one table."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "figures.json"
        self.jobs: dict[str, dict[str, Any]] = (
            json.loads(self._file.read_text()) if self._file.exists() else {}
        )

    def add(self, job: str, ran: Ran, finished: bool) -> dict[str, Any]:
        """Count one piece of a job in."""
        old = self.jobs.get(job, {"wall_s": 0.0, "cpu_s": 0.0, "peak_mib": 0.0, "pieces": 0})
        self.jobs[job] = {
            "wall_s": old["wall_s"] + ran.wall_s,
            "cpu_s": old["cpu_s"] + ran.cpu_s,
            "peak_mib": max(old["peak_mib"], ran.peak_mib),
            "pieces": old["pieces"] + 1,
            "finished": finished,
        }
        self._file.write_text(json.dumps(self.jobs, indent=1) + "\n")
        return self.jobs[job]


def measure(args: argparse.Namespace, folder: Path) -> Result:
    """Every size, predicting first."""
    need(args.data, "myntra")
    result = Result(
        "Memory from small catalogs to large ones",
        "titles of myntra, drawn again and again and perturbed (benchmarks/_synthetic.py)",
        COLUMNS,
    )
    kept = Kept(folder)
    for size in args.sizes:
        model = model_of_titles(folder, args.data, args.seed)
        shards = make_catalog(folder / "catalog", size, args.data, args.seed)
        where = f"{folder / f'predicted-{size}'}/"
        command = shelfwise("predict", model, *shards, "-o", where, "--workers", args.workers)
        _work(result, kept, f"predict, {args.workers} process(es)", size, command, args)
    for size in args.train_sizes:
        shards = make_catalog(folder / "catalog", size, args.data, args.seed)
        options = ["--target", "category_path", "--inputs", "title", "-o", folder / "big"]
        work = "train the default text classifier"
        if args.epochs:
            work += f", epochs: {args.epochs}"
            options += ["--recipe", _recipe(folder, args.epochs)]
        _work(result, kept, work, size, shelfwise("train", *shards, *options), args)
    result.facts = {"sizes": ", ".join(f"{size:,}" for size in [*args.sizes, *args.train_sizes])}
    result.bars = _bars(result)
    result.notes.append(
        "peak: the system's figure for the one process; of several processes the largest sum of their shares (PSS)."
    )
    return result


def _recipe(folder: Path, epochs: int) -> Path:
    """What ``train`` would choose for titles by the million, with other epochs: memory is the same, seen to the end sooner."""
    file = folder / "recipe.yaml"
    chosen = {"batch": 256, "dropout": 0.2, "learning_rate": 3e-3, "weight_decay": 0.0, "epochs": epochs}
    recipe = {
        "target": "category_path",
        "inputs": [{"name": "title"}],
        "classifiers": [{"name": "title", "inputs": ["title"], **chosen}],
    }
    file.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    return file


def _work(
    result: Result, kept: Kept, work: str, size: int, command: list[str], args: argparse.Namespace
) -> None:
    job = f"{work}, {size}"
    done = kept.jobs.get(job)
    if done is None or not done["finished"]:
        print(f"{job} ...", file=sys.stderr, flush=True)
        ran = run_watched(command, args.limit_s, args.threads)
        done = kept.add(job, ran, ran.finished)
    if not done["finished"]:
        result.notes.append(f"{job}: not finished within {args.limit_s} s; call again to go on")
        return
    result.rows.append(
        {
            "work": work,
            "products": size,
            "peak MiB": done["peak_mib"],
            "wall s": done["wall_s"],
            "CPU s": done["cpu_s"],
            "CPU us a product": done["cpu_s"] / size * 1e6,
            "pieces": done["pieces"],
        }
    )


def _bars(result: Result) -> list[Bar]:
    predicting = [row for row in result.rows if str(row["work"]).startswith("predict")]
    training = [row for row in result.rows if str(row["work"]).startswith("train")]
    bars = []
    if predicting:
        peaks = [_number(row["peak MiB"]) for row in predicting]
        bars.append(Bar("predicting: peak MiB", max(peaks), MOST_PREDICT_MIB, "at most", ",.0f"))
        bars.append(
            Bar("predicting: largest peak / smallest", max(peaks) / min(peaks), MOST_RATIO, "at most", ".3f")
        )
        times = [_number(row["CPU us a product"]) for row in predicting]
        ratio = times[-1] / times[0]
        bars.append(
            Bar("predicting: CPU a product, last size / first", ratio, MOST_TIME_RATIO, "at most", ".3f")
        )
    if training:
        peak = max(_number(row["peak MiB"]) for row in training)
        bars.append(Bar("training: peak MiB", peak, MOST_TRAIN_MIB, "at most", ",.0f"))
    return bars


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return float(value)


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=SIZES, metavar="N", help="products to predict"
    )
    parser.add_argument(
        "--train-sizes", type=int, nargs="*", default=[], metavar="N", help="products to train on"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that predict (default 1)"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="of the training, in place of those that it would choose"
    )
    parser.add_argument("--limit-s", type=float, metavar="S", help="kill each command after so long")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep everything here, and go on from it")
    args = parser.parse_args()
    if args.products is not None:
        args.sizes = [max(1000, args.products // 10), args.products]
    if args.folder is not None:
        args.folder.mkdir(parents=True, exist_ok=True)
        show(measure(args, args.folder), args)
        return
    with tempfile.TemporaryDirectory() as folder:
        show(measure(args, Path(folder)), args)


if __name__ == "__main__":
    main()
