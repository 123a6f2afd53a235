"""Predicting folders of shards: one process, several, killed again and again, and the same rows each time.

Text only, Parquet in and out. The peer is scikit-learn's TF-IDF and linear SVM on the same titles, fitted before its clock
starts, with as many processes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from _common import Bar, Column, Result, arguments, limit_threads, need, ratio, show
from _processes import run_watched, shelfwise
from _synthetic import TRAINED_ON, make_catalog, model_of_titles

PRODUCTS = 200_000
SHARD_ROWS = 8_192
KILLS = 5
MOST_LOST = 1.5
COLUMNS = [
    Column("work"),
    Column("products", ",d"),
    Column("wall s", ",.1f"),
    Column("CPU s", ",.1f"),
    Column("products/s", ",.0f"),
    Column("products/CPU s", ",.0f"),
    Column("/ SVM", ".2f"),
    Column("peak MiB", ",.0f"),
    Column("kills", "d"),
]


def measure(args: argparse.Namespace, folder: Path) -> Result:
    """Everything on one catalog."""
    need(args.data, "myntra")
    count = args.products or PRODUCTS
    shards = make_catalog(folder / "catalog", count, args.data, args.seed)
    model = model_of_titles(folder, args.data, args.seed)
    result = Result("Streaming prediction", "titles of myntra, drawn again and again and perturbed", COLUMNS)
    result.facts = {"products": count, "rows a shard": SHARD_ROWS}
    learned = make_catalog(folder / "small", TRAINED_ON, args.data, args.seed)
    svm = _svm(learned, shards, args.workers)
    folders = []
    for workers in sorted({1, args.workers}):
        where = folder / f"workers-{workers}"
        command = _predict(model, shards, where, workers)
        ran = run_watched(command, threads=1)
        _row(result, f"{workers} process(es)", count, ran.wall_s, ran.cpu_s, svm, ran.peak_mib)
        folders.append(where)
    killed = folder / "killed"
    wall, kills = _through_kills(_predict(model, shards, killed, args.workers), args.seed, ran.wall_s)
    _row(result, f"{args.workers} process(es), killed", count, wall, None, svm, None, kills)
    folders.append(killed)
    _row(result, f"TF-IDF + SVM, {args.workers} process(es)", count, count / svm, None, svm, None)
    same = [_rows(folders[0]) == _rows(other) for other in folders[1:]]
    result.bars = [
        Bar("folders that hold the same rows in the same order", sum(same), len(same), form=".0f"),
        Bar("wall time with kills / without", wall / ran.wall_s, MOST_LOST, "at most", ".2f"),
    ]
    result.notes += [
        "wall and CPU s are of the whole command, with starting it and loading the model.",
        "killed: with SIGKILL at random moments, its workers with it, and started again with the same command.",
    ]
    return result


def _predict(model: Path, shards: list[Path], where: Path, workers: int) -> list[str]:
    return shelfwise(
        "predict", model, *shards, "-o", f"{where}/", "--workers", workers, "--shard-rows", SHARD_ROWS
    )


def _row(
    result: Result,
    work: str,
    count: int,
    wall: float,
    cpu: float | None,
    svm: float,
    peak: float | None,
    kills: int | None = None,
) -> None:
    result.rows.append(
        {
            "work": work,
            "products": count,
            "wall s": wall,
            "CPU s": cpu,
            "products/s": count / wall,
            "products/CPU s": ratio(count, cpu) if cpu else None,
            "/ SVM": count / wall / svm,
            "peak MiB": peak,
            "kills": kills,
        }
    )


def _through_kills(command: list[str], seed: int, usual_s: float) -> tuple[float, int]:
    """Run a command to its end through some kills; wall time in all, and how many kills there were."""
    draw, start, kills = random.Random(seed), time.perf_counter(), 0
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        patience = usual_s * (0.3 + 0.4 * draw.random()) if kills < KILLS else None
        try:
            if process.wait(patience):
                sys.exit(f"{' '.join(command[:5])} ended with {process.returncode}")
            return time.perf_counter() - start, kills
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1


def _rows(folder: Path) -> list[tuple[str, list[str], float]]:
    import pyarrow.parquet as pq

    found = []
    for shard in sorted(folder.glob("part-*.parquet")):
        table = pq.read_table(shard, columns=["id", "path", "confidence"])
        found += list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    return found


_svm_of_worker: object = None


def _fit_svm(files: list[str]) -> None:
    """A process of the peer: fit once."""
    global _svm_of_worker
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    table = pa.concat_tables([pq.read_table(file) for file in files])
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LinearSVC())
    _svm_of_worker = model.fit(table["title"].to_pylist(), table["category_path"].to_pylist())


def _predict_svm(job: tuple[str, str]) -> int:
    """A file's titles predicted and written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(job[0], columns=["id", "title"])
    paths = _svm_of_worker.predict(table["title"].to_pylist())  # type: ignore[attr-defined]
    pq.write_table(pa.table({"id": table["id"], "path": paths}), job[1])
    return table.num_rows


def _svm(learned: list[Path], shards: list[Path], workers: int) -> float:
    """Products a second of the peer."""
    context = get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as out,
        context.Pool(workers, _fit_svm, ([str(file) for file in learned],)) as pool,
    ):
        pool.map(os.path.basename, ["ready"] * workers * 4)
        start = time.perf_counter()
        count = sum(
            pool.imap_unordered(_predict_svm, [(str(file), str(Path(out, file.name))) for file in shards])
        )
        return count / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default 2)")
    args = parser.parse_args()
    limit_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        show(measure(args, Path(folder)), args)


if __name__ == "__main__":
    main()
