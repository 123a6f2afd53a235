"""A changed bit in a Parquet file's schema ended in Python's own or Arrow's own error: a column's name that is no UTF-8, whole
numbers of a width that Arrow does not have. Both were found by `make fuzz`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.fuzz.targets import CARD

from shelfwise import Catalog
from shelfwise.batch.pieces import find_sources
from shelfwise.errors import CatalogError
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.prediction_file import read_predictions


def with_no_utf8(file: Path) -> None:
    pq.write_table(pa.table({"näme": ["1"]}), file, store_schema=False)
    file.write_bytes(file.read_bytes().replace("ä".encode(), b"\xe4\xe4"))


def with_wide_numbers(file: Path) -> None:
    pq.write_table(pa.table({"stock": [1]}), file)
    stored = pq.read_metadata(file).metadata[b"ARROW:schema"]
    # Of a signed whole number the schema says its width, and that it is signed.
    damaged = base64.b64decode(stored).replace(b"\x40\x00\x00\x00", b"\x40\x00\x01\x00")
    assert len(file.read_bytes().split(stored)) == 2
    file.write_bytes(file.read_bytes().replace(stored, base64.b64encode(damaged)))


@pytest.mark.parametrize("damage", [with_no_utf8, with_wide_numbers])
def test_is_a_clear_error(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    file = tmp_path / "shop.parquet"
    damage(file)
    with pytest.raises(CatalogError, match="not a complete Parquet file"):
        Catalog.read(file)
    with pytest.raises(CatalogError, match="not a complete Parquet file"):
        find_sources([str(file)])
    with pytest.raises(PredictionFileError, match="cannot be read"):
        list(read_predictions(file, CARD))
