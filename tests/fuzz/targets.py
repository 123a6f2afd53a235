"""What is fuzzed: each target takes bytes as a stranger may send them, and may end only as its docstring says.

Used by hypothesis in the test suite, and by ``tests/fuzz/run.py`` guided by coverage (``make fuzz``).
"""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from shelfwise.batch.write import PredictionWriter
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.images import decode_image
from shelfwise.catalog.numbers import parse_number
from shelfwise.errors import ImageError, ShelfwiseError
from shelfwise.predictions import Alternative, Prediction
from shelfwise.recipe import Recipe, TargetRecipe
from shelfwise.review.categories import Categories
from shelfwise.review.model_card import ModelCard
from shelfwise.review.prediction_file import read_predictions
from shelfwise.taxonomy.formats import read_taxonomy
from shelfwise.taxonomy.truth import read_truth

Target = Callable[[bytes], None]

LARGEST = 1 << 16
"""Bytes of an input: what is wrong shows in small ones too, and sooner."""


def _with_file(data: bytes, suffix: str, read: Callable[[Path], Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="shelfwise-fuzz-") as folder:
        file = Path(folder) / f"given{suffix}"
        file.write_bytes(data)
        read(file)


def _read_catalog(file: Path) -> None:
    """A catalog, whole, with everything that can be asked of it; or a ShelfwiseError."""
    with suppress(ShelfwiseError):
        catalog = Catalog.read(file)
        assert len(catalog.ids) == len(catalog) == catalog.table.num_rows
        assert set(catalog.row_errors) <= set(range(len(catalog)))
        for name, found in catalog.fields.items():
            if name in catalog.table.column_names:
                column = catalog.input_or_absent(name, found.role)
                assert len(column.state) == len(catalog)
        batches = list(Catalog.scan(file))
        assert [one for batch in batches for one in batch.ids] == catalog.ids, "in parts as in one piece"
        for name in catalog.table.column_names:
            for multilabel in (False, True):
                with suppress(ShelfwiseError):
                    truth = read_truth(catalog, TargetRecipe(columns=[name], multilabel=multilabel))
                    assert len(truth.values) == len(catalog)


def csv_file(data: bytes) -> None:
    """See ``_read_catalog``."""
    _with_file(data, ".csv", _read_catalog)


def tsv_file(data: bytes) -> None:
    """See ``_read_catalog``."""
    _with_file(data, ".tsv", _read_catalog)


def json_lines_file(data: bytes) -> None:
    """See ``_read_catalog``."""
    _with_file(data, ".jsonl", _read_catalog)


def parquet_file(data: bytes) -> None:
    """See ``_read_catalog``."""
    _with_file(data, ".parquet", _read_catalog)


def gzip_file(data: bytes) -> None:
    """See ``_read_catalog``; bytes that are no gzip are packed first, so that the reader behind is met too."""
    packed = data if data[:2] == b"\x1f\x8b" else gzip.compress(data, 1)
    _with_file(packed, ".csv.gz", _read_catalog)


def paths_of_categories(data: bytes) -> None:
    """Texts as a target column: paths or label sets, as many as there are texts, and no empty names; or a ShelfwiseError."""
    texts = data.decode("utf-8", errors="replace").replace("\x00", "").splitlines()[:200]
    table = pa.table({"id": [str(n) for n in range(len(texts))], "category": pa.array(texts, pa.string())})

    def read(file: Path) -> None:
        pq.write_table(table, file)
        with suppress(ShelfwiseError):
            catalog = Catalog.read(file, id="id")
            for multilabel in (False, True):
                truth = read_truth(catalog, TargetRecipe(columns=["category"], multilabel=multilabel))
                assert len(truth.values) == len(texts)
                assert all(part.strip() == part != "" for value in truth.values for part in value)

    if texts:
        _with_file(b"", ".parquet", read)


def number(data: bytes) -> None:
    """A finite number, or None."""
    found = parse_number(data.decode("utf-8", errors="replace"))
    assert found is None or np.isfinite(found)


def taxonomy_file(data: bytes) -> None:
    """A tree, or a ShelfwiseError."""

    def read(file: Path) -> None:
        with suppress(ShelfwiseError):
            read_taxonomy(file)

    _with_file(data, ".json" if data.lstrip()[:1] in (b"{", b"[") else ".txt", read)


def recipe_file(data: bytes) -> None:
    """A recipe that is equal to itself written and read again, or a ShelfwiseError."""

    def read(file: Path) -> None:
        with suppress(ShelfwiseError):
            recipe = Recipe.read(file)
            file.write_text(recipe.to_yaml(), encoding="utf-8")
            assert Recipe.read(file) == recipe

    _with_file(data, ".yaml", read)


CARD = ModelCard(
    fingerprint="0" * 16,
    multilabel=False,
    categories=Categories.from_names([("Home",), ("Home", "Lamps"), ("Toys",), ("Toys", "Cars")]),
    precision=0.95,
)


def _prediction_file(suffix: str) -> Target:
    def read(file: Path) -> None:
        with suppress(ShelfwiseError):
            for one in read_predictions(file, CARD):
                assert 0 <= one.confidence <= 1

    def target(data: bytes) -> None:
        """Predictions of the model, or a ShelfwiseError."""
        _with_file(data, suffix, read)

    return target


def image(data: bytes) -> None:
    """An RGB picture of a size that was allowed, or an ImageError."""
    with suppress(ImageError):
        picture = decode_image(data, side=64, max_pixels=1 << 20)
        assert picture.mode == "RGB"
        assert picture.width * picture.height <= 1 << 20


TARGETS: dict[str, Target] = {
    "csv": csv_file,
    "tsv": tsv_file,
    "jsonl": json_lines_file,
    "parquet": parquet_file,
    "gzip": gzip_file,
    "paths": paths_of_categories,
    "number": number,
    "taxonomy": taxonomy_file,
    "recipe": recipe_file,
    "predictions.csv": _prediction_file(".csv"),
    "predictions.jsonl": _prediction_file(".jsonl"),
    "predictions.parquet": _prediction_file(".parquet"),
    "image": image,
}


def seeds(name: str) -> list[bytes]:
    """Sound inputs of a target, to begin from."""
    if name in ("csv", "gzip"):
        return [
            CSV,
            CSV.replace(b",", b";"),
            b"\xff\xfe" + CSV.decode().encode("utf-16-le"),
            gzip.compress(CSV),
        ]
    if name == "image":
        return _pictures()
    if name == "parquet":
        return [_parquet()]
    if name.startswith("predictions."):
        return [_predictions(name.removeprefix("predictions"))]
    return _TEXTS[name]


CSV = (
    'id,title,brand,price,category,image\n001,"Lamp, ""old""",Acme,12.50,Home > Lamps,a.jpg\n'
    '002,"two\nlines",,€ 1.234,Toys > Cars,\n=cmd,x,y,nan,Home>Lamps,../a.jpg\n'
).encode()

_TEXTS: dict[str, list[bytes]] = {
    "tsv": [CSV.replace(b",", b"\t")],
    "jsonl": [
        b'{"id": 1, "title": "Lamp", "tags": ["a", "b"], "price": 3.5, "image": {"bytes": null, "path": "a.jpg"}}\n'
        b'{"id": "2", "title": null, "x": {"y": [1]}}\n[1]\n'
    ],
    "paths": [
        b"Home > Lamps\nHome / Lamps\nHome|Lamps\n > \nHome >> \n['a', 'b']\n",
        "Home › Lamps\n".encode(),
    ],
    "number": [b"1,234.50", b"1.234,50 EUR", b"-3e5", "٣٫٥".encode(), b"nan"],
    "taxonomy": [
        b"# Google_Product_Taxonomy_Version: 2021-09-21\n1 - Animals\n3237 - Animals > Live Animals\n",
        b'[{"id": "1", "name": "A", "parent_id": null}, {"id": "2", "name": "B", "parent_id": "1"}]',
        b'{"verticals": [{"categories": [{"id": "gid://x/1", "name": "A", "full_name": "A", "parent_id": null}]}]}',
    ],
    "recipe": [
        b"target: {columns: [category], separator: ' > '}\ninputs:\n- {name: title, role: text, encoder: {kind: ngrams}}\n"
        b"classifiers:\n- {name: words, inputs: [title], hidden: [64], epochs: 5}\nfusion: {policies: [mean, ridge]}\n"
        b"training: {seed: 1, folds: 2}\nrouting: {precision: 0.9}\n",
        b"a: &a [x]\nb: *a\n",
    ],
}


def _pictures() -> list[bytes]:
    pixels = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)
    found = []
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind)
        found.append(buffer.getvalue())
    return found


def _parquet() -> bytes:
    buffer = io.BytesIO()
    table = pa.table({"id": ["1", "2"], "title": ["Lamp", None], "price": [1.5, None], "tags": [["a"], []]})
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _predictions(suffix: str) -> bytes:
    made = Prediction(
        id="1",
        answer=("Home", "Lamps"),
        confidence=0.5,
        part_confidence=(0.9, 0.5),
        decision="review",
        reason="unsure",
        alternatives=(Alternative(("Toys", "Cars"), 0.25),),
        inputs={"title": "present"},
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"predictions{suffix}"
        with PredictionWriter(file, multilabel=False) as writer:
            writer.write([made])
        return file.read_bytes()
