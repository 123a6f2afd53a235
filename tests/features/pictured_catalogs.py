"""Catalogs with pictures and texts, some of them missing or broken, and the tiny backbones that read them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.encoders.backbones import tiny_resnet
from tests.encoders.text_backbones import WORDS, tiny_sentence_model
from tests.images_zoo import jpeg

from shelfwise.batch.blocks import Block, Make, Work
from shelfwise.catalog.catalog import Catalog
from shelfwise.features.backbones import Backbones
from shelfwise.features.request import FeatureRequest

NO_PICTURE, BROKEN_PICTURE, NO_TEXT = 3, 5, 7
"""Rows of every catalog whose picture is absent or broken, and whose title is absent."""
SIZES = (30, 14)


def make_backbones(folder: Path) -> Backbones:
    """Tiny ones with random weights."""
    return Backbones(str(tiny_resnet(folder / "image")), str(tiny_sentence_model(folder / "text")))


def pictured_table(products: int, seed: int = 0) -> pa.Table:
    """Products with an id, a title and an embedded picture; every tenth has the picture of the first."""
    rows = []
    for row in range(products):
        data: bytes | None = jpeg(0 if row % 10 == 9 else 1000 * seed + row, 40, 40)
        data = None if row == NO_PICTURE else b"no picture" if row == BROKEN_PICTURE else data
        title = (
            None if row == NO_TEXT else f"{WORDS[row % len(WORDS)]} {WORDS[(3 * row + seed) % len(WORDS)]}"
        )
        picture = {"bytes": data, "path": None} if data else None
        rows.append(
            {
                "id": f"{seed}-{row:03d}",
                "title": title,
                "price": 1.5 * row,
                "shelf": f"shelf {row % 3}",
                "image": picture,
            }
        )
    return pa.Table.from_pylist(
        rows,
        pa.schema(
            [
                ("id", pa.string()),
                ("title", pa.string()),
                ("price", pa.float64()),
                ("shelf", pa.string()),
                ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ]
        ),
    )


def pictured_files(folder: Path) -> list[Path]:
    """Two Parquet files of ``SIZES`` products."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, size in enumerate(SIZES):
        files.append(folder / f"{number}.parquet")
        pq.write_table(pictured_table(size, number), files[-1], row_group_size=8)
    return files


def request_for(files: list[Path], output: Path, backbones: Backbones, **changes: Any) -> FeatureRequest:
    """Features of titles and pictures in shards of 10 products."""
    named: dict[str, Any] = {"shard_rows": 10, "roles": {"id": "id", "text": ["title"], "image": ["image"]}}
    return FeatureRequest(tuple(map(str, files)), str(output), backbones, **(named | changes))


def features_of(folder: Path) -> pa.Table:
    """All rows of a folder, in the order of its shards."""
    return pa.concat_tables([pq.read_table(shard) for shard in sorted(folder.glob("part-*.parquet"))])


@dataclass(frozen=True)
class DiesOnce:
    """Work whose process is killed over one product, unless ``mark`` says that this has happened."""

    work: Work
    id: str
    mark: Path

    def maker(self) -> Make:
        """What makes blocks, or dies."""
        make = self.work.maker()

        def make_or_die(batch: Catalog) -> Block:
            if self.id in batch.ids and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return make(batch)

        return make_or_die
