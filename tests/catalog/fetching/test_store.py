"""The store keeps each content once, checks what it gives, and opens only what is its own."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shelfwise.catalog.column import State
from shelfwise.catalog.fetching.index import Index
from shelfwise.catalog.fetching.records import Found, Record, Validators
from shelfwise.catalog.fetching.shrink import Picture
from shelfwise.catalog.fetching.store import INDEX_NAME, ImageStore, default_store, relative_path
from shelfwise.errors import FetchError
from shelfwise.progress import Silent


def picture(data: bytes) -> Picture:
    return Picture(data, "jpg", 3, 4)


def saved(store: ImageStore, url: str, data: bytes) -> Record:
    record = Record(url, Found.OK, "", store.save(picture(data)), len(data), 3, 4, tried_at=1.0)
    store.index.record([record])
    return record


def files(store: ImageStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file() and path.suffix == ".jpg")


class TestImages:
    def test_the_same_content_is_stored_once(self, tmp_path: Path) -> None:
        store = ImageStore(tmp_path / "new" / "store")
        one, other = saved(store, "http://a/1", b"same"), saved(store, "http://a/2", b"same")
        assert one.file == other.file == hashlib.sha256(b"same").hexdigest() + ".jpg"
        assert len(files(store)) == 1
        assert store.load(one).data == store.load(other).data == b"same"
        assert not list((store.folder / "parts").iterdir())

    def test_what_is_damaged_is_not_handed_out_and_goes(self, tmp_path: Path) -> None:
        store = ImageStore(tmp_path)
        record = saved(store, "http://a/1", b"good")
        store.path_of(record).write_bytes(b"evil")
        assert store.has(record)
        assert store.load(record).state is State.FAILED
        assert "damaged" in store.load(record).reason or "cannot be read" in store.load(record).reason
        assert not store.has(record)

    def test_what_is_gone_is_failed(self, tmp_path: Path) -> None:
        store = ImageStore(tmp_path)
        record = saved(store, "http://a/1", b"good")
        store.path_of(record).unlink()
        assert not store.has(record)
        assert "cannot be read" in store.load(record).reason
        failure = Record("http://a/2", Found.FAILED, "not found (404)")
        assert store.load(failure).reason == "image could not be fetched: not found (404)"
        assert not store.has(failure)

    def test_a_failed_write_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store = ImageStore(tmp_path)

        def full(part: Path, path: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shelfwise.catalog.fetching.store.os.replace", full)
        with pytest.raises(OSError, match="No space"):
            store.save(picture(b"data"))
        assert not files(store)
        assert not list((store.folder / "parts").iterdir())


class TestOpening:
    def test_a_store_has_one_size(self, tmp_path: Path) -> None:
        ImageStore(tmp_path, 256).close()
        assert ImageStore(tmp_path).max_side == 256
        assert ImageStore(tmp_path, 256).max_side == 256
        with pytest.raises(FetchError, match="keeps images of up to 256"):
            ImageStore(tmp_path, 512)
        with pytest.raises(FetchError, match="longest side"):
            ImageStore(tmp_path / "other", 5)

    def test_foreign_folders_are_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(FetchError, match=r"thesis\.txt"):
            ImageStore(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for place in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(FetchError, match="expected a folder for images"):
                ImageStore(place)

    @pytest.mark.parametrize(
        "content", [b"", b"not a database at all" * 100, b"SQLite format 3\0" + bytes(200)]
    )
    def test_a_damaged_index(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / INDEX_NAME).write_bytes(content)
        if not content:  # an empty file is an empty database
            ImageStore(tmp_path).close()
            return
        with pytest.raises(FetchError, match="index cannot be used"):
            ImageStore(tmp_path)

    @pytest.mark.parametrize("value", ["", "many", "-5", "5", "9" * 5000, "512.0"])
    def test_a_damaged_size(self, tmp_path: Path, value: str) -> None:
        ImageStore(tmp_path).close()
        with sqlite3.connect(tmp_path / INDEX_NAME) as database:
            database.execute("UPDATE settings SET value = ?", (value,))
        with pytest.raises(FetchError, match=r"size of images is damaged|longest side"):
            ImageStore(tmp_path)

    def test_a_damaged_lock(self, tmp_path: Path) -> None:
        store = ImageStore(tmp_path)
        (tmp_path / "lock").write_bytes(b"no database" * 100)
        with pytest.raises(FetchError, match="cannot be locked"), store.filling(Silent()):
            pass

    def test_another_programs_database(self, tmp_path: Path) -> None:
        database = sqlite3.connect(tmp_path / INDEX_NAME)
        database.execute("CREATE TABLE things (a)")
        database.close()
        with pytest.raises(FetchError, match="another program"):
            ImageStore(tmp_path)
        database = sqlite3.connect(tmp_path / INDEX_NAME)
        database.execute("PRAGMA application_id = 7")
        database.close()
        with pytest.raises(FetchError, match="something else"):
            ImageStore(tmp_path)

    def test_the_default_is_in_the_folder_of_caches(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
        assert default_store().parent == tmp_path


class TestIndex:
    def test_records_come_back(self, tmp_path: Path) -> None:
        index = Index(tmp_path / "i")
        name = "ab" * 32 + ".png"
        records = [
            Record("http://a/1", Found.OK, "", name, 9, 8, 7, Validators('"e"', "date"), 3, 1.5),
            Record("http://a/2", Found.FAILED, "not found (404)", run=3, tried_at=2.5),
            Record("http://ü/3", Found.REFUSED, "refused: …", run=4, tried_at=3.5),
        ]
        index.record(records)
        assert index.look_up([record.url for record in records] + ["http://a/4"]) == {
            record.url: record for record in records
        }
        index.record([Record("http://a/2", Found.OK, "", name, 1, 1, 1, run=5, tried_at=4.0)])
        assert index.look_up(["http://a/2"])["http://a/2"].state is Found.OK
        assert index.look_up([]) == {}
        many = [Record(f"http://m/{n}", Found.FAILED, "x", tried_at=1.0) for n in range(2000)]
        index.record(many)
        assert len(index.look_up(one.url for one in many)) == 2000

    @pytest.mark.parametrize(
        "change",
        [
            "file = '../../etc/passwd'",
            "file = '/etc/passwd'",
            f"file = '{'ab' * 32}.exe'",
            f"file = '{'ab' * 32}.png\n'",
            f"file = '../{'ab' * 31}.png'",
            "file = ''",
            "file = x'00'",
            "state = 'perfect'",
            "state = 'failed'",
            "bytes = -1",
            "bytes = 'many'",
            "tried_at = 'never'",
        ],
    )
    def test_records_that_cannot_be_ours_count_as_none(self, tmp_path: Path, change: str) -> None:
        index = Index(tmp_path / "i")
        index.record([Record("http://a/1", Found.OK, "", "ab" * 32 + ".png", 1, 1, 1, tried_at=1.0)])
        assert index.look_up(["http://a/1"])
        with sqlite3.connect(tmp_path / "i") as database:
            database.execute(f"UPDATE images SET {change}")
        assert index.look_up(["http://a/1"]) == {}

    def test_runs(self, tmp_path: Path) -> None:
        index = Index(tmp_path / "i")
        first = index.begin_run("a")
        assert index.begin_run("a") == first
        assert index.begin_run("b") != first
        index.finish_run(first)
        assert index.begin_run("a") > first

    def test_settings_stay_as_first_set(self, tmp_path: Path) -> None:
        index = Index(tmp_path / "i")
        assert [index.setting("a", "1"), index.setting("a", "2")] == ["1", "1"]


OPEN_AND_RECORD = """
import sys
from pathlib import Path
from shelfwise.catalog.fetching.records import Found, Record
from shelfwise.catalog.fetching.shrink import Picture
from shelfwise.catalog.fetching.store import ImageStore

