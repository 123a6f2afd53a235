"""The table, the bars and the record of a benchmark, and that nothing heavy is loaded by accident."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import _common
import bench_speed
import pytest

COLUMNS = [_common.Column("model"), _common.Column("path"), _common.Column("rows", ",d")]


def test_render_aligns_and_marks_what_is_missing() -> None:
    rows = [{"model": "fused", "path": 0.91234, "rows": 12345}, {"model": "a longer name", "path": None}]
    assert _common.render(COLUMNS, rows) == (
        "model           path    rows\n"
        "-------------  -----  ------\n"
        "fused          0.912  12,345\n"
        "a longer name      -       -\n"
    )


@pytest.mark.parametrize(
    ("value", "limit", "kind", "passed"),
    [
        (0.9, 0.9, "at least", True),
        (0.8999, 0.9, "at least", False),
        (1.0, 1.0, "at most", True),
        (1.001, 1.0, "at most", False),
        (math.nan, 0.0, "at least", False),
        (math.nan, 0.0, "at most", False),
    ],
)
def test_bar(value: float, limit: float, kind: str, passed: bool) -> None:
    bar = _common.Bar("name", value, limit, kind)  # type: ignore[arg-type]
    assert bar.passed is passed
    assert bar.line().startswith("PASS" if passed else "MISS")


def test_show_prints_and_writes_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "figures.json"
    program = _common.ROOT / "benchmarks" / "bench_hm.py"
    monkeypatch.setattr(sys, "argv", [str(program), "--seed", "3"])
    args = _common.arguments(str(program), "what").parse_args(["--seed", "3", "--json", str(file)])
    result = _common.Result("Title", "data", COLUMNS, {"all": 1200}, [{"model": "fused", "path": 0.5}])
    result.bars.append(_common.Bar("path", 0.5, 0.9))
    _common.show(result, args)
    out = capsys.readouterr().out
    assert "command    python benchmarks/bench_hm.py --seed 3\n" in out
    assert "all: 1,200" in out
    assert "MISS  path: 0.5000 (at least 0.9000)" in out
    assert str(_common.ROOT) not in out
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["seed"] == 3
    assert written["rows"] == [{"model": "fused", "path": 0.5}]
    assert written["bars"][0]["passed"] is False
    assert written["quick_form"] is False


def test_missing_data_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected the real data at .*myntra, which is not there; pass"):
        _common.need(tmp_path, "myntra")


def test_ratio_of_nothing() -> None:
    assert _common.ratio(3.0, 2.0) == 1.5
    assert _common.ratio(3.0, 0.0) is None


def test_stopwatch_measures_work() -> None:
    with _common.stopwatch() as watch:
        sum(range(200_000))
    assert watch.wall_s > 0
    assert watch.cpu_s > 0


def test_the_parent_of_timed_processes_stays_small() -> None:
    folder = str(Path(_common.__file__).parent)
    code = (
        f"import sys; sys.path.insert(0, {folder!r}); import bench_speed; "
        "print([name for name in ('numpy', 'torch', 'sklearn', 'pyarrow') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_run_process_reports_memory_and_the_last_line() -> None:
    code = "block = b'x' * (200 << 20); print('words'); print('{\"wall_s\": 1.5}')"
    done = bench_speed.run_process([sys.executable, "-c", code])
    assert done.report == {"wall_s": 1.5}
    assert 0.19 < done.peak_gib < 3
    assert done.process_s > 0


def test_run_process_repeats_a_childs_complaint() -> None:
    with pytest.raises(SystemExit, match=r"(?s)ended with 3: .*no luck"):
        bench_speed.run_process(
            [sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"]
        )
