"""A row for every product, whatever became of its image, and a file that is whole at any moment."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest

from shelfwise.catalog.fetching.manifest import COLUMNS, ManifestKeeper, write_manifest
from shelfwise.catalog.fetching.plan import Given, ImageRow
from shelfwise.catalog.fetching.records import Found, NotTried, Record

FILE = "ab" * 32 + ".jpg"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_states(tmp_path: Path) -> None:
    rows = [
        ImageRow("1", "image", Given.WEB, "http://a/1 ", "http://a/1"),
        ImageRow('=2,"\n', "image", Given.WEB, "http://a/2", "http://a/2"),
        ImageRow("3", "image", Given.WEB, "http://a/3", "http://a/3"),
        ImageRow("4", "image", Given.WEB, "http://a/4", "http://a/4"),
        ImageRow("5", "image", Given.REFUSED, "ftp://a/5", reason="refused: only http"),
        ImageRow("6", "image", Given.ABSENT),
        ImageRow("7", "image", Given.THERE, "7.jpg", reason="the path of a file"),
        ImageRow("8", "image", Given.UNREADABLE, reason="line 9 is\rno JSON"),
        ImageRow("9", "image", Given.WEB, "http://a/1", "http://a/1"),
    ]
    results = {
        "http://a/1": Record("http://a/1", Found.OK, "", FILE, 10, 20, 30, tried_at=1e9),
        "http://a/2": Record("http://a/2", Found.FAILED, "not found (404)", tried_at=1e9),
        "http://a/3": NotTried("a could not be reached"),
    }
    path = tmp_path / "manifest.csv"
    write_manifest(path, rows, len(rows), results)
    written = read(path)
    assert tuple(written[0]) == COLUMNS
    assert [(row["state"], row["reason"]) for row in written] == [
        ("ok", ""),
        ("failed", "not found (404)"),
        ("not tried", "a could not be reached"),
        ("not tried", ""),
        ("failed", "refused: only http"),
        ("absent", ""),
        ("not tried", "the path of a file"),
        ("failed", "line 9 is no JSON"),
        ("ok", ""),
    ]
    assert [row["row"] for row in written] == [str(number) for number in range(1, 10)]
    assert [row["id"] for row in written] == [row.id for row in rows]
    assert written[0]["image"] == f"images/ab/{FILE}"
    assert (written[0]["bytes"], written[0]["width"], written[0]["height"]) == ("10", "20", "30")
    assert written[0]["tried_at"] == "2001-09-09T01:46:40+00:00"
    assert written[2]["tried_at"] == written[2]["image"] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.csv"]


def test_several_columns_are_numbered_each_from_one(tmp_path: Path) -> None:
    rows = [ImageRow(one, column, Given.ABSENT) for column in ("front", "back") for one in ("x", "y")]
    write_manifest(tmp_path / "m.csv", rows, 2, {})
    assert [(row["row"], row["id"], row["column"]) for row in read(tmp_path / "m.csv")] == [
        ("1", "x", "front"),
        ("2", "y", "front"),
        ("1", "x", "back"),
        ("2", "y", "back"),
    ]


def test_a_failed_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.csv"
    write_manifest(path, [ImageRow("1", "image", Given.ABSENT)], 1, {})
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_manifest(path, [], 1, {})
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["m.csv"]


def test_it_is_kept_up_to_date_and_written_last_after_the_work() -> None:
    written: list[str] = []
    several = threading.Event()

    def write() -> None:
        written.append("")
        if len(written) >= 3:
            several.set()

    with ManifestKeeper(write, every_s=0.01):
        assert len(written) >= 1
        assert several.wait(5)
    assert not [thread for thread in threading.enumerate() if thread.name == "manifest"]
    count = len(written)
    assert count >= 4


def test_a_full_disk_meanwhile_is_told_at_the_end() -> None:
    calls: list[int] = []

    def write() -> None:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")

    keeper = ManifestKeeper(write, every_s=0.001)
    with pytest.raises(OSError, match="No space"), keeper:
        keeper._thread.join(5)
    assert len(calls) == 3
