"""A folder of predictions has every product once, in order, however often the program was killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batch.catalogs import Repeats, identity, rows_of, scanning, three_files

from shelfwise.batch.folder import cut
from shelfwise.batch.manifest import MANIFEST_FILE
from shelfwise.batch.predict import predict_to_folder
from shelfwise.batch.remarks import BatchInterrupted
from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import CatalogError, ShelfwiseError

KILLS = 25


def shard_sizes(folder: Path) -> list[int]:
    return [pq.read_metadata(shard).num_rows for shard in sorted(folder.glob("*.parquet"))]


def predict(tmp_path: Path, model: Repeats, shard_rows: int = 50, rows: int = 20) -> list[str]:
    """Predict the three files into ``tmp_path / "out"``; their titles."""
    files, titles = three_files(tmp_path / "in")
    summary = predict_to_folder(
        model,
        scanning(files, rows),
        tmp_path / "out",
        identity(tmp_path, files),
        shard_rows=shard_rows,
    )
    assert summary.products == len(titles)
    return titles


def test_shards_are_bounded_and_never_span_files(tmp_path: Path) -> None:
    titles = predict(tmp_path, Repeats())
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows] == [[title] for title in titles]
    assert [row["id"] for row in rows] == [str(row + 1) for row in range(len(titles))]
    assert shard_sizes(tmp_path / "out") == [50, 50, 30, 50, 50, 50, 50, 45, 50, 10]


def test_the_manifest_says_what_is_done_and_of_what(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    lines = [json.loads(line) for line in (tmp_path / "out" / MANIFEST_FILE).read_text().splitlines()]
    assert [Path(file["path"]).name for file in lines[0]["files"]] == ["a.csv", "b.parquet", "c.jsonl"]
    assert [line["rows"] for line in lines[1:-1]] == shard_sizes(tmp_path / "out")
    assert lines[-1] == {"complete": True, "shards": 10, "products": 435}


def test_a_complete_folder_is_left_alone(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    again = Repeats()
    predict(tmp_path, again)
    assert again.predicted == []


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90), st.integers(1, 70))
def test_shards_do_not_depend_on_batches(rows: int, shard_rows: int) -> None:
    class Batch:
        sources = ("a", "b")

        def __init__(self, file: int, titles: list[int]) -> None:
            self.file_of, self.titles = [file] * len(titles), titles

        def __len__(self) -> int:
            return len(self.titles)

        def take(self, places: list[int]) -> Batch:
            return Batch(self.file_of[0], [self.titles[place] for place in places])

    def batches() -> Iterator[Batch]:
        for file in (0, 1):
            numbers = list(range(100 * file, 100 * file + 65))
            for start in range(0, 65, rows):
                yield Batch(file, numbers[start : start + rows])

    shards: dict[int, list[int]] = {}
    for piece, part in cut(batches(), shard_rows):  # type: ignore[arg-type]
        shards.setdefault(piece.shard, []).extend(part.titles)  # type: ignore[attr-defined]
    expected = [
        list(range(first, min(first + shard_rows, 100 * file + 65)))
        for file in (0, 1)
        for first in range(100 * file, 100 * file + 65, shard_rows)
    ]
    assert [shards[number] for number in sorted(shards)] == expected


def _predict_slowly(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    predict(folder, Repeats(pause_s=0.004), shard_rows=30, rows=10)


def _killed(folder: Path, after_s: float) -> int | None:
    """Let a process of its own predict, and kill it after some time; its exit status."""
    process = multiprocessing.get_context("fork").Process(target=_predict_slowly, args=(folder,))
    process.start()
    process.join(after_s)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")
def test_any_number_of_kills_loses_and_doubles_nothing(tmp_path: Path) -> None:
    draw = random.Random(7)
    titles = three_files(tmp_path / "in")[1]
    killed, done_before = 0, 0
    for _ in range(KILLS):
        # Sometimes long enough for some shards, sometimes in the middle of the first one.
        if _killed(tmp_path, draw.choice((0.02, 0.05, 0.1)) + draw.random() * 0.05) == 0:
            break
        killed += 1
        out = tmp_path / "out"
        here = [shard.name for shard in out.glob("part-*")]
        assert len(here) >= done_before  # what is done stays done
        done_before = len(here)
        for shard in here:
            assert pq.read_metadata(out / shard).num_rows <= 30  # only whole files have a name
    assert killed >= 3
    assert predict(tmp_path, Repeats(), shard_rows=30, rows=10) == titles
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows] == [[title] for title in titles]
    assert not list((tmp_path / "out").glob(".*.part"))


def test_a_torn_manifest_costs_the_last_shard_only(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    manifest = tmp_path / "out" / MANIFEST_FILE
    manifest.write_bytes(manifest.read_bytes()[:-80])  # half of the last line but one
    again = Repeats()
    titles = predict(tmp_path, again)
    assert again.predicted == [str(row + 1) for row in range(425, 435)]
    assert [row["path"] for row in rows_of(tmp_path / "out")] == [[title] for title in titles]


def test_a_shard_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    (tmp_path / "out" / "part-000007.parquet").unlink()
    again = Repeats()
    titles = predict(tmp_path, again)
    assert set(again.predicted) >= {str(row + 1) for row in range(330, 375)}
    assert [row["path"] for row in rows_of(tmp_path / "out")] == [[title] for title in titles]


def test_another_catalog_is_refused(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    files, _ = three_files(tmp_path / "in")
    with files[0].open("a", encoding="utf-8") as file:
        file.write("one more\n")
    with pytest.raises(ShelfwiseError, match=r"a catalog that has changed since .*a\.csv"):
        predict_to_folder(Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files))


def test_another_catalogs_folder_says_which(tmp_path: Path) -> None:
    predict(tmp_path, Repeats())
    files, _ = three_files(tmp_path / "other")
    with pytest.raises(
        ShelfwiseError, match=r"of another catalog \('.*/in/a\.csv' and not '.*/other/a\.csv'\)"
    ):
        predict_to_folder(Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files))


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_names_that_hold_ends_of_lines_are_gone_on_with(tmp_path: Path, end: str) -> None:
    (tmp_path / f"in{end}side").mkdir()
    file = tmp_path / f"in{end}side" / f"a{end}b.csv"
    file.write_text("title\n" + "pot\n" * 40, encoding="utf-8")
    for _ in range(2):
        model = Repeats()
        predict_to_folder(
            model, scanning([file], 20), tmp_path / "out", identity(tmp_path, [file]), shard_rows=20
        )
    assert model.predicted == []


def test_another_model_is_refused(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path / "in")
    predict_to_folder(Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files))
    other = identity(tmp_path, files)
    (tmp_path / "model" / "checksums.txt").write_text("another", encoding="utf-8")
    other = type(other).of(files, tmp_path / "model", {})
    with pytest.raises(ShelfwiseError, match="by another model"):
        predict_to_folder(Repeats(), scanning(files), tmp_path / "out", other)


def test_other_options_are_refused(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path / "in")
    predict_to_folder(Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files, shard_rows=1))
    with pytest.raises(ShelfwiseError, match="with 'shard_rows' 1 and not 2"):
        predict_to_folder(
            Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files, shard_rows=2)
        )


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(ShelfwiseError, match="holds other files"):
        predict_to_folder(Repeats(), scanning(files), tmp_path / "out", identity(tmp_path, files))
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    files, titles = three_files(tmp_path / "in")

    class Stops(Repeats):
        def predict(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            if len(self.predicted) > 200:
                raise KeyboardInterrupt
            return super().predict(*args, **kwargs)  # type: ignore[arg-type]

    out, mine = tmp_path / "out", identity(tmp_path, files)
    with pytest.raises(BatchInterrupted, match=r"interrupted; 180 products in .* are complete; the same"):
        predict_to_folder(Stops(), scanning(files), out, mine, shard_rows=50)
    assert not list(out.glob(".*.part"))
    summary = predict_to_folder(Repeats(), scanning(files), out, mine, shard_rows=50)
    assert (summary.products, summary.found) == (len(titles), 180)


def test_a_catalog_that_breaks_off_says_what_is_kept(tmp_path: Path) -> None:
    files, _ = three_files(tmp_path / "in")

    def breaking(skip: int) -> Iterator[Catalog]:
        yield from scanning(files[:2])(skip)
        raise CatalogError("the third file is truncated")

    with pytest.raises(CatalogError, match=r"truncated \(375 products in|truncated \(330 products in"):
        predict_to_folder(Repeats(), breaking, tmp_path / "out", identity(tmp_path, files), shard_rows=50)


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    from shelfwise.batch.folder import held_folder

    with (
        held_folder(tmp_path / "out"),
        pytest.raises(ShelfwiseError, match="another process"),
        held_folder(tmp_path / "out"),
    ):
        pass


def test_skipping_reads_from_there(tmp_path: Path) -> None:
    files, titles = three_files(tmp_path / "in")
    for skip in (0, 1, 39, 40, 129, 130, 131, 210, 374, 375, 400, 434, 435):
        read = [
            (name, title)
            for batch in scanning(files, 33)(skip)
            for name, title in zip(batch.ids, batch.column("title").to_pylist(), strict=True)
        ]
        assert read == [(str(row + 1), titles[row]) for row in range(skip, 435)], skip
