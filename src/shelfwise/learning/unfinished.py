"""What a training has finished so far, in a folder beside its model: killed at any moment, the same command goes on from there.

A unit of work is one classifier of one round: its curve, its scores of the held-out products and, where they are wanted, its
weights. All units belong to one fingerprint of everything that the result depends on; with another fingerprint the folder is
emptied and training starts afresh. What is taken up gives the very bytes that an uninterrupted training would have given.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from shelfwise.errors import ModelFolderError
from shelfwise.locking import take
from shelfwise.progress import Reporter
from shelfwise.training.checkpoint import Checkpoint, Snapshot, read_snapshot, write_snapshot
from shelfwise.training.loop import EpochRecord, Fit
from shelfwise.whole_files import PART_SUFFIX, write_whole

ENDING = ".partial"
_MARKER, _LOCK, _UNIT = "training.json", "lock", ".safetensors"
_UNIT_NAME = re.compile(r"(round-\d+|all)-classifier-\d+(-epochs)?\.safetensors")
_FORMAT = 1


def unfinished_folder(model: Path) -> Path:
    """Where the unfinished work of the model folder ``model`` is kept: beside it."""
    place = model.absolute()
    return place.with_name(place.name + ENDING)


class Unfinished:
    """The folder of one training's finished units, held by one process. Use it as a context manager around the training.

    Raises ModelFolderError, on entering, where the folder holds anything else or another training uses it.
    ``fresh``: what an earlier training left is not used.
    """

    def __init__(self, folder: Path, reporter: Reporter, *, fresh: bool = False) -> None:
        self.folder, self._reporter, self._fresh = folder, reporter, fresh
        self._lock: int | None = None
        self._usable = False

    def __enter__(self) -> Self:
        if self.folder.exists():
            self._refuse_foreign()
            self._take_lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._units():
            self._remove()
        self._let_go()

    @property
    def holds_work(self) -> bool:
        """Whether there is anything to go on from."""
        return bool(self._units())

    def begin(self, parts: Mapping[str, str]) -> None:
        """Take up what is there if it is of a training of the same ``parts`` (name → digest), else begin anew.

        What cannot be kept is said, and costs nothing but the chance to resume.
        """
        found = self._marked()
        differing = [name for name, digest in parts.items() if found.get(name) != digest]
        units = self._units()
        if units and (self._fresh or differing):
            why = "as asked" if self._fresh else f"it was of another {' and '.join(differing)}"
            self._reporter.say(f"an unfinished training in {self.folder} is not gone on with: {why}")
        elif units:
            self._reporter.say(
                f"going on with the unfinished training in {self.folder} (--fresh would begin anew)"
            )
        try:
            if self._fresh or differing:
                self._clear()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            write_whole(self.folder / _MARKER, json.dumps({"format": _FORMAT, "parts": dict(parts)}) + "\n")
            self._usable = True
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def finish(self) -> None:
        """The model is saved: what led to it is no longer needed."""
        with suppress(OSError):  # what cannot be removed now is taken up, or emptied, by the next training
            self._clear()

    def lesson(self, where: str, number: int) -> KeptLesson | None:
        """The unit of the recipe's classifier ``number`` in the round ``where``; None where nothing can be kept."""
        return KeptLesson(self.folder / f"{where}-classifier-{number}{_UNIT}") if self._usable else None

    def check(self, lesson: KeptLesson | None) -> None:
        """Say once where a lesson that is over could not be kept; training goes on."""
        if self._usable and lesson is not None and not lesson.file.exists():
            self._give_up("is the disk full?")

    def _give_up(self, why: str) -> None:
        self._reporter.say(
            f"what is trained cannot be kept in {self.folder} ({why}): if this training is interrupted, it will begin anew"
        )
        self._usable = False

    def _refuse_foreign(self) -> None:
        try:
            names = {entry.name for entry in os.scandir(self.folder)}
        except NotADirectoryError:
            names = {self.folder.name}
        if not all(_is_ours(name) for name in names):
            raise ModelFolderError(
                f"expected room for an unfinished training at '{self.folder}', but it holds other things; move them, or "
                "choose another model folder"
            )

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._lock = take(self.folder / _LOCK)
        if self._lock is None and os.access(self.folder, os.W_OK):
            raise ModelFolderError(
                f"another training is under way in '{self.folder}'; wait until it is over, or choose another model folder"
            )

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _marked(self) -> dict[str, Any]:
        try:
            marker = json.loads((self.folder / _MARKER).read_bytes())
            parts = marker["parts"] if marker["format"] == _FORMAT else {}
            return parts if isinstance(parts, dict) else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}

    def _units(self) -> list[Path]:
        try:
            return [Path(entry.path) for entry in os.scandir(self.folder) if _UNIT_NAME.fullmatch(entry.name)]
        except OSError:
            return []

    def _clear(self) -> None:
        """Remove the units, and the folder where nothing else is in it; a unit that cannot be removed raises OSError."""
        for unit in self._units():
            unit.unlink()
        self._remove()

    def _remove(self) -> None:
        if not self.folder.is_dir():
            return
        with suppress(OSError):
            for entry in os.scandir(self.folder):
                if entry.name in (_MARKER, _LOCK) or entry.name.endswith(PART_SUFFIX):
                    os.unlink(entry.path)
            self._let_go()
            self.folder.rmdir()


