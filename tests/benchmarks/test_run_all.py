"""All benchmarks in one: what is kept, what has changed since the last release, and what is left out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import run_all

PROGRAM = """
import json, sys
out = sys.argv[sys.argv.index("--json") + 1]
rows = [{"work": "predict", "products/s": 100.0, "wall s": 2}]
bars = [{"name": "fast", "value": 1.0, "kind": "at least", "limit": 0.5, "passed": True}]
json.dump({"rows": rows, "bars": bars, "environment": {"processor": "x", "shelfwise": "0.1.0"}}, open(out, "w"))
"""


@pytest.fixture
def args(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(data=tmp_path, full=False, products=10, out=tmp_path)


def test_a_programs_figures_are_kept(tmp_path: Path, args: argparse.Namespace) -> None:
    program = tmp_path / "bench_made_up.py"
    program.write_text(PROGRAM)
    result = run_all.run(program, args, tmp_path)
    assert result["program_s"] > 0
    assert json.loads((tmp_path / "bench_made_up.json").read_text())["rows"] == result["rows"]


def test_a_program_that_fails_is_left_out(tmp_path: Path, args: argparse.Namespace) -> None:
    program = tmp_path / "bench_fails.py"
    program.write_text("raise SystemExit('no data')")
    assert "status 1" in run_all.run(program, args, tmp_path)["left_out"]


def test_only_what_has_changed_is_told() -> None:
    def results(speed: float, wall: float) -> dict[str, dict[str, object]]:
        return {"bench_x": {"rows": [{"work": "predict", "products/s": speed, "wall s": wall}]}}

    assert run_all.figures(results(2.0, 3.0)) == {
        "bench_x: predict, products/s": 2.0,
        "bench_x: predict, wall s": 3.0,
    }
    rows = run_all.changes({"results": results(100.0, 2.0)}, results(200.0, 2.1))
    assert rows == [
        {"figure": "bench_x: predict, products/s", "last release": 100.0, "now": 200.0, "ratio": 2.0}
    ]


def test_the_newest_version_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_all, "RELEASED", tmp_path)
    assert run_all.last_release() is None
    for version in ("0.9.0", "0.10.0", "0.2.1"):
        (tmp_path / f"{version}.json").write_text(json.dumps({"results": {}}))
    found = run_all.last_release()
    assert found is not None
    assert found[0] == "0.10.0"


def test_programs_are_found_by_name() -> None:
    assert [one.stem for one in run_all.programs(["streaming", "memory"])] == [
        "bench_memory",
        "bench_streaming",
    ]
