"""The prediction file: the columns that other programs are written against, in Parquet, CSV or JSON lines.

Columns, in this order:

================================ ====================================================================
``id``                           string, exactly as the catalog has it
``path`` or ``labels``           list of strings; empty where the product failed
``confidence``                   double, 0–1: probability that the prediction as given is right
``level_confidence`` or          list of doubles, one a level or one a label
``label_confidence``
``decision``                     ``accept``, ``review`` or ``failed``
``reason``                       string, empty if there is none
``alternatives``                 list of ``{path: list of strings | label: string, probability: double}``,
                                 best first
``inputs``                       input → ``present``, ``absent`` or ``failed: …`` (a map in Parquet, an object
                                 in JSON)
================================ ====================================================================

In CSV a path is joined with " > ", every other list with " | ", and ``alternatives`` and ``inputs`` are JSON.
Values are never altered: an id or a category that begins with ``=``, ``+``, ``-`` or ``@`` is written as it
is, and a spreadsheet program may read it as a formula. Import such a file as text, or use Parquet.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.output import check_output_path
from shelfwise.errors import ShelfwiseError
from shelfwise.predictions import Prediction

PATH_JOIN = " > "
LIST_JOIN = " | "


def prediction_schema(multilabel: bool) -> pa.Schema:
    """The columns of a prediction file, as Arrow types, in their order."""
    strings = pa.list_(pa.string())
    answer = ("label", pa.string()) if multilabel else ("path", strings)
    return pa.schema(
        [
            ("id", pa.string()),
            ("labels" if multilabel else "path", strings),
            ("confidence", pa.float64()),
            ("label_confidence" if multilabel else "level_confidence", pa.list_(pa.float64())),
            ("decision", pa.string()),
            ("reason", pa.string()),
            ("alternatives", pa.list_(pa.struct([answer, ("probability", pa.float64())]))),
            ("inputs", pa.map_(pa.string(), pa.string())),
        ]
    )


def prediction_row(prediction: Prediction, multilabel: bool) -> dict[str, Any]:
    """One prediction as one JSON-like row whose keys are the columns of `prediction_schema`."""
    alternatives = [
        {
            ("label" if multilabel else "path"): other.answer[0] if multilabel else list(other.answer),
            "probability": float(other.probability),
        }
        for other in prediction.alternatives
    ]
    return {
        "id": prediction.id,
        ("labels" if multilabel else "path"): list(prediction.answer),
        "confidence": float(prediction.confidence),
        ("label_confidence" if multilabel else "level_confidence"): [
            float(part) for part in prediction.part_confidence
        ],
        "decision": prediction.decision,
        "reason": prediction.reason,
        "alternatives": alternatives,
        "inputs": dict(prediction.inputs),
    }


def prediction_table(predictions: Sequence[Prediction], multilabel: bool) -> pa.Table:
    """Predictions as an Arrow table with `prediction_schema`, rows in the given order."""
    schema = prediction_schema(multilabel)
    rows = [prediction_row(prediction, multilabel) for prediction in predictions]
    columns = {name: [row[name] for row in rows] for name in schema.names}
    # Arrow takes a map as a list of pairs.
    columns["inputs"] = [list(inputs.items()) for inputs in columns["inputs"]]
    return pa.table(columns, schema=schema)


class _Sink(Protocol):
    """One file format that takes batches of predictions."""

    def append(self, predictions: Sequence[Prediction]) -> None: ...

    def close(self) -> None:
        """End the file; OSError where its last bytes cannot be written."""
        ...

    def cut(self) -> None:
        """End the file as a valid one after the last whole batch; OSError where that is not possible."""
        ...


class _ParquetSink:
    """One row group a batch."""

    def __init__(self, path: Path, multilabel: bool) -> None:
        self._multilabel = multilabel
        self._path = path
        self._writer = pq.ParquetWriter(path, prediction_schema(multilabel))

    def append(self, predictions: Sequence[Prediction]) -> None:
        self._writer.write_table(prediction_table(predictions, self._multilabel))

    def close(self) -> None:
        self._writer.close()

    def cut(self) -> None:
        self._writer.close()
        # After a failed write Arrow may close without an error and without a readable footer.
        try:
            pq.read_metadata(self._path)
        except pa.ArrowInvalid as error:
            raise OSError(f"{self._path}: the file has no valid end") from error


class _TextSink:
    """A UTF-8 text file whose length after every whole batch is remembered."""

    def __init__(self, path: Path, multilabel: bool) -> None:
        self._multilabel = multilabel
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self._complete_bytes = 0
        self._start()
        self._mark()

    def append(self, predictions: Sequence[Prediction]) -> None:
        self._write([prediction_row(prediction, self._multilabel) for prediction in predictions])
        self._mark()

    def close(self) -> None:
        self._file.close()

    def cut(self) -> None:
        # Closing writes what is buffered, which fails again on a full disk and is cut off in any case.
        with contextlib.suppress(OSError):
            self._file.close()
        os.truncate(self._file.name, self._complete_bytes)

    def _mark(self) -> None:
        self._file.flush()
        self._complete_bytes = os.fstat(self._file.fileno()).st_size

    def _start(self) -> None:
        pass

    def _write(self, rows: list[dict[str, Any]]) -> None:
        raise NotImplementedError


class _JsonLinesSink(_TextSink):
    def _write(self, rows: list[dict[str, Any]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class _CsvSink(_TextSink):
    def _start(self) -> None:
        self._minimal = csv.writer(self._file, lineterminator="\n")
        # Minimal quoting leaves a lone carriage return bare, which readers take for the end of a row.
        self._quoted = csv.writer(self._file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._minimal.writerow(prediction_schema(self._multilabel).names)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            cells = [_csv_cell(name, value) for name, value in row.items()]
            bare_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
            (self._quoted if bare_return else self._minimal).writerow(cells)


def _csv_cell(column: str, value: Any) -> Any:
    """One value as the text of one CSV cell; see the module's docstring."""
    if column in ("alternatives", "inputs"):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return (PATH_JOIN if column == "path" else LIST_JOIN).join(map(str, value))
    return value


