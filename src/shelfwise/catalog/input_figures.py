"""What an input looked like in training, in a few numbers: whether it was there, how long or large, and which values.

Products that arrive later are counted into the same bins, so that the two can be compared without the training catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shelfwise.catalog.column import InputColumn, Role, State

BINS = 10
MOST_VALUES = 50
"""Values of a category input that are counted by name; all others are one bin."""
_Count = Annotated[int, Field(ge=0)]
_Edge = Annotated[float, Field(allow_inf_nan=False)]


class InputFigures(BaseModel):
    """One input of some products.

    Of numbers and texts ``edges`` (at most 9, ascending) cut the values, or the texts' lengths in characters, into
    ``counts``. Of categories ``values`` counts the commonest of training by name. What is left of the present ones
    has another value.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["text", "category", "number", "image"]
    products: _Count
    present: _Count
    failed: _Count
    edges: list[_Edge] = Field(default_factory=list, max_length=BINS - 1)
    counts: list[_Count] = Field(default_factory=list, max_length=BINS)
    values: dict[str, _Count] = Field(default_factory=dict, max_length=MOST_VALUES)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.present + self.failed > self.products:
            raise ValueError("expected no more present and failed inputs than products")
        if self.edges != sorted(set(self.edges)) or (self.counts and len(self.counts) != len(self.edges) + 1):
            raise ValueError("expected ascending edges, and one count more than edges")
        if sum(self.counts) > self.present or sum(self.values.values()) > self.present:
            raise ValueError("expected no more counted values than present inputs")
        return self

    def shares(self) -> dict[str, float]:
        """The share of products (0–1) in each bin; they sum to 1 where there are products."""
        bins = {f"bin {place}": count for place, count in enumerate(self.counts)}
        bins |= {f"value {name}": count for name, count in self.values.items()}
        bins["other"] = self.present - sum(bins.values())
        bins["failed"] = self.failed
        bins["absent"] = self.products - self.present - self.failed
        return {name: count / self.products for name, count in bins.items()} if self.products else {}

    def __add__(self, other: InputFigures) -> InputFigures:
        """Both together; they have the same bins."""
        return InputFigures(
            role=self.role,
            products=self.products + other.products,
            present=self.present + other.present,
            failed=self.failed + other.failed,
            edges=self.edges,
            counts=[mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)],
            values={name: count + other.values.get(name, 0) for name, count in self.values.items()},
        )


def training_figures(column: InputColumn, state: np.ndarray) -> InputFigures:
    """The figures of a training catalog's input, whose bins are made here: tenths of the values or lengths.

    ``state`` int8 [N]: the input's states as encoding found them (of images the column itself does not know).
    """
    edges: list[float] = []
    values: dict[str, int] = {}
    if column.role is Role.CATEGORY:
        counted = pc.value_counts(pc.drop_null(column.values)).to_pylist()
        counted.sort(key=lambda one: (-one["counts"], one["values"]))
        values = dict.fromkeys((one["values"] for one in counted[:MOST_VALUES]), 0)
    elif column.role is not Role.IMAGE:
        sizes = _sizes(column)
        if len(sizes):
            cuts = np.quantile(sizes, np.arange(1, BINS) / BINS, method="lower")
            edges = sorted({float(cut) for cut in cuts})
    empty = InputFigures(role=column.role.value, products=0, present=0, failed=0, edges=edges, values=values)  # type: ignore[arg-type]
    return counted_like(empty, column, state)


def counted_like(figures: InputFigures, column: InputColumn, state: np.ndarray) -> InputFigures:
    """Other products' input, counted into the bins of ``figures``. ``state`` int8 [N]."""
    counts = [0] * (len(figures.edges) + 1)
    values = dict.fromkeys(figures.values, 0)
    if column.role is Role.CATEGORY:
        for one in pc.value_counts(pc.drop_null(column.values)).to_pylist():
            if one["values"] in values:
                values[one["values"]] = one["counts"]
    elif column.role is not Role.IMAGE:
        places = np.searchsorted(figures.edges, _sizes(column), side="left")
        counts = np.bincount(places, minlength=len(counts)).tolist()
    no_bins = column.role in (Role.CATEGORY, Role.IMAGE)
    return InputFigures(
        role=figures.role,
        products=len(state),
        present=int((state == State.PRESENT).sum()),
        failed=int((state == State.FAILED).sum()),
        edges=figures.edges,
        counts=[] if no_bins else counts,
        values=values,
    )


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Total variation (0–1) between two lists of shares: the share that would have to move for the two to be alike."""
    keys = sorted({*one, *other})  # sums round differently in another order
    return sum(abs(one.get(key, 0.0) - other.get(key, 0.0)) for key in keys) / 2


def _sizes(column: InputColumn) -> np.ndarray:
    """float64: the numbers, or the lengths of the texts, of the products that have one."""
    values = column.values
    assert isinstance(values, pa.Array | pa.ChunkedArray)
    sizes = values if column.role is Role.NUMBER else pc.utf8_length(values)
    return np.asarray(pc.drop_null(sizes).to_numpy(zero_copy_only=False), dtype=np.float64)
