"""What a person sees of a command: progress and remarks on stderr, a short table on stdout."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shelfwise.progress import Reporter, Silent, Stage

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

SHOW_AFTER_S = 2.0
"""Work that is over sooner never draws a bar."""
REFRESHES_PER_S = 8


class Remarks(Silent):
    """Remarks as plain lines on stderr and no bars: for log files and pipes."""

    def say(self, message: str) -> None:
        """One line on stderr."""
        print(message, file=sys.stderr, flush=True)


class Bars:
    """Bars on a terminal, one a stage, each drawn only once its stage has taken ``SHOW_AFTER_S`` seconds."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars

    def stage(self, name: str, total: int | None, unit: str = "products") -> Stage:
        """Begin a bar of ``total`` units; its clock starts now."""
        return _Bar(self._bars, self._bars.add_task(name, total=total, unit=unit, note=""))

    def say(self, message: str) -> None:
        """One line above the bars."""
        self._bars.console.print(message, markup=False, highlight=False, soft_wrap=True)


class _Bar:
    """One stage as one bar of a rich progress display."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, done: int, note: str = "") -> None:
        """So many more are done; ``note`` stays beside the bar until the next one."""
        if note:
            self._bars.update(self._task, advance=done, note=note)
        else:
            self._bars.advance(self._task, done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop_task(self._task)
        for task in self._bars.tasks:
            if task.id == self._task and not _is_long(task):
                self._bars.remove_task(self._task)
            elif task.id == self._task and task.total is None:
                # Without a total the bar would go on pulsing after its stage is over.
                self._bars.update(self._task, total=max(task.completed, 1))


def _is_long(task: Task) -> bool:
    return (task.elapsed or 0.0) >= SHOW_AFTER_S


@contextlib.contextmanager
def reporting(quiet: bool = False) -> Iterator[Reporter]:
    """The reporter that fits: silent if ``quiet``, remarks alone if stderr is no terminal, else bars too."""
    if quiet:
        yield Silent()
    elif not sys.stderr.isatty():
        yield Remarks()
    else:
        with _make_bars() as bars:
            yield Bars(bars)


def _make_bars() -> Progress:
    """A rich progress display on stderr that draws only the tasks that have become long."""
    # rich is imported here: `shelfwise --help` must not pay for it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table

    class LateBars(Progress):
        """A display that draws no task until it has become long."""

        def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
            """What is drawn, several times a second."""
            return super().make_tasks_table([task for task in tasks if _is_long(task)])

    return LateBars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        refresh_per_second=REFRESHES_PER_S,
    )


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Name and value pairs as two aligned columns of plain text, one pair a line, ending in a newline."""
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:<{width}}  {value}".rstrip() + "\n" for name, value in rows)