store = ImageStore(Path(sys.argv[1]))
for place in range(20):
    data = str(place).encode()
    name = store.save(Picture(data, "jpg", 3, 4))
    url = f"http://{sys.argv[2]}/{place}"
    store.index.record([Record(url, Found.OK, "", name, len(data), 3, 4, tried_at=1.0)])
"""


class TestSeveralProcesses:
    def test_one_store_made_and_filled_by_several_at_once(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", OPEN_AND_RECORD, str(tmp_path)]
        processes = [subprocess.Popen([*command, str(number)]) for number in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        store = ImageStore(tmp_path)
        urls = [f"http://{number}/{place}" for number in range(3) for place in range(20)]
        assert all(store.has(record) for record in store.index.look_up(urls).values())
        assert len(store.index.look_up(urls)) == 60
        assert len(files(store)) == 20

    def test_filling_is_for_one_at_a_time_and_ends_with_its_process(self, tmp_path: Path) -> None:
        ImageStore(tmp_path).close()
        code = (
            "import sys, time; from pathlib import Path\n"
            "from shelfwise.catalog.fetching.store import ImageStore\n"
            "from shelfwise.progress import Silent\n"
            "store = ImageStore(Path(sys.argv[1]))\n"
            "with store.filling(Silent()):\n"
            "    (store.folder / 'parts' / 'half').write_bytes(b'x'); print('mine', flush=True); time.sleep(60)\n"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        said = threading.Event()

        class Listening(Silent):
            def say(self, message: str) -> None:
                assert str(tmp_path) in message
                said.set()

        entered = threading.Event()

        def enter() -> None:
            store = ImageStore(tmp_path)
            with store.filling(Listening()):
                assert not list((tmp_path / "parts").iterdir())  # what the other left half written
                entered.set()
            store.close()

        thread = threading.Thread(target=enter)
        thread.start()
        assert said.wait(10)
        assert not entered.is_set()
        other.kill()
        other.wait()
        assert entered.wait(10)
        thread.join()


def test_a_name_in_the_store() -> None:
    assert relative_path("abcd.jpg") == "images/ab/abcd.jpg"
