"""The suspects as a file that a person can go through and another program can read: one row a product, the worst first.

Columns: ``id``; ``row`` (from 1, in the catalog); ``occurrence`` (how many products of the same id come before it); ``title``;
``label`` and ``suggested`` (lists of strings: paths or label sets); ``wrong``, the probability that the label is wrong;
``probability`` and ``suggested_probability`` of the two answers (0–1); and ``correct``, empty, for a person to fill in and
`train --decisions` to read. In CSV, lists are joined with " > " (paths) or " | " (label sets).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.output import check_output_path
from shelfwise.batch.rows import LIST_JOIN, PATH_JOIN
from shelfwise.doctor.findings import Suspect
from shelfwise.errors import ShelfwiseError
from shelfwise.whole_files import whole_file, write_whole

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("row", pa.int64()),
        ("occurrence", pa.int64()),
        ("title", pa.string()),
        ("label", pa.list_(pa.string())),
        ("suggested", pa.list_(pa.string())),
        ("wrong", pa.float64()),
        ("probability", pa.float64()),
        ("suggested_probability", pa.float64()),
        ("correct", pa.list_(pa.string())),
    ]
)


def check_suspects_path(output: Path | str) -> Path:
    """The path, once it is sure that suspects can be written there. Raises ShelfwiseError."""
    path = Path(output)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ShelfwiseError(
            f"expected a file of suspects that ends in .csv or .parquet, got '{path}'; choose one of these"
        )
    return check_output_path(path)


def write_suspects(
    suspects: Sequence[Suspect], output: Path | str, *, ids: Sequence[str], multilabel: bool
) -> Path:
    """Write the file; it appears under its name only when it is complete. ``ids``: of all the catalog's products.

    Raises ShelfwiseError, OSError.
    """
    path = check_suspects_path(output)
    seen: Counter[str] = Counter()
    before = []
    for one_id in ids:
        before.append(seen[one_id])
        seen[one_id] += 1
    rows = [
        {**one.model_dump(), "row": one.row + 1, "occurrence": before[one.row], "correct": None}
        for one in suspects
    ]
    if path.suffix.lower() == ".parquet":
        with whole_file(path) as part:
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), part)
        return path
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SCHEMA.names)
    join = LIST_JOIN if multilabel else PATH_JOIN
    for row in rows:
        writer.writerow([_cell(row[name], join) for name in SCHEMA.names])
    write_whole(path, text.getvalue())
    return path


def _cell(value: object, join: str) -> str:
    """Exactly what the catalog has: an id must lead back to its product."""
    if value is None:
        return ""
    return join.join(map(str, value)) if isinstance(value, list) else str(value)
