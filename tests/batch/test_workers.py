"""Several processes give what one gives, in the same order; a killed one costs nothing but its batch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.batch.catalogs import MadeUpRequest, Repeats, scanning, three_files

from shelfwise.batch.predict import predict_to_file
from shelfwise.batch.workers import Job, WorkerPool, share_of_threads
from shelfwise.errors import CatalogError, ShelfwiseError


def pool(request: MadeUpRequest, workers: int = 2) -> WorkerPool:
    made_up: Any = request
    return WorkerPool(Job(made_up), workers)


def test_rows_are_those_of_one_process_in_their_order(tmp_path: Path) -> None:
    files, titles = three_files(tmp_path)
    with pool(MadeUpRequest(), workers=3) as workers:
        summary = predict_to_file(
            Repeats(), scanning(files)(0), tmp_path / "many.parquet", engine=workers.blocks
        )
    predict_to_file(Repeats(), scanning(files)(0), tmp_path / "one.parquet")
    assert summary.products == len(titles)
    assert pq.read_table(tmp_path / "many.parquet").equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    files, titles = three_files(tmp_path)
    mark = tmp_path / "killed"
    with pool(MadeUpRequest("file 1 title 100", mark)) as workers:
        predict_to_file(Repeats(), scanning(files)(0), tmp_path / "out.parquet", engine=workers.blocks)
    assert mark.exists()
    assert [row["path"] for row in pq.read_table(tmp_path / "out.parquet").to_pylist()] == [
        [title] for title in titles
    ]


def test_a_batch_that_kills_every_worker_is_said(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path)
    with (
        pool(MadeUpRequest("file 0 title 0"), workers=1) as workers,
        pytest.raises(ShelfwiseError, match=r"3 worker processes ended .* the same 20 products"),
    ):
        list(workers.blocks(scanning(files)(0)))


def test_an_error_of_a_worker_is_raised_here(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path)
    with (
        pool(MadeUpRequest("wrong")) as workers,
        pytest.raises(CatalogError, match="found something wrong"),
    ):
        list(workers.blocks(scanning(files)(0)))


def test_threads_are_shared_out() -> None:
    assert share_of_threads(4, 8) == 2
    assert share_of_threads(3, 2) == 1
    assert share_of_threads(1) >= 1


ORPHANS = """
import os, sys
from tests.batch.test_workers import MadeUpRequest, pool, scanning
from pathlib import Path
if __name__ == "__main__":
    with pool(MadeUpRequest()) as workers:
        blocks = workers.blocks(scanning([Path(sys.argv[1])])(0))
        next(blocks)
        print(*(worker.process.pid for worker in workers._workers), flush=True)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_no_worker_outlives_a_killed_program(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(ORPHANS)
    done = subprocess.run(
        [sys.executable, str(program), str(files[0])],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        check=False,
    )
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2, done.stderr
    for _ in range(200):
        if not any(_runs(worker) for worker in workers):
            return
        time.sleep(0.05)
    raise AssertionError("workers were left over")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