def _is_ours(name: str) -> bool:
    return name in (_MARKER, _LOCK) or bool(_UNIT_NAME.fullmatch(name)) or name.endswith(PART_SUFFIX)


@dataclass(frozen=True)
class KeptLesson:
    """The unit of one classifier's training in one round; a process of its own may do the work."""

    file: Path

    def read(self) -> KeptParts | None:
        """(Curve, held-out scores, weights) as kept; None where they are not, or not whole."""
        snapshot = read_snapshot(self.file)
        try:
            return None if snapshot is None else parts_of(snapshot)
        except (KeyError, TypeError, ValueError):
            return None

    def write(
        self, fit: Fit, scores: tuple[np.ndarray, np.ndarray] | None, weights: dict[str, np.ndarray] | None
    ) -> None:
        """Keep what a lesson came to; where that cannot be written there is none, which ``Unfinished.check`` says."""
        with suppress(OSError):
            write_snapshot(self.file, snapshot_of(fit, scores, weights))
        with suppress(OSError):
            self._epochs.unlink(missing_ok=True)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the training leaves its snapshots."""
        return Checkpoint(self._epochs)

    @property
    def _epochs(self) -> Path:
        return self.file.with_name(f"{self.file.stem}-epochs{_UNIT}")


KeptParts = tuple[Fit, tuple[np.ndarray, np.ndarray] | None, dict[str, np.ndarray] | None]


def snapshot_of(
    fit: Fit, scores: tuple[np.ndarray, np.ndarray] | None, weights: Mapping[str, np.ndarray] | None
) -> Snapshot:
    """What a lesson came to, as arrays and facts."""
    arrays = {} if scores is None else {"scores/logits": scores[0], "scores/present": scores[1]}
    arrays |= {f"weights/{name}": value for name, value in (weights or {}).items()}
    return Snapshot(arrays, {"fit": _write_fit(fit)})


def parts_of(snapshot: Snapshot) -> KeptParts:
    """The same back. Raises KeyError, TypeError or ValueError where it is something else."""
    fit = _read_fit(snapshot.facts["fit"])
    scores, weights = snapshot.under("scores/"), snapshot.under("weights/")
    told = (scores["logits"], scores["present"]) if scores else None
    return fit, told, weights or None


def _write_fit(fit: Fit) -> dict[str, Any]:
    curve = [[point.epoch, point.loss, point.score] for point in fit.curve]
    return {"curve": curve, "best_epoch": fit.best_epoch}


def _read_fit(facts: Any) -> Fit:
    curve = [
        EpochRecord(int(epoch), float(loss), None if score is None else float(score))
        for epoch, loss, score in facts["curve"]
    ]
    return Fit(curve, int(facts["best_epoch"]))
