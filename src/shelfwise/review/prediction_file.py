"""Reads back what `shelfwise predict` wrote, in all its formats, and refuses what is not of the desk's model."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shelfwise.batch.rows import LIST_JOIN, PATH_JOIN
from shelfwise.catalog.read_parquet import DAMAGED
from shelfwise.explain.explanation import Explanation
from shelfwise.predictions import Alternative, Prediction
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.keys import storable
from shelfwise.review.model_card import ModelCard

ROWS_AT_ONCE = 2_000
MAX_LINE = 4 << 20
"""Characters of a JSON line or CSV cell that are read; a longer one is refused, not kept in memory."""
_DECISIONS = ("accept", "review", "failed")

Row = dict[str, Any]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, so that the same one is not queued twice. Raises PredictionFileError."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise PredictionFileError(f"the predictions '{path}' cannot be read: {error.strerror}") from error


def read_predictions(path: Path, card: ModelCard) -> Iterator[Prediction]:
    """The predictions of a ``.parquet``, ``.csv`` or ``.jsonl`` file in their order, each one checked.

    Raises PredictionFileError for another format, a missing column, a value that cannot be, and for answers that are not
    among the model's categories: such a file is another model's.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise PredictionFileError(
            f"expected predictions in a file that ends in {', '.join(_READERS)}, got '{path}'"
        )
    check = _Check(path, card)
    try:
        for number, row in enumerate(reader(path, card), start=1):
            yield check.prediction(number, row)
    except (*DAMAGED, csv.Error) as error:
        said = " ".join(str(error).split())[:200]
        raise PredictionFileError(
            f"the predictions '{path}' cannot be read: {said}; make them again with `shelfwise predict`"
        ) from error


