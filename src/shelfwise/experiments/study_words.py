"""Findings of studies as sentences: differences with their intervals, and what a test on the training products would claim."""

from __future__ import annotations

from collections.abc import Sequence

from shelfwise.experiments.intervals import TEST_SHARE, is_sure, paired_difference, value_of
from shelfwise.experiments.page import Section
from shelfwise.experiments.study_data import StudyData
from shelfwise.experiments.study_runs import Measured, Runs
from shelfwise.experiments.study_tables import Score, mean_of_levels, over_seeds
from shelfwise.experiments.table import Estimate, show
from shelfwise.experiments.training_sizes import Size

_MISSING_SHOWN = 12
_SOURCES_SHOWN = 3


def percent(value: Estimate | float | None) -> str:
    """A share with its interval as people read it: "91.2 % (90.1–92.3)"."""
    return show(value, "percent")


def difference(value: Estimate | float) -> str:
    """A difference of shares: "1.3 points (95 % interval 0.2 to 2.4)", without its sign."""
    if not isinstance(value, Estimate):
        return f"{abs(100 * value):.1f} points"
    low, high = sorted(100 * end * (1 if value.value >= 0 else -1) for end in (value.low, value.high))
    return f"{abs(100 * value.value):.1f} points (95 % interval {low:.1f} to {high:.1f})"


def compare(runs: Runs, first: str, second: str, size: Size, score: Score, what: str) -> str | None:
    """Which of two rows is better at a size, by how much, and whether that is sure; None where they share no seed."""
    pairs = _pairs(runs, first, second, size)
    if not pairs:
        return None
    found = paired_difference([score(one) for one, _ in pairs], [score(other) for _, other in pairs])
    ahead, behind = (first, second) if value_of(found) >= 0 else (second, first)
    trained = f"{round(sum(one.facts['products'] for one, _ in pairs) / len(pairs)):,} products"
    if not isinstance(found, Estimate):
        sure = "one seed, so nothing is said about chance"
    elif is_sure(found):
        sure = f"sure over {len(pairs)} seeds"
    else:
        sure = f"no sure difference over {len(pairs)} seeds"
    if value_of(found) == 0:
        return f"{what.capitalize()}, trained on {trained}: {first} and {second} equal."
    return f"{what.capitalize()}, trained on {trained}: {ahead} {difference(found)} above {behind}; {sure}."


def doubt(runs: Runs, best: str, others: Sequence[str], size: Size, score: Score) -> str:
    """What a headline adds where the row with the most is not surely better than all others; empty where it is."""
    pairs = {name: _pairs(runs, best, name, size) for name in others}
    if any(len(found) == 1 for found in pairs.values()):
        return "; of one seed, so it may be chance"
    open_ = [
        name
        for name, found in pairs.items()
        if not found
        or not is_sure(paired_difference([score(one) for one, _ in found], [score(two) for _, two in found]))
    ]
    if not open_:
        return ""
    more = f" and {len(open_) - 1:,} more" if len(open_) > 1 else ""
    return f", but {open_[0]}{more} may be as good"


def _pairs(runs: Runs, first: str, second: str, size: Size) -> list[tuple[Measured, Measured]]:
    others = {one.seed: one for one in runs.of(second, size)}
    return [(one, others[one.seed]) for one in runs.of(first, size) if one.seed in others]


def ranked(runs: Runs, size: Size, score: Score) -> list[str]:
    """The rows measured at a size, best mean first."""
    found = {name: runs.of(name, size) for name in runs.names}
    means = {name: value_of(over_seeds(mine, score) or 0.0) for name, mine in found.items() if mine}
    return sorted(means, key=lambda name: -means[name])


def evaluation_error(runs: Runs, name: str, size: Size) -> str | None:
    """The line on what a test on the training products would claim, which is what the paper's published code does."""
    found = [one for one in runs.of(name, size) if one.train is not None]
    if not found:
        return None
    on_training = over_seeds(found, lambda one: float((one.train or {})["mean"]))
    on_test = over_seeds(found, mean_of_levels)
    return (
        "The code published with the paper tests on the products it trained on. So tested, "
        f"{name} would claim {percent(on_training)} as the mean of the levels; on products it never saw it gets "
        f"{percent(on_test)}."
    )


def largest_shared(runs: Runs) -> Size:
    """The size at which most of the trained rows were measured; of several such sizes, the largest."""

    def trained(size: Size) -> int:
        return len({one.name for one in runs.measured if one.size == size and one.train is not None})

    most = max(map(trained, runs.sizes))
    return [size for size in runs.sizes if trained(size) == most][-1]


def missing_section(runs: Runs) -> list[Section]:
    """What the time did not allow, and how to get it; nothing where all was measured."""
    if not runs.missing:
        return []
    return [Section("What is missing", missing_line(runs), (say_missing(runs.missing),))]


def missing_line(runs: Runs) -> str:
    """How many models are missing and what to do."""
    models = "model was" if len(runs.missing) == 1 else "models were"
    return (
        f"{len(runs.missing):,} {models} not trained, because the minutes given were over. The same command goes on where "
        "this one stopped: what was measured is kept."
    )


def say_missing(missing: Sequence[str]) -> str:
    """The first of them by name."""
    more = len(missing) - _MISSING_SHOWN
    return "; ".join(missing[:_MISSING_SHOWN]) + (f"; and {more:,} more" if more > 0 else "") + "."


def _sources(sources: Sequence[str]) -> str:
    """The files' names, the first of them where there are many."""
    names = sorted({source.rsplit("/", 1)[-1] for source in sources})
    more = len(names) - _SOURCES_SHOWN
    return ", ".join(names[:_SOURCES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def study_facts(data: StudyData, runs: Runs, seeds: int, command: str) -> list[tuple[str, str]]:
    """What stands at the end of the page: what was measured on what."""
    tested = sorted({int(one.facts["tested"]) for one in runs.measured})
    unknown = max((int(one.facts["unknown"]) for one in runs.measured), default=0)
    if data.test is None:
        split = f"{TEST_SHARE:.0%} of the products are tested on, another part for every seed; near-duplicates stay together"
    else:
        split = (
            f"tested on those of the {len(data.test):,} products given with --test that share no title, image or group with a "
            "product learned from"
        )
    sources = data.catalog.sources + (data.test.sources if data.test is not None else [])
    return [
        ("catalog", _sources(sources)),
        (
            "products",
            f"{len(data.catalog):,}, {int(data.usable[: len(data.catalog)].sum()):,} with a category",
        ),
        ("split", split),
        (
            "tested on",
            " to ".join(f"{count:,}" for count in dict.fromkeys((tested[0], tested[-1]))) + " products",
        ),
        ("answers that training had not seen", f"at most {unknown:,} tested products; they count as wrong"),
        (
            "inputs",
            ", ".join(f"{one.name} ({(one.encoder or {}).get('kind')})" for one in data.recipe.inputs),
        ),
        ("seeds", f"{seeds} (0 to {seeds - 1}), of split, samples and training"),
        ("command", command),
    ]
