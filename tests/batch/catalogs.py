"""Catalogs and a model that need no training, for tests of who predicts, in what order, and what is left after a kill."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.blocks import BlockMaker, Engine
from shelfwise.batch.folder import Batches
from shelfwise.batch.manifest import Identity
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.errors import CatalogError
from shelfwise.predictions import Alternative, Prediction
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe


class Repeats:
    """Predicts the title in place of a category, after ``pause_s`` for every batch."""

    multilabel_ = False

    def __init__(self, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        self.predicted: list[str] = []

    def predict(self, catalog: Catalog, reporter: Reporter | None = None) -> list[Prediction]:
        time.sleep(self.pause_s)
        self.predicted += catalog.ids
        return [
            Prediction(
                name,
                (title,),
                0.9,
                (0.9,),
                "review" if title.endswith("7") else "accept",
                alternatives=(Alternative(("other", title), 0.1),),
                inputs={"title": "present"},
            )
            for name, title in zip(catalog.ids, catalog.column("title").to_pylist(), strict=True)
        ]


class Dies(Repeats):
    """A model whose process is killed over one title: once (what is left in ``mark`` tells), or always."""

    def __init__(self, title: str, mark: Path | None) -> None:
        super().__init__()
        self.title, self.mark = title, mark
        self.recipe_ = Recipe(target="title")

    def predict(self, catalog: Catalog, reporter: Reporter | None = None) -> list[Prediction]:
        if self.title in catalog.column("title").to_pylist() and not (self.mark and self.mark.exists()):
            if self.mark:
                self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "wrong" in self.title:
            raise CatalogError("a worker found something wrong")
        return super().predict(catalog, reporter)


@dataclass(frozen=True)
class MadeUpRequest:
    """What a `Job` needs of a `PredictRequest`, with a model that needs no folder."""

    title: str = ""
    mark: Path | None = None
    suffix: str = ".parquet"
    fetch: FetchOptions = field(default_factory=lambda: FetchOptions(ask_the_web=False))

    def categorizer(self) -> Repeats:
        """A fresh model."""
        return Dies(self.title, self.mark)


def three_files(folder: Path, sizes: tuple[int, int, int] = (130, 245, 60)) -> tuple[list[Path], list[str]]:
    """A catalog without ids in a CSV, a Parquet file of small row groups, and JSON lines; and its titles in order.

    What is there already is left as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [[f"file {file} title {row}" for row in range(size)] for file, size in enumerate(sizes)]
    files = [folder / "a.csv", folder / "b.parquet", folder / "c.jsonl"]
    if files[-1].exists():
        return files, [text for part in parts for text in part]
    files[0].write_text("title\n" + "\n".join(parts[0]) + "\n", encoding="utf-8")
    pq.write_table(pa.table({"title": parts[1]}), files[1], row_group_size=40)
    files[2].write_text("".join(json.dumps({"title": text}) + "\n" for text in parts[2]), encoding="utf-8")
    return files, [text for part in parts for text in part]


def scanning(files: list[Path], rows: int = 20) -> Batches:
    """What `predict_to_folder` reads from."""
    return lambda skip: Catalog.scan(*files, rows=rows, skip=skip, text="title")


def identity(folder: Path, files: list[Path], **options: object) -> Identity:
    """An identity with a made-up model."""
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "checksums.txt").write_text("of this model", encoding="utf-8")
    return Identity.of(files, model, options)


def engine(model: Repeats) -> Engine:
    """Predicts in this process."""
    return BlockMaker(model, ".parquet")


def rows_of(folder: Path) -> list[dict[str, object]]:
    """Every row of a folder's shards, in the order of their names."""
    shards = sorted(folder.glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]
