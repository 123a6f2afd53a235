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
``rule``                         integer, the number of the rule that acted (``--rules``); null for none
``set``                          list as ``alternatives``: the categories that hold the true one as often as ``--coverage``
                                 says, most probable first; null where it was not given
``novelty``                      double, 0–1: how unlike anything known; from 0.5 on too much to be accepted; null where the
                                 model cannot tell
``explanation``                  ``{votes, words, similar}``, see `Explanation`; null without ``--explain``
================================ ====================================================================

In CSV a path is joined with " > ", every other list with " | ", and ``alternatives``, ``inputs``, ``set``
and ``explanation`` are JSON.
Values are never altered: an id or a category that begins with ``=``, ``+``, ``-`` or ``@`` is written as it
is, and a spreadsheet program may read it as a formula. Import such a file as text, or use Parquet.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from shelfwise.explain.explanation import explanation_type
from shelfwise.predicted_columns import DECISIONS, Listed, PredictedColumns
from shelfwise.predictions import Alternative, Prediction
from shelfwise.taxonomy.targets import Target

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
            ("rule", pa.int64()),
            ("set", pa.list_(pa.struct([answer, ("probability", pa.float64())]))),
            ("novelty", pa.float64()),
            ("explanation", explanation_type()),
        ]
    )


def prediction_row(prediction: Prediction, multilabel: bool) -> dict[str, Any]:
    """One prediction as one JSON-like row whose keys are the columns of `prediction_schema`."""
    return {
        "id": prediction.id,
        ("labels" if multilabel else "path"): list(prediction.answer),
        "confidence": float(prediction.confidence),
        ("label_confidence" if multilabel else "level_confidence"): [
            float(part) for part in prediction.part_confidence
        ],
        "decision": prediction.decision,
        "reason": prediction.reason,
        "alternatives": _told(prediction.alternatives, multilabel),
        "inputs": dict(prediction.inputs),
        "rule": prediction.rule,
        "set": None if prediction.set is None else _told(prediction.set, multilabel),
        "novelty": prediction.novelty,
        "explanation": None if prediction.explanation is None else prediction.explanation.to_json(),
    }


def _told(others: Sequence[Alternative], multilabel: bool) -> list[dict[str, Any]]:
    return [
        {
            ("label" if multilabel else "path"): other.answer[0] if multilabel else list(other.answer),
            "probability": float(other.probability),
        }
        for other in others
    ]


def prediction_table(predictions: Sequence[Prediction], multilabel: bool) -> pa.Table:
    """Predictions as an Arrow table with `prediction_schema`, rows in the given order.

    Built column by column from flat lists: a dictionary a row took longer than the categorizing of short texts.
    """
    schema = prediction_schema(multilabel)
    told = [one.inputs for one in predictions]
    columns: list[pa.Array] = [
        pa.array([one.id for one in predictions], pa.string()),
        _lists([one.answer for one in predictions], schema.field(1).type),
        pa.array([float(one.confidence) for one in predictions], pa.float64()),
        _lists([one.part_confidence for one in predictions], schema.field(3).type),
        pa.array([one.decision for one in predictions], pa.string()),
        pa.array([one.reason for one in predictions], pa.string()),
        _answers([one.alternatives for one in predictions], multilabel),
        pa.MapArray.from_arrays(
            _offsets(list(map(len, told))),
            pa.array(list(chain.from_iterable(told)), pa.string()),
            pa.array(list(chain.from_iterable(inputs.values() for inputs in told)), pa.string()),
        ),
        pa.array([one.rule for one in predictions], pa.int64()),
        _answers([one.set for one in predictions], multilabel),
        pa.array([one.novelty for one in predictions], pa.float64()),
        pa.array(
            [None if one.explanation is None else one.explanation.to_json() for one in predictions],
            explanation_type(),
        ),
    ]
    return pa.table(columns, schema=schema)


