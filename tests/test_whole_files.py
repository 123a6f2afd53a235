"""Files appear whole or not at all, and nothing in the package writes them any other way."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from shelfwise.whole_files import PART_SUFFIX, publish, whole_file, write_whole

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "shelfwise"

WRITES_PARTS = {
    "batch/write.py": "its hidden file is published at the end, or cut and kept as NAME.partial.EXT",
    "batch/folder.py": "its hidden file is published at the end; what a kill leaves is deleted by the next run",
    "batch/places.py": "lines of the manifest, whose torn last one is dropped; elsewhere objects appear when they are closed",
    "batch/pieces.py": "a copy in a folder for temporary files that only this process reads",
    "batch/on_ray.py": "a shard, by the place that it goes to",
    "batch/packed.py": "a copy in a folder for temporary files that only this process reads",
    "batch/profile_report.py": "measures the disk with a hidden file that it deletes",
    "review/export.py": "within whole_file",
    "catalog/fetching/store.py": "images are flushed in the store's folder of parts and renamed; the index is told afterwards",
    "catalog/fetching/spool.py": "renamed, not flushed: what a power failure tears is noticed by its checksum and fetched again",
    "demo/store.py": "the made-up store's pictures, some broken on purpose; the same command draws them again",
    "storage/model_folder.py": "written in a hidden folder, flushed, and the folder renamed",
    "training/checkpoint.py": "within whole_file",
    "locking.py": "a lock's file stays empty",
    "export/run.py": "within whole_folder",
    "export/quantise.py": "in a temporary folder, gone afterwards",
    "training/side_by_side.py": "in a temporary folder, gone afterwards",
    "whole_files.py": "the helper itself",
}
"""Files that hold a call that writes, and how it keeps to the rule besides standing in a ``whole_file`` block."""

_WRITING_METHODS = frozenset(
    {"write_text", "write_bytes", "savefig", "save", "to_csv", "to_parquet", "tofile", "save_file", "dump"}
)
_WRITERS = frozenset({"ParquetWriter", "write_table", "write_csv", "savez", "savez_compressed", "save_file"})
_INTO_MEMORY = frozenset({"buffer", "svg", "png", "encoded", "file", "stream"})
"""First arguments that are byte buffers, or files that a ``whole_file`` block has opened."""


def _writes(call: ast.Call) -> bool:
    """Whether a call may write to a file by its name."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "open":
        modes = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        texts = [one.value for one in modes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return any(set(text) <= set("rwxabt+") and set(text) & set("wxa+") for text in texts)
    if name not in _WRITERS and not (name in _WRITING_METHODS and isinstance(function, ast.Attribute)):
        return False
    first = call.args[0] if call.args else None
    return not (isinstance(first, ast.Name) and first.id in _INTO_MEMORY)


def _in_whole_file(tree: ast.Module, call: ast.Call) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(inner is call for inner in ast.walk(node)):
            for item in node.items:
                opened = item.context_expr
                if isinstance(opened, ast.Call) and getattr(opened.func, "id", "") == "whole_file":
                    return True
    return False


def _loose_writes(text: str) -> list[int]:
    """The lines of calls that write, outside of ``with whole_file(…)``."""
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _writes(node)]
    return [call.lineno for call in calls if not _in_whole_file(tree, call)]


def test_nothing_writes_a_file_in_place() -> None:
    loose = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        found = _loose_writes(file.read_text(encoding="utf-8"))
        name = file.relative_to(PACKAGE).as_posix()
        if found and name not in WRITES_PARTS and not _is_own_save(file, found):
            loose[name] = found
    assert not loose, "use shelfwise.whole_files, or say in WRITES_PARTS how the file keeps to the rule"


def _is_own_save(file: Path, lines: list[int]) -> bool:
    """Calls of ``Categorizer.save`` and the like: methods of ours that end in the helper."""
    text = file.read_text(encoding="utf-8").splitlines()
    return all("model.save(" in text[line - 1] or "store.save(" in text[line - 1] for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        'open("x", "w")',
        'path.open("wb")',
        'path.open(mode="a")',
        'path.write_text("x")',
        "path.write_bytes(b)",
        "figure.savefig(path)",
        "picture.save(path)",
        "pq.ParquetWriter(path, schema)",
        "np.savez(path, a=a)",
    ],
)
def test_the_scan_would_notice(line: str) -> None:
    assert _loose_writes(line) == [1]
    assert _loose_writes(f"with whole_file(p) as path:\n    {line}") == []


def test_reading_is_no_writing() -> None:
    assert _loose_writes('open("name")\npath.open("rb")\npath.open(encoding="utf-8")') == []


def test_a_file_appears_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.txt"
    with whole_file(file) as part:
        part.write_text("done")
        assert not file.exists()
    assert file.read_text() == "done"
    assert os.listdir(file.parent) == ["file.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    write_whole(file, "old")

    def interrupted() -> None:
        with whole_file(file) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_bytes_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("flush"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), replace(*names))[1])
    write_whole(tmp_path / "file", b"bytes")
    assert order[:2] == ["flush", "rename"]


def test_a_long_name_and_odd_text(tmp_path: Path) -> None:
    file = tmp_path / ("n" * 200 + ".txt")
    write_whole(file, "a\udc80b")
    assert file.read_bytes() == b"a?b"


def test_parts_are_hidden(tmp_path: Path) -> None:
    with whole_file(tmp_path / "catalog.csv") as part:
        part.write_text("id\n")
        assert part.name.startswith(".")
        assert part.suffix == PART_SUFFIX
        publish(part, tmp_path / "other.csv")
        part.write_text("id\n")
