"""Decisions out of the desk: one file that people can open and that training can learn from.

Columns, in this order:

=================== ==================================================================================
``id``              string, the product's id as the catalog has it
``path``/``labels`` list of strings: what was decided; empty for "cannot tell"
``action``          ``accept``, ``parent``, ``correct``, ``cannot_tell``, ``settle``; with ``everything``
                    also ``skip`` and ``undo``
``person``          who
``decided_at``      when, UTC
``before``          list of strings: what the model had said
``confidence``      the model's confidence in that (0–1)
``model``           fingerprint of the model
``taxonomy``        version of the categories at the time
``rule``            the number of the rule that the product fell under; null for none
``queue``           the order it was met in: ``uncertain``, ``valuable``, ``sample``, ``disputed``
``occurrence``      0 for the first product of this id in its file, 1 for the second …
``final``           whether it is the product's decision: not undone, not outvoted, not disputed
=================== ==================================================================================
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select

from shelfwise.batch.output import check_output_path
from shelfwise.batch.rows import LIST_JOIN, PATH_JOIN
from shelfwise.errors import ShelfwiseError
from shelfwise.review.database import Database, kind_of_answers
from shelfwise.review.keys import from_key
from shelfwise.review.schema import decisions, models, products
from shelfwise.review.standing import final_decisions
from shelfwise.whole_files import whole_file

AT_ONCE = 5_000


def decision_schema(multilabel: bool) -> pa.Schema:
    """The columns of a decision file as Arrow types, in their order."""
    return pa.schema(
        [
            ("id", pa.string()),
            ("labels" if multilabel else "path", pa.list_(pa.string())),
            ("action", pa.string()),
            ("person", pa.string()),
            ("decided_at", pa.timestamp("us", "UTC")),
            ("before", pa.list_(pa.string())),
            ("confidence", pa.float64()),
            ("model", pa.string()),
            ("taxonomy", pa.string()),
            ("rule", pa.int64()),
            ("queue", pa.string()),
            ("occurrence", pa.int32()),
            ("final", pa.bool_()),
            ("title", pa.string()),
        ]
    )


@dataclass(frozen=True)
class Exported:
    """What was written. ``disputed``: products whose people disagree, of which nothing is final."""

    output: Path
    decisions: int
    products: int
    disputed: int


def check_decisions_path(output: Path | str) -> Path:
    """The output's path, once it is sure that decisions can be written there. Raises ShelfwiseError."""
    path = Path(output)
    if path.suffix.lower() not in _WRITERS:
        raise ShelfwiseError(
            f"expected a decision file that ends in {', '.join(_WRITERS)}, got '{path}'; choose one of these"
        )
    return check_output_path(path)


def export_decisions(database: Database, output: Path | str, *, everything: bool = False) -> Exported:
    """Write the final decision on each product, in the order they were made; with ``everything`` all that ever happened.

    The file appears under its name only when it is complete. Raises ShelfwiseError, DatabaseError.
    """
    path = check_decisions_path(output)
    with whole_file(path) as part, database.read() as connection:
        schema = decision_schema(multilabel=kind_of_answers(connection) == "labels")
        counted = _Counted()
        tables = counted.through(_tables(connection, schema, everything))
        _WRITERS[path.suffix.lower()](part, schema, tables)
        disputed = connection.execute(
            select(func.count()).select_from(products).where(products.c.status == "disputed")
        ).scalar_one()
    return Exported(path, counted.rows, len(counted.products), int(disputed))


class _Counted:
    """Counts what passes."""

    def __init__(self) -> None:
        self.rows = 0
        self.products: set[tuple[str, int]] = set()

    def through(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            self.rows += table.num_rows
            self.products.update(zip(table["id"].to_pylist(), table["occurrence"].to_pylist(), strict=True))
            yield table


def _tables(connection: Connection, schema: pa.Schema, everything: bool) -> Iterator[pa.Table]:
    final = final_decisions()
    query = (
        select(
            products.c.id,
            products.c.occurrence,
            products.c.title,
            decisions,
            models.c.fingerprint,
            final.c.id.is_not(None).label("final"),
        )
        .select_from(decisions)
        .join(products, products.c.pk == decisions.c.product)
        .join(models, models.c.id == decisions.c.model)
        .join(final, final.c.id == decisions.c.id, isouter=everything)
        .order_by(decisions.c.id)
    )
    answer = schema.names[1]
    for part in connection.execution_options(yield_per=AT_ONCE).execute(query).partitions(AT_ONCE):
        rows = [
            {
                "id": row[0],
                answer: list(from_key(row.after)),
                "action": row.action,
                "person": row.person,
                "decided_at": datetime.fromtimestamp(row.at, UTC),
                "before": list(from_key(row.before)),
                "confidence": row.confidence,
                "model": row.fingerprint,
                "taxonomy": row.taxonomy,
                "rule": row.rule,
                "queue": row.queue,
                "occurrence": row.occurrence,
                "final": bool(row.final),
                "title": row.title,
            }
            for row in part
        ]
        yield pa.Table.from_pylist(rows, schema=schema)


def _write_parquet(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    with pq.ParquetWriter(path, schema) as writer:
        for table in tables:
            writer.write_table(table)


def _write_csv(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(schema.names)
        for table in tables:
            for row in table.to_pylist():
                cells = _cells(row, schema.names)
                # A lone carriage return, left bare, would end the row for most readers.
                bare = any("\r" in cell for cell in cells if isinstance(cell, str))
                (quoted if bare else plain).writerow(cells)


def _cells(row: dict[str, Any], names: list[str]) -> list[Any]:
    joined = LIST_JOIN if "labels" in names else PATH_JOIN
    plain = _plain(row)
    return [joined.join(plain[name]) if isinstance(plain[name], list) else plain[name] for name in names]


def _write_json_lines(path: Path, _schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for table in tables:
            stream.writelines(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in table.to_pylist())


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "decided_at": row["decided_at"].isoformat()}


_WRITERS: dict[str, Callable[[Path, pa.Schema, Iterator[pa.Table]], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
}