def column_table(columns: PredictedColumns) -> pa.Table:
    """The same table from columns."""
    target, multilabel = columns.target, columns.target.multilabel
    count, inputs, failed = len(columns), columns.inputs, pa.array(columns.failed)
    offsets = _offsets(columns.parts.counts)
    made: list[pa.Array] = [
        pa.array(columns.ids, pa.string()),
        pa.ListArray.from_arrays(offsets, target.arrow_part_names.take(pa.array(columns.parts.places))),
        pa.array(columns.confidence),
        pa.ListArray.from_arrays(offsets, pa.array(columns.parts.probabilities)),
        pa.array(DECISIONS, pa.string()).take(pa.array(columns.decisions)),
        pa.array(columns.reasons, pa.string()),
        _listed(columns.alternatives, target),
        pa.MapArray.from_arrays(
            _offsets(np.full(count, len(inputs.names))),
            pa.array(inputs.names, pa.string()).take(pa.array(np.tile(np.arange(len(inputs.names)), count))),
            pa.array(inputs.told, pa.string()).take(pa.array(inputs.places.ravel())),
        ),
        pa.nulls(count, pa.int64()),
        pa.nulls(count, prediction_schema(multilabel).field("set").type)
        if columns.sets is None
        else _listed(columns.sets, target, failed),
        pa.nulls(count, pa.float64())
        if columns.novelty is None
        else pa.array(columns.novelty, mask=columns.failed),
        pa.nulls(count, explanation_type()),
    ]
    return pa.table(made, schema=prediction_schema(multilabel))


def _listed(listed: Listed, target: Target, missing: pa.Array | None = None) -> pa.Array:
    """Answers with their probabilities, a list a product, null where it is ``missing``."""
    places = pa.array(listed.places)
    answer = target.arrow_part_names if target.multilabel else target.arrow_paths
    structs = pa.StructArray.from_arrays(
        [answer.take(places), pa.array(listed.probabilities)],
        ["label" if target.multilabel else "path", "probability"],
    )
    return pa.ListArray.from_arrays(_offsets(listed.counts), structs, mask=missing)


def _answers(listed: Sequence[Sequence[Alternative] | None], multilabel: bool) -> pa.Array:
    """Answers with their probabilities, a list a product, or null."""
    others = [other for one in listed if one is not None for other in one]
    if multilabel:
        answer = pa.array([other.answer[0] for other in others], pa.string())
    else:
        answer = _lists([other.answer for other in others], pa.list_(pa.string()))
    probability = pa.array([float(other.probability) for other in others], pa.float64())
    offsets = _offsets([len(one) if one is not None else 0 for one in listed])
    structs = pa.StructArray.from_arrays(
        [answer, probability], ["label" if multilabel else "path", "probability"]
    )
    missing = pa.array([one is None for one in listed], pa.bool_())
    return pa.ListArray.from_arrays(offsets, structs, mask=missing)


def _lists(values: Sequence[Sequence[object]], type: pa.ListType) -> pa.Array:
    """Tuples as a list array: their items in one flat array, and where each tuple begins."""
    items = pa.array(list(chain.from_iterable(values)), type.value_type)
    return pa.ListArray.from_arrays(_offsets(list(map(len, values))), items)


def _offsets(lengths: Sequence[int] | np.ndarray) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32))


Payload: TypeAlias = pa.Table | bytes
"""Some predictions as their file holds them: a table for Parquet, lines of text for the others."""


def encode_predictions(predictions: Sequence[Prediction], suffix: str, multilabel: bool) -> Payload:
    """What `PredictionWriter.append` adds to a file that ends in ``suffix`` (``.parquet``, ``.csv`` or ``.jsonl``).

    Apart from writing, so that it can be done by another process than the one that holds the file.
    """
    if suffix == ".parquet":
        return prediction_table(predictions, multilabel)
    rows = [prediction_row(prediction, multilabel) for prediction in predictions]
    return (_csv_lines(rows) if suffix == ".csv" else _json_lines(rows)).encode()


def _json_lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_lines(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    minimal = csv.writer(text, lineterminator="\n")
    # Minimal quoting leaves a lone carriage return bare, which readers take for the end of a row.
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        cells = [_csv_cell(name, value) for name, value in row.items()]
        bare_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (quoted if bare_return else minimal).writerow(cells)
    return text.getvalue()


def _csv_cell(column: str, value: Any) -> Any:
    """One value as the text of one CSV cell; see the module's docstring."""
    if column in ("alternatives", "inputs", "set", "explanation"):
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return (PATH_JOIN if column == "path" else LIST_JOIN).join(map(str, value))
    return value
