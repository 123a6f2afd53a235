"""The prediction file holds exactly what other programs are promised, whole or not at all."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.batch.output import check_output_path, explain_os_error, refuse_overwriting
from shelfwise.batch.rows import prediction_row
from shelfwise.batch.write import PredictionWriter, check_prediction_path
from shelfwise.errors import ShelfwiseError
from shelfwise.predictions import Alternative, Prediction

PATH_PREDICTION = Prediction(
    id="007",
    answer=("Home", "Lamps, small", 'Desk "lamps"'),
    confidence=0.875,
    part_confidence=(0.99, 0.9, 0.875),
    decision="accept",
    alternatives=(Alternative(("Home", "Rugs"), 0.1), Alternative(("Toys",), 0.025)),
    inputs={"title": "present", "image": "failed: truncated"},
)
FAILED = Prediction(
    id="=1+1", answer=(), confidence=0.0, part_confidence=(), decision="failed", reason="no input"
)
LABELS_PREDICTION = Prediction(
    id="8",
    answer=("red", "summer"),
    confidence=0.5,
    part_confidence=(0.9, 0.6),
    decision="review",
    alternatives=(Alternative(("linen",), 0.4),),
    inputs={"title": "present"},
)


def write(path: Path, batches: list[list[Prediction]], multilabel: bool = False) -> Path:
    with PredictionWriter(path, multilabel) as writer:
        for batch in batches:
            writer.write(batch)
    assert writer.rows == sum(map(len, batches))
    return path


def read(path: Path) -> list[dict]:
    """A prediction file of any format as rows of plain values; of CSV, with its joined cells taken apart."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        return [{**row, "inputs": dict(row["inputs"])} for row in rows]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    rows = []
    for row in csv.DictReader(text.splitlines(keepends=True)):
        for name in ("path", "labels", "level_confidence", "label_confidence"):
            if name in row:
                parts = row[name].split(" > " if name == "path" else " | ") if row[name] else []
                row[name] = [float(part) for part in parts] if name.endswith("confidence") else parts
        row |= {"confidence": float(row["confidence"])}
        row |= {name: json.loads(row[name]) for name in ("alternatives", "inputs")}
        rows.append(row)
    return rows


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_paths_come_back_as_written_in_promised_columns(tmp_path: Path, extension: str) -> None:
    rows = read(write(tmp_path / f"out.{extension}", [[PATH_PREDICTION], [FAILED]]))
    assert list(rows[0])[:8] == [
        "id",
        "path",
        "confidence",
        "level_confidence",
        "decision",
        "reason",
        "alternatives",
        "inputs",
    ]
    rows = [dict(list(row.items())[:8]) for row in rows]  # what else there may be is none of this test's
    assert rows[0] == {
        "id": "007",
        "path": ["Home", "Lamps, small", 'Desk "lamps"'],
        "confidence": 0.875,
        "level_confidence": [0.99, 0.9, 0.875],
        "decision": "accept",
        "reason": "",
        "alternatives": [
            {"path": ["Home", "Rugs"], "probability": 0.1},
            {"path": ["Toys"], "probability": 0.025},
        ],
        "inputs": {"title": "present", "image": "failed: truncated"},
    }
    assert rows[1] == {
        "id": "=1+1",
        "path": [],
        "confidence": 0.0,
        "level_confidence": [],
        "decision": "failed",
        "reason": "no input",
        "alternatives": [],
        "inputs": {},
    }


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_label_sets_have_their_own_column_names(tmp_path: Path, extension: str) -> None:
    [row] = read(write(tmp_path / f"out.{extension}", [[LABELS_PREDICTION]], multilabel=True))
    assert list(row)[1:4] == ["labels", "confidence", "label_confidence"]
    assert (row["labels"], row["label_confidence"]) == (["red", "summer"], [0.9, 0.6])
    assert row["alternatives"] == [{"label": "linen", "probability": 0.4}]


def test_parquet_has_the_promised_types(tmp_path: Path) -> None:
    schema = pq.read_schema(write(tmp_path / "out.parquet", [[FAILED]]))
    assert schema.field("path").type == pa.list_(pa.string())
    assert schema.field("confidence").type == pa.float64()
    assert schema.field("level_confidence").type == pa.list_(pa.float64())
    item = schema.field("alternatives").type.value_type
    assert item.field("path").type == pa.list_(pa.string())
    assert item.field("probability").type == pa.float64()


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_no_products_is_a_file_without_rows(tmp_path: Path, extension: str) -> None:
    assert read(write(tmp_path / f"out.{extension}", [[]])) == []
    assert [file.name for file in tmp_path.iterdir()] == [f"out.{extension}"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
shares = st.floats(0, 1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(
            Prediction,
            id=texts,
            answer=st.lists(texts, max_size=3).map(tuple),
            confidence=shares,
            part_confidence=st.lists(shares, max_size=3).map(tuple),
            decision=st.sampled_from(["accept", "review", "failed"]),
            reason=texts,
            alternatives=st.lists(
                st.builds(Alternative, answer=st.lists(texts, max_size=3).map(tuple), probability=shares),
                max_size=2,
            ).map(tuple),
            inputs=st.dictionaries(texts, texts, max_size=2),
        ),
        max_size=5,
    )
)
def test_any_text_and_number_survives(
    tmp_path_factory: pytest.TempPathFactory, made: list[Prediction]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [prediction_row(prediction, multilabel=False) for prediction in made]
    assert read(write(folder / "out.parquet", [made[:2], made[2:]])) == rows
    lines = (write(folder / "out.jsonl", [made[:2], made[2:]])).read_bytes().decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == rows
    with write(folder / "out.csv", [made[:2], made[2:]]).open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))[1:]
    assert [(row[0], row[1], float(row[2]), row[5]) for row in cells] == [
        (row["id"], " > ".join(row["path"]), row["confidence"], row["reason"]) for row in rows
    ]


