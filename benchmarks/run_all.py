"""Every benchmark in its short form, the results kept as JSON, and what has changed since the last release.

``make bench`` runs this. Each program is a process of its own and writes ``bench-out/NAME.json``; one whose data or libraries are
not there is said to be left out. ``--keep`` puts the results where the next release compares with them
(``benchmarks/released/VERSION.json``): run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _common import DATA, ROOT, Column, Value, render

HERE = Path(__file__).resolve().parent
RELEASED = HERE / "released"
PRODUCTS = 1_500
MOST_S = 900
TELLS = 1.25
"""A figure that has changed by less than this factor says nothing: short forms and busy machines vary so much."""
CHANGES = [Column("figure"), Column("last release", ",.3g"), Column("now", ",.3g"), Column("ratio", ".2f")]


def programs(only: list[str]) -> list[Path]:
    """The programs by their names; ``only``: words of which a name must hold one."""
    found = sorted(HERE.glob("bench_*.py"))
    return [one for one in found if not only or any(word in one.stem for word in only)]


def run(program: Path, args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Run one program; what it wrote, or why it wrote nothing."""
    target = out / f"{program.stem}.json"
    target.unlink(missing_ok=True)
    words = [sys.executable, str(program), "--json", str(target), "--data", str(args.data)]
    words += [] if args.full else ["--products", str(args.products)]
    start = time.perf_counter()
    print(f"== {program.name}", flush=True)
    try:
        done = subprocess.run(words, check=False, timeout=None if args.full else MOST_S)
    except subprocess.TimeoutExpired:
        return {"left_out": f"not finished within {MOST_S} s"}
    if done.returncode or not target.exists():
        return {"left_out": f"ended with status {done.returncode} and wrote no figures"}
    result: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    result["program_s"] = time.perf_counter() - start
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def figures(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Every number of every table by program, row and column."""
    found = {}
    for program, result in results.items():
        for row in result.get("rows", []):
            label = next((str(value) for value in row.values() if isinstance(value, str)), "")
            for name, value in row.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[f"{program}: {label}, {name}"] = float(value)
    return found


def changes(before: dict[str, Any], now: dict[str, dict[str, Any]]) -> list[dict[str, Value]]:
    """The figures of both that differ enough to tell."""
    old, new = figures(before["results"]), figures(now)
    rows: list[dict[str, Value]] = []
    for name in sorted(set(old) & set(new)):
        ratio = new[name] / old[name] if old[name] else None
        if ratio is not None and not 1 / TELLS < ratio < TELLS:
            rows.append({"figure": name, "last release": old[name], "now": new[name], "ratio": ratio})
    return rows


def last_release() -> tuple[str, dict[str, Any]] | None:
    """The newest kept results by version; None where there are none."""
    kept = sorted(RELEASED.glob("*.json"), key=lambda file: [*map(int, file.stem.split("."))])
    return (kept[-1].stem, json.loads(kept[-1].read_text(encoding="utf-8"))) if kept else None


def tell(results: dict[str, dict[str, Any]], full: bool) -> None:
    """Which bars were met, what was left out, and what has changed."""
    for program, result in results.items():
        if "left_out" in result:
            print(f"LEFT OUT  {program}: {result['left_out']}")
        for bar in result.get("bars", []):
            print(f"{'PASS' if bar['passed'] else 'MISS'}  {program}: {bar['name']}: {bar['value']:.4g}")
    if not full:
        print("- Short forms: the bars are meant for all of the data.")
    known = last_release()
    if known is None:
        print("- No results of a release are kept to compare with (run_all.py --keep).")
        return
    version, before = known
    same = before.get("processor") == _processor(results)
    print(
        f"\nsince {version} (there: {before.get('processor')})"
        + ("" if same else ": another processor, so times differ")
    )
    print(render(CHANGES, changes(before, results)))


def _processor(results: dict[str, dict[str, Any]]) -> str | None:
    return next((one["environment"]["processor"] for one in results.values() if "environment" in one), None)


def main() -> None:
    """Run, keep and tell; the exit status is 0 whatever the figures are."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run_all.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("only", nargs="*", metavar="NAME", help="only programs whose names hold one of these")
    parser.add_argument("--products", type=int, default=PRODUCTS, metavar="N", help="size of the short forms")
    parser.add_argument("--full", action="store_true", help="all of the data: hours")
    parser.add_argument("--keep", action="store_true", help="keep the results as this version's")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "bench-out", metavar="DIR", help="where JSON files go"
    )
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="the real catalogs")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    results = {program.stem: run(program, args, args.out) for program in programs(args.only)}
    tell(results, args.full)
    if args.keep:
        version = next(one["environment"]["shelfwise"] for one in results.values() if "environment" in one)
        kept = {"version": version, "processor": _processor(results), "full": args.full, "results": results}
        RELEASED.mkdir(exist_ok=True)
        part = RELEASED / f"{version}.part"
        part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        os.replace(part, RELEASED / f"{version}.json")


if __name__ == "__main__":
    main()
