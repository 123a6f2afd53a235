"""Predictions into a file that appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from shelfwise.batch.output import check_output_path
from shelfwise.batch.rows import Payload, encode_predictions, prediction_schema
from shelfwise.errors import ShelfwiseError
from shelfwise.predictions import Prediction
from shelfwise.whole_files import part_of, publish


class _Sink(Protocol):
    """One file format that takes batches of predictions."""

    def append(self, payload: Payload) -> None:
        """Add one batch as `encode_predictions` made it; OSError where it cannot be written."""
        ...

    def close(self) -> None:
        """End the file; OSError where its last bytes cannot be written."""
        ...

    def cut(self) -> None:
        """End the file as a valid one after the last whole batch; OSError where that is not possible."""
        ...


class _ParquetSink:
    """One row group a batch."""

    def __init__(self, path: Path, multilabel: bool) -> None:
        self._path = path
        self._writer = pq.ParquetWriter(path, prediction_schema(multilabel))

    def append(self, payload: Payload) -> None:
        self._writer.write_table(payload)

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

    def __init__(self, path: Path, multilabel: bool, suffix: str) -> None:
        self._file = path.open("wb")
        self._complete_bytes = 0
        header = ",".join(prediction_schema(multilabel).names) + "\n" if suffix == ".csv" else ""
        self.append(header.encode())

    def append(self, payload: Payload) -> None:
        assert isinstance(payload, bytes)
        self._file.write(payload)
        self._file.flush()
        self._complete_bytes = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        self._file.close()

    def cut(self) -> None:
        # Closing writes what is buffered, which fails again on a full disk and is cut off in any case.
        with contextlib.suppress(OSError):
            self._file.close()
        os.truncate(self._file.name, self._complete_bytes)


_SINKS: dict[str, Callable[[Path, bool], _Sink]] = {
    ".parquet": _ParquetSink,
    ".csv": partial(_TextSink, suffix=".csv"),
    ".jsonl": partial(_TextSink, suffix=".jsonl"),
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
        self._hidden = part_of(self.output)
        try:
            self._sink = _SINKS[suffix](self._hidden, self.multilabel)
        except BaseException:  # Ctrl-C too: nothing is left behind, and it is raised again
            self._hidden.unlink(missing_ok=True)
            raise
        return self

    def write(self, predictions: Sequence[Prediction]) -> None:
        """Append one batch, in its order."""
        if predictions:
            suffix = self.output.suffix.lower()
            self.append(encode_predictions(predictions, suffix, self.multilabel), len(predictions))

    def append(self, payload: Payload, rows: int) -> None:
        """Append one batch of ``rows`` predictions that `encode_predictions` has made ready for this file."""
        if rows:
            self._sink.append(payload)
            self.rows += rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._sink.close()
                publish(self._hidden, self.output)
            except BaseException:  # Ctrl-C too: what was finished is kept, and it is raised again
                self._keep_partial()
                raise
        else:
            self._keep_partial()

    def _keep_partial(self) -> None:
        partial = self.output.with_name(f"{self.output.stem}.partial{self.output.suffix}")
        try:
            self._sink.cut()
            if self.rows:
                publish(self._hidden, partial)
                self.partial = partial
        except OSError:
            # The first error is the one to raise; without a valid end the file is of no use.
            self.partial = None
        finally:
            self._hidden.unlink(missing_ok=True)
