"""A training under way as a file: taken up after a kill, it goes on as if nothing had happened, to the last bit.

Shuffling and dropout are functions of the seed and the epoch, so what is kept between two epochs is only what training has
changed: weights, the optimizers' memory, the place in the schedule, and the best epoch so far. A snapshot is one safetensors file
with a checksum; what does not fit the training that asks is ignored, never half used.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save, save_file

from shelfwise.training.network import Classifier
from shelfwise.training.optimizers import RowOptimizer
from shelfwise.training.row_adagrad import RowAdagrad
from shelfwise.whole_files import whole_file

EVERY_S = 20.0
"""Seconds of training that a kill costs at most, besides the epoch under way."""
_REST_TO_WORK = 20
"""So many times longer than writing a snapshot took, none is written."""
_UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True)
class Snapshot:
    """Arrays by name, and facts that JSON can hold."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]

    def checksum(self) -> str:
        """Changes with every value of it."""
        found = hashlib.blake2b(json.dumps(self.facts, sort_keys=True).encode(), digest_size=16)
        for name, array in sorted(self.arrays.items()):
            found.update(f"{name} {array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data if array.size and array.ndim else array.tobytes())
        return found.hexdigest()

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays whose names begin with ``prefix``, by what follows it."""
        return {
            name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)
        }


def write_snapshot(file: Path, snapshot: Snapshot) -> None:
    """Write it whole. Raises OSError."""
    arrays = _contiguous(snapshot)
    told = {"facts": json.dumps(snapshot.facts), "checksum": snapshot.checksum()}
    with whole_file(file) as part:
        try:
            save_file(arrays, part, metadata=told)
        except SafetensorError as error:  # which is how it tells of a full disk
            raise OSError(f"{file}: {error}") from error


def read_snapshot(file: Path) -> Snapshot | None:
    """What ``write_snapshot`` wrote; None where there is no file, or not a whole one."""
    try:
        with safe_open(file, framework="numpy") as stored:
            told = stored.metadata() or {}
            snapshot = Snapshot(
                {name: stored.get_tensor(name) for name in stored.keys()},  # noqa: SIM118 (no mapping)
                dict(json.loads(told["facts"])),
            )
        return snapshot if told["checksum"] == snapshot.checksum() else None
    except _UNREADABLE:
        return None


def _contiguous(snapshot: Snapshot) -> dict[str, np.ndarray]:
    # ascontiguousarray makes a list of one of a number alone.
    return {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in snapshot.arrays.items()}


def to_bytes(snapshot: Snapshot) -> bytes:
    """The snapshot as one message to another process of the same training."""
    facts = json.dumps(snapshot.facts).encode()
    return len(facts).to_bytes(8, "big") + facts + save(_contiguous(snapshot))


def from_bytes(message: bytes) -> Snapshot:
    """What ``to_bytes`` made a message of."""
    end = 8 + int.from_bytes(message[:8], "big")
    return Snapshot(load(message[end:]), json.loads(message[8:end]))


@dataclass
class Position:
    """How far a training is: epochs and steps done, the curve (epoch, loss, held-out score), the best epoch and its weights."""

    epochs: int = 0
    steps: int = 0
    curve: list[tuple[int, float, float | None]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float = float("-inf")
    best_state: dict[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class Moving:
    """Everything that changes while a classifier is trained."""

    classifier: Classifier
    dense: torch.optim.Optimizer
    tables: RowOptimizer
    sparse: RowAdagrad

    def memories(self) -> dict[str, torch.Tensor]:
        """The row-wise optimizers' memory, by name."""
        tables = {f"tables/{place}": one for place, one in enumerate(self.tables.memory)}
        return tables | {f"sparse/{place}": one for place, one in enumerate(self.sparse.seen)}

    def weights(self) -> list[torch.Tensor]:
        """The dense optimizer's weights, in its order."""
        return [weight for group in self.dense.param_groups for weight in group["params"]]

    def counters(self) -> dict[str, Any]:
        """The modules that count their own steps, by name."""
        return {name: one for name, one in self.classifier.named_modules() if hasattr(one, "steps_trained")}


class Checkpoint:
    """The snapshot file of one classifier's training.

    ``every_s``: seconds from one to the next; None: ``EVERY_S``. ``failed``: told why no snapshot could be written; training
    goes on without.
    """

    def __init__(
        self, file: Path, every_s: float | None = None, failed: Callable[[OSError], None] | None = None
    ) -> None:
        self.file = file
        self._failed = failed
        self._every_s = EVERY_S if every_s is None else every_s
        self._next = time.monotonic() + self._every_s

    @property
    def due(self) -> bool:
        """Whether it is time for another snapshot."""
        return time.monotonic() >= self._next

    def keep(self, moving: Moving, position: Position) -> None:
        """Write a snapshot, or say once why that cannot be done."""
        started = time.monotonic()
        try:
            write_snapshot(self.file, _captured(moving, position))
        except OSError as error:
            self._next = float("inf")
            if self._failed is not None:
                self._failed(error)
            return
        took = time.monotonic() - started
        self._next = time.monotonic() + max(self._every_s, _REST_TO_WORK * took)

    def resume(self, moving: Moving) -> Position | None:
        """Put ``moving`` where the snapshot was taken; None, and nothing changed, where there is none that fits."""
        snapshot = read_snapshot(self.file)
        if snapshot is None or not _fits(snapshot, moving):
            return None
        try:
            position = _position(snapshot)
            counted = {name: int(snapshot.facts["counters"][name]) for name in moving.counters()}
        except (KeyError, TypeError, ValueError):
            return None
        _restore(snapshot, moving)
        for name, module in moving.counters().items():
            module.steps_trained = counted[name]
        return position


def _captured(moving: Moving, position: Position) -> Snapshot:
    arrays = {f"model/{name}": _array(one) for name, one in moving.classifier.state_dict().items()}
    arrays |= {f"best/{name}": _array(one) for name, one in (position.best_state or {}).items()}
    arrays |= {name: _array(one) for name, one in moving.memories().items()}
    for place, weight in enumerate(moving.weights()):
        for name, value in moving.dense.state.get(weight, {}).items():
            if isinstance(value, torch.Tensor):
                arrays[f"dense/{place}/{name}"] = _array(value)
    facts = {
        "epochs": position.epochs,
        "steps": position.steps,
        "curve": position.curve,
        "best_epoch": position.best_epoch,
        "best_score": position.best_score,
        "counters": {name: one.steps_trained for name, one in moving.counters().items()},
    }
    return Snapshot(arrays, facts)


def _position(snapshot: Snapshot) -> Position:
    facts = snapshot.facts
    curve = [
        (int(epoch), float(loss), None if score is None else float(score))
        for epoch, loss, score in facts["curve"]
    ]
    best = {name: torch.from_numpy(array.copy()) for name, array in snapshot.under("best/").items()}
    return Position(
        int(facts["epochs"]),
        int(facts["steps"]),
        curve,
        int(facts["best_epoch"]),
        float(facts["best_score"]),
        best or None,
    )


def _fits(snapshot: Snapshot, moving: Moving) -> bool:
    """Whether every array has a place of its type and shape, and every place an array."""
    state = moving.classifier.state_dict()
    if not same_arrays(snapshot.under("model/"), state):
        return False
    best = snapshot.under("best/")
    if best and not same_arrays(best, state):
        return False
    memories = moving.memories()
    kept = {name: one for name, one in snapshot.arrays.items() if name.startswith(("tables/", "sparse/"))}
    if not same_arrays(kept, memories):
        return False
    weights = moving.weights()
    for name, array in snapshot.under("dense/").items():
        place, _, _ = name.partition("/")
        if not place.isdecimal() or int(place) >= len(weights):
            return False
        if array.shape not in ((), tuple(weights[int(place)].shape)):
            return False
    return True


def same_arrays(arrays: Mapping[str, np.ndarray], tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether the arrays have the tensors' names, types and shapes."""
    return {name: (one.dtype.name, one.shape) for name, one in arrays.items()} == {
        name: (str(one.dtype).removeprefix("torch."), tuple(one.shape)) for name, one in tensors.items()
    }


@torch.no_grad()
def _restore(snapshot: Snapshot, moving: Moving) -> None:
    load_arrays(moving.classifier, snapshot.under("model/"))
    for name, memory in moving.memories().items():
        memory.copy_(torch.from_numpy(snapshot.arrays[name]))
    weights = moving.weights()
    fused = {
        weight: bool(group.get("fused")) for group in moving.dense.param_groups for weight in group["params"]
    }
    for name, array in snapshot.under("dense/").items():
        place, _, key = name.partition("/")
        weight = weights[int(place)]
        given = torch.from_numpy(array)
        if given.shape == weight.shape and given.ndim:
            # As the optimizer makes it: in the weight's own memory layout, which fused kernels rely on.
            value = torch.empty_like(weight, dtype=given.dtype, requires_grad=False).copy_(given)
        else:
            value = given.clone().to(weight.device if fused[weight] else "cpu")
        moving.dense.state[weight][key] = value


@torch.no_grad()
def load_arrays(classifier: Classifier, arrays: Mapping[str, np.ndarray]) -> None:
    """Copy arrays that ``same_arrays`` has found to fit into the classifier's own weights."""
    classifier.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy()