class TestAnErrorMidway:
    @pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ShelfwiseError])
    def test_keeps_whole_batches_as_a_valid_file(
        self, tmp_path: Path, extension: str, error: type[BaseException]
    ) -> None:
        old = tmp_path / f"out.{extension}"
        old.write_text("what was there before")
        writer = PredictionWriter(old, multilabel=False)
        with pytest.raises(error), writer:  # noqa: PT012
            writer.write([PATH_PREDICTION, FAILED])
            raise error
        assert writer.partial == tmp_path / f"out.partial.{extension}"
        assert [row["id"] for row in read(writer.partial)] == ["007", "=1+1"]
        assert old.read_text() == "what was there before"
        assert len(list(tmp_path.iterdir())) == 2

    @pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
    def test_before_the_first_batch_leaves_nothing(self, tmp_path: Path, extension: str) -> None:
        writer = PredictionWriter(tmp_path / f"out.{extension}", multilabel=False)
        with pytest.raises(KeyboardInterrupt), writer:
            raise KeyboardInterrupt
        assert writer.partial is None
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("extension", ["csv", "jsonl"])
    def test_takes_back_a_batch_that_was_cut_off(self, tmp_path: Path, extension: str) -> None:
        broken = Prediction("9", ("Home",), 0.5, (0.5,), "accept", inputs={"title": object()})  # type: ignore[dict-item]
        writer = PredictionWriter(tmp_path / f"out.{extension}", multilabel=False)
        with pytest.raises(TypeError), writer:  # noqa: PT012
            writer.write([PATH_PREDICTION])
            writer.write([FAILED, broken])
        assert writer.partial is not None
        assert [row["id"] for row in read(writer.partial)] == ["007"]


FULL_DISK = """
import resource, sys
from shelfwise.batch.write import PredictionWriter
from shelfwise.predictions import Prediction
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
writer = PredictionWriter(sys.argv[1], False)
try:
    with writer:
        for batch in range(1000):
            ids = [f"{batch}-{i}-{hash((batch, i))}" for i in range(50)]
            writer.write([Prediction(id, ("A",), 0.5, (0.5,), "accept") for id in ids])
except OSError as error:
    print(writer.rows, writer.partial)
"""


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_a_file_that_cannot_grow_keeps_what_is_valid_or_nothing(tmp_path: Path, extension: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / f"out.{extension}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    rows, partial = done.stdout.split()
    left = [file.name for file in tmp_path.iterdir()]
    if partial == "None":
        assert extension == "parquet"
        assert left == []
    else:
        assert left == [f"out.partial.{extension}"]
        assert len(read(Path(partial))) == int(rows) > 0


class TestOutputPaths:
    @pytest.mark.parametrize("name", ["out", "out.xlsx", "out.csv.gz", ".csv"])
    def test_another_ending_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ShelfwiseError, match=r"\.parquet, \.csv, \.jsonl"):
            check_prediction_path(tmp_path / name)

    def test_capital_endings_are_fine(self, tmp_path: Path) -> None:
        assert read(write(tmp_path / "OUT.JSONL", [[FAILED]]).rename(tmp_path / "o.jsonl"))[0]["id"] == "=1+1"

    def test_missing_folders_are_made(self, tmp_path: Path) -> None:
        assert check_prediction_path(tmp_path / "a" / "b" / "out.csv").parent.is_dir()

    def test_a_file_in_the_folders_place_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        with pytest.raises(ShelfwiseError, match="cannot be made"):
            check_output_path(tmp_path / "a" / "out.csv")

    def test_a_folder_is_not_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "out.csv").mkdir()
        with pytest.raises(ShelfwiseError, match="expected a file"):
            check_prediction_path(tmp_path / "out.csv")

    def test_a_folder_without_rights_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Changing the rights would not stop root, under whom tests may run.
        monkeypatch.setattr(os, "access", lambda *args: False)
        with pytest.raises(ShelfwiseError, match="cannot be written"):
            check_output_path(tmp_path / "out.csv")

    def test_a_source_is_never_overwritten(self, tmp_path: Path) -> None:
        source = tmp_path / "catalog.csv"
        source.write_text("id\n1\n")
        with pytest.raises(ShelfwiseError, match="the catalog's own files"):
            refuse_overwriting(tmp_path / "." / "catalog.csv", [source])
        refuse_overwriting(tmp_path / "other.csv", [source])


def test_a_full_disk_is_said_in_plain_words() -> None:
    message = explain_os_error(OSError(errno.ENOSPC, "No space left on device", "out.csv"))
    assert message.startswith("'out.csv': the disk is full")
