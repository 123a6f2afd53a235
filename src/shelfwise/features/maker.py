"""One batch of products → one block of features, in whichever process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from shelfwise.batch.blocks import Block, Make, Tally
from shelfwise.batch.workers import with_images
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import ImageSource, InputColumn, RawImage, Role, State
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.cache_files import content_key
from shelfwise.encoders.open_cache import OpenCaches, kept_open
from shelfwise.encoders.pretrained import PretrainedEncoder
from shelfwise.features.backbones import Backbones, PackedBackbones
from shelfwise.features.choosing import FeatureInput
from shelfwise.features.layout import Computed, Origin, features_table
from shelfwise.precision import precision
from shelfwise.profiling import timed


@dataclass(frozen=True)
class FeatureJob:
    """Computing features, as work for other processes and machines.

    ``threads``: compute threads, None for all cores. ``packed``: the backbones' files, for machines that do not have them.
    """

    inputs: tuple[FeatureInput, ...]
    backbones: Backbones
    fetch: FetchOptions = field(default_factory=FetchOptions)
    threads: int | None = None
    packed: PackedBackbones | None = None

    def maker(self) -> Make:
        """What fetches a batch's images and computes its features. Raises MissingDependencyError."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if self.packed is None:
            maker = FeatureMaker(self.inputs, self.backbones)
        else:
            with self.packed.unpacked() as backbones:
                maker = FeatureMaker(self.inputs, backbones)
                maker.load()
        return lambda batch: maker(with_images(batch, self.fetch, self.inputs))


class FeatureMaker:
    """Computes the features of batches. Each distinct image and text is computed once, ever: the feature cache remembers it."""

    def __init__(self, inputs: Sequence[FeatureInput], backbones: Backbones) -> None:
        self._inputs = tuple(inputs)
        # Inputs that one backbone reads share it.
        encoders = {model_role(one.role): backbones.encoder(model_role(one.role)) for one in inputs}
        self._encoders: dict[Role, PretrainedEncoder[Any]] = encoders
        self._caches: OpenCaches = {}

    def load(self) -> None:
        """Read the backbones now: their files may go afterwards. Raises MissingDependencyError."""
        for encoder in self._encoders.values():
            encoder.cache_name()
            encoder.backbone()

    def __call__(self, batch: Catalog) -> Block:
        """The block of one batch, whose images are at hand. Raises MissingDependencyError."""
        with kept_open(self._caches):
            computed = [self._computed(one, batch) for one in self._inputs]
        counts = {name: count for one in computed for name, count in one.counts().items()}
        with timed("write"):
            table = features_table(batch.ids, computed)
        return Block(table, Tally(len(batch), counts), tuple(batch.notes))

    @timed("encode")
    def _computed(self, one: FeatureInput, batch: Catalog) -> Computed:
        encoder = self._encoders[model_role(one.role)]
        column = batch.input_or_absent(one.name, one.role)
        origin = Origin(encoder.cache_name(), str(precision()).removeprefix("torch."))
        if one.role is Role.IMAGE:
            images = _KeyedImages(column.values)
            encoded = encoder.prepare(replace(column, values=images))
            keys = images.keys
        else:
            encoded = encoder.prepare(column)
            keys = _text_keys(column, encoded.present)
        return Computed(one.name, _with_row_errors(encoded, batch.row_errors), keys, origin)


def model_role(role: Role) -> Role:
    """Texts and few values are read by one backbone."""
    return Role.IMAGE if role is Role.IMAGE else Role.TEXT


class _KeyedImages:
    """Images that pass through and leave the key of their content behind."""

    def __init__(self, images: ImageSource) -> None:
        self._images = images
        self.keys: dict[int, bytes] = {}
        """Row → key, of the images that were loaded."""

    def __len__(self) -> int:
        return len(self._images)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """See `ImageSource`."""
        loaded = self._images.load(rows)
        for row, raw in zip(rows, loaded, strict=True):
            if raw.state == State.PRESENT:
                self.keys[row] = content_key(raw.data or b"")
        return loaded

    def take(self, rows: np.ndarray) -> ImageSource:
        """See `ImageSource`; what is taken leaves no keys here."""
        return self._images.take(rows)


def _text_keys(column: InputColumn, present: np.ndarray) -> dict[int, bytes]:
    rows = np.flatnonzero(present).tolist()
    texts = column.values.take(rows).to_pylist()  # type: ignore[arg-type, union-attr]
    return {row: content_key(text.encode()) for row, text in zip(rows, texts, strict=True)}


def _with_row_errors(encoded: Encoded, row_errors: dict[int, str]) -> Encoded:
    """A row that could not be read failed, also where no image is said to exist."""
    if not row_errors:
        return encoded
    state = encoded.state.copy()
    state[list(row_errors)] = State.FAILED
    return Encoded(encoded.matrix, state, {**encoded.reasons, **row_errors})