class _Check:
    """Turns one file's rows into predictions, or says which row is wrong and how."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        self._path = path
        self._card = card
        self._answers = "labels" if card.multilabel else "path"
        self._parts = "label_confidence" if card.multilabel else "level_confidence"

    def prediction(self, number: int, row: Row) -> Prediction:
        if number == 1:
            self._check_columns(row)
        self._number = number
        answer = self._answer(row[self._answers])
        decision = row["decision"]
        if decision not in _DECISIONS:
            raise self._wrong(f"'decision' must be one of {', '.join(_DECISIONS)}, not {decision!r:.60}")
        if (decision == "failed") != (not answer) and not self._card.multilabel:
            raise self._wrong("a product without a path must be 'failed', and the other way round")
        return Prediction(
            id=self._text(row, "id"),
            answer=answer,
            confidence=self._share(row["confidence"], "confidence"),
            part_confidence=tuple(self._share(part, self._parts) for part in self._list(row, self._parts)),
            decision=decision,
            reason=self._text(row, "reason"),
            alternatives=self._suggestions(row, answer),
            inputs=self._inputs(row.get("inputs")),
            explanation=self._explanation(row.get("explanation")),
        )

    def _check_columns(self, row: Row) -> None:
        wanted = ["id", self._answers, "confidence", self._parts, "decision", "reason", "alternatives"]
        missing = [name for name in wanted if name not in row]
        if missing:
            other = "path" if self._card.multilabel else "labels"
            hint = (
                f"it holds {'paths' if other == 'path' else 'label sets'}, and the model predicts the other kind"
                if other in row
                else "is it what `shelfwise predict` wrote?"
            )
            raise PredictionFileError(
                f"expected the columns {', '.join(wanted)} in '{self._path}', but {', '.join(missing)} "
                f"is not there; {hint}"
            )

    def _answer(self, names: Any) -> tuple[str, ...]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._wrong(f"'{self._answers}' must be a list of names, not {names!r:.80}")
        answer = tuple(names)
        known = self._card.categories
        strangers = [name for name in answer if (name,) not in known] if self._card.multilabel else []
        if strangers or (answer and not self._card.multilabel and answer not in known):
            told = (strangers[0] if strangers else PATH_JOIN.join(answer))[:120]
            raise self._wrong(
                f"'{told}' is not among the model's {len(known):,} categories; these predictions are another "
                "model's: give that model, or predict again with this one"
            )
        return answer

    def _alternative(self, one: Any) -> Alternative:
        if not isinstance(one, dict):
            raise self._wrong(f"an alternative must be an object, not {one!r:.80}")
        named = [one.get("label")] if self._card.multilabel else one.get("path")
        return Alternative(self._answer(named), self._share(one.get("probability"), "probability"))

    def _suggestions(self, row: Row, answer: tuple[str, ...]) -> tuple[Alternative, ...]:
        """What a person chooses from: the set that was asked for (``--coverage``) without the answer, else the alternatives."""
        alternatives = tuple(self._alternative(one) for one in self._list(row, "alternatives"))
        if row.get("set") is None:
            return alternatives
        held = tuple(self._alternative(one) for one in self._list(row, "set"))
        given = {(name,) for name in answer} if self._card.multilabel else {answer}
        left = tuple(one for one in held if one.answer not in given)
        # A set that holds the answer alone leaves nothing to choose from: then the next probable ones are better than none.
        return left or alternatives

    def _inputs(self, inputs: Any) -> dict[str, str]:
        pairs = inputs.items() if isinstance(inputs, dict) else inputs or ()
        try:
            return {str(name): str(state) for name, state in pairs}
        except (TypeError, ValueError) as error:
            raise self._wrong(f"'inputs' must name a state for each input, not {inputs!r:.80}") from error

    def _explanation(self, value: Any) -> Explanation | None:
        try:
            return None if value is None else Explanation.from_json(value)
        except ValueError as error:
            first = " ".join(str(error).split())
            raise self._wrong(
                f"'explanation' is none that `shelfwise predict --explain` wrote: {first:.120}"
            ) from error

    def _list(self, row: Row, name: str) -> list[Any]:
        value = row[name]
        if not isinstance(value, list):
            raise self._wrong(f"'{name}' must be a list, not {value!r:.80}")
        return value

    def _text(self, row: Row, name: str) -> str:
        value = row[name]
        if not isinstance(value, str):
            raise self._wrong(f"'{name}' must be text, not {value!r:.80}")
        return storable(value)

    def _share(self, value: Any, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._wrong(f"'{name}' must be between 0 and 1, not {value!r:.60}")
        return float(value)

    def _wrong(self, what: str) -> PredictionFileError:
        return PredictionFileError(f"'{self._path}', product {self._number:,}: {what}")


def _parquet_rows(path: Path, _card: ModelCard) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            yield from batch.to_pylist()


def _json_rows(path: Path, _card: ModelCard) -> Iterator[Row]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE), ""), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise PredictionFileError(f"'{path}', line {number:,} is not whole JSON: {error}") from error
            if not isinstance(row, dict):
                raise PredictionFileError(f"'{path}', line {number:,}: expected an object, got {line[:60]!r}")
            yield row


def _csv_rows(path: Path, card: ModelCard) -> Iterator[Row]:
    # A path is known by its joined text, so a name that holds " > " itself is no riddle.
    known = {PATH_JOIN.join(category): list(category) for category in card.categories.all}
    previous = csv.field_size_limit(MAX_LINE)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if "decision" not in (reader.fieldnames or ()):
                raise PredictionFileError(
                    f"'{path}' is not what `shelfwise predict` wrote: it has no column 'decision'"
                )
            for number, cells in enumerate(reader, start=1):
                if None in cells or None in cells.values():
                    raise PredictionFileError(
                        f"'{path}', product {number:,}: expected as many cells as columns; the file is cut off or altered"
                    )
                yield _from_cells(path, number, cells, known)
    finally:
        csv.field_size_limit(previous)


def _from_cells(path: Path, number: int, cells: dict[str, str], known: dict[str, list[str]]) -> Row:
    row: Row = dict(cells)
    try:
        for name in ("alternatives", "inputs"):
            if name in row:
                row[name] = json.loads(cells[name] or "[]")
        if "set" in row:
            row["set"] = json.loads(cells["set"]) if cells["set"] else None
        if "explanation" in row:
            row["explanation"] = cells["explanation"] or None
        for name in ("level_confidence", "label_confidence"):
            if name in row:
                row[name] = [float(part) for part in cells[name].split(LIST_JOIN) if part]
        row["confidence"] = float(cells.get("confidence", math.nan))
    except (ValueError, RecursionError) as error:
        raise PredictionFileError(f"'{path}', product {number:,}: {' '.join(str(error).split())}") from error
    if "path" in row:
        row["path"] = known.get(cells["path"]) or [name for name in cells["path"].split(PATH_JOIN) if name]
    if "labels" in row:
        row["labels"] = _labels(cells["labels"], known, len(row.get("label_confidence", ())))
    return row


def _labels(cell: str, known: Mapping[str, list[str]], count: int) -> list[str]:
    """The labels of a cell. A name may hold what stands between them: then they are as many, and as long, as can be known."""
    parts = [name for name in cell.split(LIST_JOIN) if name]
    if len(parts) == count and all(name in known for name in parts):
        return parts
    longest = max((name.count(LIST_JOIN) for name in known), default=0) + 1
    names: list[str] = []
    place = 0
    while place < len(parts):
        ends = range(min(len(parts), place + longest), place, -1)
        end = next((end for end in ends if LIST_JOIN.join(parts[place:end]) in known), place + 1)
        names.append(LIST_JOIN.join(parts[place:end]))
        place = end
    return names


_READERS: dict[str, Callable[[Path, ModelCard], Iterator[Row]]] = {
    ".parquet": _parquet_rows,
    ".csv": _csv_rows,
    ".jsonl": _json_rows,
}
