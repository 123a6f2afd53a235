"""The stretches of work that ``bench_speed.py`` times, each run in a process of its own.

``python _speed_jobs.py JOB '{"option": value}'`` does one job and prints what came of it as one line of JSON. Times
begin after the imports; peak memory is read by the parent when the process ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from _common import MYNTRA_LEVELS, stopwatch

if TYPE_CHECKING:
    import numpy as np

Job = Callable[..., dict[str, Any]]


def fill_cache(*, folder: str, rows: int | None, seed: int, threads: int, image_model: str) -> dict[str, Any]:
    """Compute every image's features once, so that training finds them on disk."""
    from shelfwise import Categorizer, Recipe

    recipe = Recipe(
        target=MYNTRA_LEVELS,
        inputs=[{"name": "image"}],
        classifiers=[{"name": "image", "inputs": ["image"], "epochs": 1}],
        image_model=image_model,
        training={"seed": seed, "threads": threads, "refit": False},
    )
    with stopwatch() as watch:
        Categorizer(recipe).fit(_read(folder, rows, seed))
    return {"wall_s": watch.wall_s}


def train_ours(
    *, folder: str, inputs: list[str], rows: int | None, seed: int, threads: int, image_model: str
) -> dict[str, Any]:
    """Read the catalog and fit on all of it."""
    from shelfwise import Categorizer, Recipe

    recipe = Recipe(
        target=MYNTRA_LEVELS,
        inputs=[{"name": name} for name in inputs],
        image_model=image_model,
        training={"seed": seed, "threads": threads},
    )
    with stopwatch() as watch:
        model = Categorizer(recipe).fit(_read(folder, rows, seed))
    return {
        "wall_s": watch.wall_s,
        "cpu_s": watch.cpu_s,
        "products": model.facts_.products,
        "groups": model.facts_.groups,
        "inputs": [one.name for one in model.recipe_.inputs],
        "text_columns": [one.name for one in model.recipe_.inputs if one.role in ("text", "category")],
    }


def train_svm(*, folder: str, columns: list[str], rows: int | None, seed: int) -> dict[str, Any]:
    """Read the same text and fit TF-IDF and a linear SVM per level on all of it."""
    from _peers import LevelSvms

    with stopwatch() as watch:
        texts, paths = _read_plain(folder, columns, rows, seed)
        LevelSvms().fit(texts, paths)
    return {"wall_s": watch.wall_s, "cpu_s": watch.cpu_s, "products": len(texts)}


def make_text_model(
    *, folder: str, columns: list[str], rows: int | None, seed: int, threads: int, model: str, products: str
) -> dict[str, Any]:
    """A model of text only, saved, and the products to predict as a Parquet file without images."""
    import pyarrow.parquet as pq

    from shelfwise import Categorizer, Recipe

    recipe = Recipe(
        target=MYNTRA_LEVELS,
        inputs=[{"name": name} for name in columns],
        training={"seed": seed, "threads": threads},
    )
    Categorizer(recipe).fit(_read(folder, rows, seed)).save(model)
    pq.write_table(pq.read_table(folder, columns=["id", *columns]), products)
    return {}


def predict_ours(*, model: str, products: str, output: str) -> dict[str, Any]:
    """Parquet in, Parquet out, with a model that is already loaded."""
    from shelfwise import Catalog, Categorizer
    from shelfwise.batch.predict import predict_to_file

    categorizer = Categorizer.load(model)
    with stopwatch() as watch:
        summary = predict_to_file(categorizer, Catalog.scan(products), output)
    return {"wall_s": watch.wall_s, "cpu_s": watch.cpu_s, "products": summary.products}


def predict_svm(
    *, folder: str, columns: list[str], rows: int | None, seed: int, products: str, output: str
) -> dict[str, Any]:
    """Parquet in, Parquet out, with SVMs that are already fitted."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from _peers import LevelSvms

    svm = LevelSvms().fit(*_read_plain(folder, columns, rows, seed))
    with stopwatch() as watch:
        table = pq.read_table(products)
        paths = svm.predict(_joined(table, columns))
        pq.write_table(pa.table({"id": table["id"], "path": pa.array(map(list, paths))}), output)
    return {"wall_s": watch.wall_s, "cpu_s": watch.cpu_s, "products": table.num_rows}


def _read(folder: str, rows: int | None, seed: int) -> Any:
    from shelfwise import Catalog

    catalog = Catalog.read(folder)
    return catalog if rows is None else catalog.take(_sample(len(catalog), rows, seed))


def _read_plain(
    folder: str, columns: Sequence[str], rows: int | None, seed: int
) -> tuple[list[str], list[Any]]:
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=[*columns, *MYNTRA_LEVELS])
    if rows is not None:
        table = table.take(_sample(table.num_rows, rows, seed))
    paths = list(zip(*(table[level].to_pylist() for level in MYNTRA_LEVELS), strict=True))
    return _joined(table, columns), paths


def _joined(table: Any, columns: Sequence[str]) -> list[str]:
    values = (table[name].to_pylist() for name in columns)
    return [" ".join(filter(None, row)) for row in zip(*values, strict=True)]


def _sample(count: int, rows: int, seed: int) -> np.ndarray:
    """Ascending row numbers, drawn at random: nothing is scored here, so groups may be cut."""
    import numpy as np

    return np.sort(np.random.default_rng(seed).permutation(count)[:rows])


JOBS: dict[str, Job] = {
    job.__name__: job
    for job in (fill_cache, train_ours, train_svm, make_text_model, predict_ours, predict_svm)
}


def import_for(job: str) -> None:
    """Load what a job needs, and no more, before its clock starts."""
    if job.endswith("svm"):
        import _peers  # noqa: F401
    else:
        import shelfwise.categorizer  # noqa: F401


if __name__ == "__main__":
    name, options = sys.argv[1:]
    import_for(name)
    print(json.dumps(JOBS[name](**json.loads(options))), flush=True)
