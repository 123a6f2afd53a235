"""What tests share in which the command line complains: a file with something wrong in it, and what a complaint looks like."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Finished


def fails(finished: Finished, *words: str) -> None:
    """Exit status 1, nothing on stdout, and one line on stderr that holds all ``words``."""
    assert (finished.status, finished.out) == (1, ""), finished
    complaint = finished.err.splitlines()[-1]
    assert complaint.startswith("shelfwise: ")
    assert finished.err.count("shelfwise: ") == 1
    assert "Traceback" not in finished.err
    for word in words:
        assert word in complaint


def write(path: Path, text: str) -> Path:
    """``path``, with that text in it."""
    path.write_text(text, encoding="utf-8")
    return path
