"""What a profile comes to: every stage's share, what it did in a second, and how far it is from its own limit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shelfwise.batch.predict import PredictSummary
from shelfwise.batch.workers import share_of_threads
from shelfwise.catalog.locate import find_files
from shelfwise.profiling import Profile
from shelfwise.whole_files import part_of

if TYPE_CHECKING:
    from shelfwise.batch.request import PredictRequest

_PROBE_BYTES = 64 << 20
"""Enough to see what a disk does, and soon done."""
_MB = 1e6
_COLUMNS = ("stage", "wall s", "share", "products/s", "cores busy", "its limit")


def prediction_profile(profile: Profile, request: PredictRequest, summary: PredictSummary) -> str:
    """The table that ``shelfwise predict --profile`` prints."""
    files = [file.path for file in find_files(request.catalogs)]
    written = summary.output.rglob("part-*.parquet") if summary.output.is_dir() else [summary.output]
    limits = {
        "read": _moved(profile, "read", _size(files), _read_plainly(files), "plain reading"),
        "write": _moved(profile, "write", _size(written), _write_plainly(summary.output), "plain writing"),
    }
    return render_profile(profile, summary.products - summary.found, share_of_threads(1), limits)


def training_profile(profile: Profile, products: int) -> str:
    """The table that ``shelfwise train --profile`` prints."""
    return render_profile(profile, products, share_of_threads(1), {})


def render_profile(profile: Profile, products: int, cores: int, limits: dict[str, str]) -> str:
    """One line a stage, longest first; ``limits``: what is known of a stage besides how busy it kept the cores."""
    whole = profile.wall_s
    rows: list[Sequence[str]] = [_COLUMNS]
    for name, spent in sorted(profile.stages.items(), key=lambda stage: -stage[1].wall_s):
        if spent.wall_s <= 0:
            continue
        busy = spent.cpu_s / spent.wall_s
        rows.append(
            (
                name,
                f"{spent.wall_s:.2f}",
                f"{spent.wall_s / whole:.1%}",
                f"{products / spent.wall_s:,.0f}",
                f"{busy:.2f}",
                limits.get(name, f"{min(busy / cores, 1):.0%} of {cores} core{'s' if cores > 1 else ''}"),
            )
        )
    rows.append(("all", f"{whole:.2f}", "100.0%", f"{products / max(whole, 1e-9):,.0f}", "", ""))
    return "\n" + _aligned(rows)


def _moved(profile: Profile, stage: str, size: int, limit: float, what: str) -> str:
    """How many megabytes a second a stage moved, and how many can be."""
    spent = profile.stages.get(stage)
    if spent is None or spent.wall_s <= 0 or not limit:
        return ""
    rate = size / spent.wall_s
    return f"{rate / _MB:,.0f} MB/s, {min(rate / limit, 1):.1%} of {what} ({limit / _MB:,.0f} MB/s)"


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _read_plainly(files: Sequence[Path]) -> float:
    """Bytes a second that the same files can be read at, their contents thrown away."""
    buffer = bytearray(1 << 20)
    done, start = 0, time.perf_counter()
    for path in files:
        with path.open("rb", buffering=0) as file:
            while done < _PROBE_BYTES and (count := file.readinto(buffer)):
                done += count
        if done >= _PROBE_BYTES:
            break
    return done / max(time.perf_counter() - start, 1e-9)


def _write_plainly(output: Path) -> float:
    """Bytes a second that the same disk takes, until they are on it."""
    probe = part_of(output / "probe" if output.is_dir() else output)
    block = os.urandom(1 << 20)
    start = time.perf_counter()
    try:
        with probe.open("wb") as file:
            for _ in range(_PROBE_BYTES // len(block) // 4):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return (_PROBE_BYTES // 4) / (time.perf_counter() - start)
    finally:
        probe.unlink(missing_ok=True)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines) + "\n"
