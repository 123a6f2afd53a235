"""A binary column whose first page was damaged ended in Arrow's own error, because it is looked into before any row is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfwise import Catalog
from shelfwise.errors import CatalogError


def test_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "shop.parquet"
    pq.write_table(pa.table({"id": ["1"], "photo": pa.array([b"abc"], pa.binary())}), file)
    column = pq.read_metadata(file).row_group(0).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(file.read_bytes())
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(data)
    with pytest.raises(CatalogError, match="'photo' is damaged"):
        Catalog.read(file)
