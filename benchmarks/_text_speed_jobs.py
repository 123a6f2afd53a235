"""What ``bench_text_speed.py`` times: one side a process. ``python _text_speed_jobs.py JOB '{"option": value}'``.

Every side reads a Parquet file, predicts in ``workers`` processes of one thread, and writes a Parquet file of ids and paths
(shelfwise: of all its columns). Models are trained and saved by an earlier process; the clock holds imports, loading, reading,
predicting and writing.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from multiprocessing import forkserver, get_context
from pathlib import Path
from typing import Any

from _common import MYNTRA_LEVELS

TEXT = ["title", "brand", "description"]
CHUNK = 4_096
_fitted: Any = None


class Clock:
    """Wall and processor seconds from now on, those of processes that have ended included."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_s()

    def read(self, products: int) -> dict[str, float]:
        """What has passed."""
        return {
            "wall_s": time.perf_counter() - self._wall,
            "cpu_s": _cpu_s() - self._cpu,
            "products": products,
        }


def _cpu_s() -> float:
    # Workers are the children of a server of processes, and count once it has ended.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def prepare(*, folder: str, place: str, train: int, rows: int, seed: int, **_: Any) -> dict[str, float]:
    """The products to train on, and those to predict, as Parquet files."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=["id", *TEXT, *MYNTRA_LEVELS])
    chosen = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:train])
    pq.write_table(table.take(chosen), Path(place, "train.parquet"))
    repeated = np.arange(rows) % table.num_rows
    text = table.select(TEXT).take(repeated)
    ids = pa.array([str(number) for number in range(rows)])
    pq.write_table(text.add_column(0, "id", ids), Path(place, "products.parquet"), row_group_size=1 << 16)
    return {}


def teach(*, place: str, recipe: str, exported: bool, **_: Any) -> dict[str, float]:
    """Train shelfwise's model, and export it; apart from predicting, which begins in a process that has imported nothing."""
    from shelfwise import Catalog, Categorizer
    from shelfwise.recipe import Recipe

    folder, catalog = Path(place, f"model-{recipe}"), Catalog.read(Path(place, "train.parquet"))
    if not folder.exists():
        inputs = [{"name": name} for name in TEXT]
        Categorizer(Recipe(target=MYNTRA_LEVELS, inputs=inputs, preset=recipe)).fit(catalog).save(folder)
    if exported:
        from shelfwise.export.run import export_model

        export_model(folder, Path(place, f"exported-{recipe}"), catalog.take(range(500)))
    return {}


def ours(*, place: str, recipe: str, exported: bool, workers: int, **_: Any) -> dict[str, float]:
    """The command's own engine, with the model loaded inside the clock."""
    from shelfwise.batch.request import PredictRequest, run_request
    from shelfwise.progress import Silent

    folder = Path(place, f"{'exported' if exported else 'model'}-{recipe}")
    products = Path(place, "products.parquet")
    output = str(Path(place, "ours.parquet"))
    clock = Clock()
    summary = run_request(PredictRequest(folder, (str(products),), output, workers=workers), Silent())
    return clock.read(summary.products)


def teach_svm(*, place: str, analyzer: str, **_: Any) -> dict[str, float]:
    """scikit-learn's own pipeline: word pairs, or in-word characters of 2 to 5; one linear SVM per level."""
    import joblib
    import pyarrow.parquet as pq
    from _peers import vectorizer as tf_idf
    from sklearn.svm import LinearSVC

    table = pq.read_table(Path(place, "train.parquet"))
    vectorizer = tf_idf() if analyzer == "word" else tf_idf(analyzer, (2, 5))
    features = vectorizer.fit_transform(_joined(table))
    levels = [LinearSVC().fit(features, table[level].to_pylist()) for level in MYNTRA_LEVELS]
    # Not as `_peers.LevelSvms`: loading that would import shelfwise inside the other side's clock.
    joblib.dump((vectorizer, levels), Path(place, f"svm-{analyzer}.joblib"))
    return {}


def svm(*, place: str, analyzer: str, workers: int, **_: Any) -> dict[str, float]:
    """What `teach_svm` saved."""
    global _fitted
    clock = Clock()
    import joblib

    vectorizer, levels = joblib.load(Path(place, f"svm-{analyzer}.joblib"))

    def paths(texts: list[str]) -> list[tuple[str, ...]]:
        features = vectorizer.transform(texts)
        return list(zip(*(level.predict(features).tolist() for level in levels), strict=True))

    _fitted = paths
    return _predicted(clock, place, workers)


def teach_fasttext(*, place: str, subwords: bool, **_: Any) -> dict[str, float]:
    """fastText on whole paths: 33 dimensions and pairs of words, with or without in-word characters."""
    import fasttext as library
    import pyarrow.parquet as pq

    table = pq.read_table(Path(place, "train.parquet"))
    paths = [
        " > ".join(path).replace(" ", "_")
        for path in zip(*(table[level].to_pylist() for level in MYNTRA_LEVELS), strict=True)
    ]
    file = Path(place, "fasttext.txt")
    lines = (f"__label__{path} {_flat(text)}\n" for path, text in zip(paths, _joined(table), strict=True))
    file.write_text("".join(lines), encoding="utf-8")
    shape = {"minn": 2, "maxn": 5} if subwords else {"maxn": 0}
    model = library.train_supervised(str(file), dim=33, wordNgrams=2, epoch=25, thread=1, verbose=0, **shape)
    model.save_model(str(Path(place, f"fasttext-{subwords}.bin")))
    return {}


def fasttext(*, place: str, subwords: bool, workers: int, **_: Any) -> dict[str, float]:
    """What `teach_fasttext` saved."""
    global _fitted
    clock = Clock()
    import fasttext as library

    model = library.load_model(str(Path(place, f"fasttext-{subwords}.bin")))
    _fitted = lambda texts: [labels[0] for labels in model.predict([_flat(text) for text in texts])[0]]  # noqa: E731
    return _predicted(clock, place, workers)


def _predicted(clock: Clock, place: str, workers: int) -> dict[str, float]:
    """Read, predict in forked processes chunk by chunk, write."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(Path(place, "products.parquet"))
    schema = pa.schema([("id", pa.string()), ("path", pa.list_(pa.string()))])
    products = 0
    with (
        get_context("fork").Pool(workers) as pool,
        pq.ParquetWriter(Path(place, "peer.parquet"), schema) as sink,
    ):
        for table in pool.imap(_one_chunk, source.iter_batches(CHUNK)):
            sink.write_table(table.cast(schema))
            products += table.num_rows
        pool.close()
        pool.join()
    return clock.read(products)


def _one_chunk(batch: Any) -> Any:
    import pyarrow as pa

    paths = _fitted(_joined(batch))
    return pa.table(
        {
            "id": batch["id"].cast(pa.string()),
            "path": pa.array(
                [[path] if isinstance(path, str) else list(path) for path in paths], pa.list_(pa.string())
            ),
        }
    )


def _joined(table: Any) -> list[str]:
    values = (table[name].to_pylist() for name in TEXT)
    return [" ".join(filter(None, row)) for row in zip(*values, strict=True)]


def _flat(text: str) -> str:
    return " ".join(text.lower().split())


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    jobs = {job.__name__: job for job in (prepare, teach, ours, teach_svm, svm, teach_fasttext, fasttext)}
    print(json.dumps(jobs[sys.argv[1]](**json.loads(sys.argv[2]))))