_SINKS: dict[str, Callable[[Path, bool], _Sink]] = {
    ".parquet": _ParquetSink,
    ".csv": _CsvSink,
    ".jsonl": _JsonLinesSink,
}


def check_prediction_path(output: Path | str) -> Path:
    """The output file's path, once it is sure that predictions can be written there; its folder is created.

    Raises ShelfwiseError for another extension than ``.parquet``, ``.csv`` or ``.jsonl``, for a folder, and
    where its folder cannot be created or written. An existing file stays until its successor is complete.
    """
    path = Path(output)
    if path.suffix.lower() not in _SINKS:
        raise ShelfwiseError(
            f"expected a prediction file that ends in {', '.join(_SINKS)}, got '{path}'; choose one of these"
        )
    return check_output_path(path)


class PredictionWriter:
    """Predictions into one file that appears under its name only when it is complete.

    Batches go to a hidden file in the same folder, in constant memory; leaving the ``with`` block without an
    error renames it into place. With an error, whole batches already written are kept as
    ``NAME.partial.EXTENSION``, a valid file (see ``partial``); with none written nothing is left behind.
    Raises ShelfwiseError as `check_prediction_path`, and OSError where the disk fails.
    """

    def __init__(self, output: Path | str, multilabel: bool) -> None:
        self.output = check_prediction_path(output)
        self.multilabel = multilabel
        self.rows = 0
        """Predictions written so far."""
        self.partial: Path | None = None
        """Where finished predictions were kept after an error; None if there were none."""

    def __enter__(self) -> Self:
        suffix = self.output.suffix.lower()
        # Not a catalog's ending: the file may lie in a folder that is being read as a catalog.
        self._hidden = self.output.with_name(f".{self.output.name[:80]}.{secrets.token_hex(4)}.part")
        try:
            self._sink = _SINKS[suffix](self._hidden, self.multilabel)
        except BaseException:
            self._hidden.unlink(missing_ok=True)
            raise
        return self

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Append one batch, in its order."""
        if predictions:
            self._sink.append(predictions)
            self.rows += len(predictions)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._sink.close()
                os.replace(self._hidden, self.output)
            except BaseException:
                self._keep_partial()
                raise
        else:
            self._keep_partial()

    def _keep_partial(self) -> None:
        partial = self.output.with_name(f"{self.output.stem}.partial{self.output.suffix}")
        try:
            self._sink.cut()
            if self.rows:
                os.replace(self._hidden, partial)
                self.partial = partial
        except OSError:
            # The first error is the one to raise; without a valid end the file is of no use.
            self.partial = None
        finally:
            self._hidden.unlink(missing_ok=True)
