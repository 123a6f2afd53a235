"""How fast, in how much memory: training, prediction and the command line, beside TF-IDF and a linear SVM.

This program stays small on purpose: a child's peak memory, as the system counts it, starts at its parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common import (
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model,
    limit_threads,
    need,
    ratio,
    show,
)

JOBS = Path(__file__).with_name("_speed_jobs.py")
STUDIES = {"a": ["brand", "description", "image"], "b": []}
"""Name → inputs (none: those chosen by default)."""
TEXT = ["title", "brand", "description"]
HELP_RUNS = 5
MOST_RATIO, MOST_GIB, MOST_HELP_S, LEAST_PER_S = 1.0, 3.0, 0.5, 5_000.0
COLUMNS = [
    Column("work"),
    Column("products", ",d"),
    Column("wall s", ".2f"),
    Column("CPU s", ".2f"),
    Column("wall / SVM"),
    Column("CPU / SVM"),
    Column("products/s", ",.0f"),
    Column("process wall s", ".2f"),
    Column("peak GiB", ".2f"),
]


@dataclass(frozen=True)
class Done:
    """A finished process: what it reported, its whole wall time, and its peak resident memory."""

    report: dict[str, Any]
    process_s: float
    peak_gib: float

    def row(self, work: str) -> dict[str, Value]:
        """The process as a row of the table."""
        wall, products = self.report["wall_s"], self.report["products"]
        return {
            "work": work,
            "products": products,
            "wall s": wall,
            "CPU s": self.report["cpu_s"],
            "products/s": ratio(products, wall),
            "process wall s": self.process_s,
            "peak GiB": self.peak_gib,
        }


def run_process(arguments: list[str]) -> Done:
    """Run a program to its end; its last line on stdout is its report, where that is JSON.

    Leaves this program with the child's words when it fails. Peak memory is the system's own figure for the one
    process (``ru_maxrss``: KiB, on macOS bytes).
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(arguments, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        lines = out.read().decode().splitlines()
        if process.returncode:
            sys.exit(
                f"{' '.join(arguments[:3])} ended with {process.returncode}: {err.read().decode().strip()}"
            )
    unit = 1 if sys.platform == "darwin" else 1024
    report = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Done(report, elapsed, usage.ru_maxrss * unit / 2**30)


def run_job(job: str, **options: object) -> Done:
    """One of the jobs, in a process of its own."""
    print(f"{job} ...", file=sys.stderr, flush=True)
    return run_process([sys.executable, str(JOBS), job, json.dumps(options)])


def pin(cores: int) -> None:
    """Hold this process and its children to so many cores, spread over those allowed, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:: max(len(allowed) // cores, 1)][:cores])


def measure(args: argparse.Namespace) -> Result:
    """Everything, one process after the other."""
    (folder,) = need(args.data, "myntra")
    backbone = image_model(args)
    common = {"folder": str(folder), "rows": args.products, "seed": args.seed}
    result = Result(
        "Speed and memory on Myntra",
        "myntra, all products trained on (nothing is scored here); image features from the cache",
        COLUMNS,
    )
    result.notes += [
        "wall and CPU s begin after the imports and hold reading the catalog; CPU s is over all threads.",
        "process wall s is the whole process with its imports (for SVM predictions with the fitting too).",
        "SVM: word 1-2-grams, TF-IDF, one LinearSVC per level, one thread, on the text that shelfwise reads.",
    ]
    run_job("fill_cache", **common, threads=args.threads, image_model=backbone)
    for name in STUDIES:
        _training(result, name, common, backbone, args)
    _prediction(result, common, args)
    _help(result)
    return result


def _training(
    result: Result, name: str, common: dict[str, Any], backbone: str, args: argparse.Namespace
) -> None:
    """Both sides in turn, ``args.repeats`` times; the fastest of each counts, the largest memory."""
    ours, svms = [], []
    for _ in range(args.repeats):
        ours.append(
            run_job("train_ours", **common, inputs=STUDIES[name], threads=args.threads, image_model=backbone)
        )
        svms.append(run_job("train_svm", **common, columns=ours[-1].report["text_columns"]))
    mine, theirs = (min(runs, key=lambda done: done.report["wall_s"]) for runs in (ours, svms))
    peak = max(done.peak_gib for done in ours)
    report = mine.report
    result.facts |= {"trained on": report["products"], f"groups in {name}": report["groups"]}
    _rows(result, (f"train {name}: shelfwise", mine), (f"train {name}: TF-IDF + SVM", theirs))
    result.notes.append(
        f"{name}: {', '.join(report['inputs'])}; the SVM reads {', '.join(report['text_columns'])}."
    )
    wall = report["wall_s"] / theirs.report["wall_s"]
    result.bars += [
        Bar(f"train {name}: wall time in units of the SVM's", wall, MOST_RATIO, "at most", ".3f"),
        Bar(f"train {name}: peak memory, GiB", peak, MOST_GIB, "at most", ".2f"),
    ]


def _rows(result: Result, ours: tuple[str, Done], theirs: tuple[str, Done]) -> None:
    """Two rows with the ratios of the first to the second."""
    peer = theirs[1].report
    for name, done in (ours, theirs):
        row = done.row(name)
        row["wall / SVM"] = ratio(done.report["wall_s"], peer["wall_s"])
        row["CPU / SVM"] = ratio(done.report["cpu_s"], peer["cpu_s"])
        result.rows.append(row)


def _prediction(result: Result, common: dict[str, Any], args: argparse.Namespace) -> None:
    """Text only, Parquet in and out: in a process that has its model, and as a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        model, products, output = (str(Path(folder, name)) for name in ("model", "in.parquet", "out.parquet"))
        run_job(
            "make_text_model", **common, columns=TEXT, threads=args.threads, model=model, products=products
        )
        runs = [
            run_job("predict_ours", model=model, products=products, output=output)
            for _ in range(args.repeats)
        ]
        ours = min(runs, key=lambda done: done.report["wall_s"])
        theirs = run_job("predict_svm", **common, columns=TEXT, products=products, output=output)
        command = run_process([*_shelfwise(), "predict", model, products, "-o", output, "--quiet"])
    _rows(result, ("predict text: shelfwise", ours), ("predict text: TF-IDF + SVM", theirs))
    result.rows.append(
        {
            "work": "predict text: whole command",
            "products": ours.report["products"],
            "products/s": ratio(ours.report["products"], command.process_s),
            "process wall s": command.process_s,
            "peak GiB": command.peak_gib,
        }
    )
    result.notes.append(
        f"predict text: {', '.join(TEXT)}; Parquet in, Parquet out, all products of the catalog."
    )
    rate = ours.report["products"] / ours.report["wall_s"]
    result.bars.append(Bar("predict text: products/s", rate, LEAST_PER_S, form=",.0f"))


def _help(result: Result) -> None:
    """The median of some runs, after one that warms the disk's cache."""
    command = [*_shelfwise(), "--help"]
    run_process(command)
    runs = [run_process(command) for _ in range(HELP_RUNS)]
    median_s = statistics.median(done.process_s for done in runs)
    peak = max(done.peak_gib for done in runs)
    result.rows.append({"work": "shelfwise --help", "process wall s": median_s, "peak GiB": peak})
    result.bars.append(
        Bar(f"shelfwise --help, median of {HELP_RUNS}, s", median_s, MOST_HELP_S, "at most", ".3f")
    )


def _shelfwise() -> list[str]:
    """The command beside this Python, as a user would call it."""
    script = shutil.which("shelfwise", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "shelfwise"]


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--repeats",
        type=int,
        default=1,
        metavar="N",
        help="runs of each side; the fastest counts (default 1)",
    )
    args = parser.parse_args()
    limit_threads(args.threads)
    pin(args.threads)
    show(measure(args), args)


if __name__ == "__main__":
    main()
