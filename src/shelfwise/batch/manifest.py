"""What a folder of shards holds and what it is of: so a run that was killed goes on, and never into another's files.

``_manifest.jsonl`` begins with one line of identity: the catalog's files (path, size, time of change, a fingerprint), the
model, and what else decides the rows. Every finished shard adds a line after its file is safely on the disk, and a line
``{"complete": …}`` ends it. Lines are only ever added, so a kill can at worst leave half a line, which is dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfwise.batch.blocks import PREDICTION_COUNTS, Tally
from shelfwise.batch.places import LocalPlace, Place
from shelfwise.errors import ShelfwiseError
from shelfwise.exported_model import export_digest, model_digest

MANIFEST_FILE = "_manifest.jsonl"
MANIFEST_VERSION = 1
_SHARD = re.compile(r"part-\d{6,}\.parquet")
_FINGERPRINT_BYTES = 1 << 16
"""Read at both ends of a file: that a large file changed in its middle alone shows in its time of change."""


@dataclass(frozen=True)
class Kind:
    """What a folder is full of: the word for it, what making it is called, and what its products are counted by."""

    name: str
    doing: str
    counts: tuple[str, ...]


PREDICTIONS = Kind("predictions", "Predicting", PREDICTION_COUNTS)
_EXPORTED_AS = ", exported as "
_OWN = ("number", "file", "source", "rows", "bytes")
"""What a shard's line says besides the counts."""


@dataclass(frozen=True)
class Shard:
    """One finished file.

    ``number`` counts shards from 0, ``source`` is the catalog file that its products are from, ``tally`` counts these.
    """

    number: int
    source: str
    tally: Tally
    bytes: int

    @property
    def file(self) -> str:
        """Its name."""
        return shard_name(self.number)

    @property
    def rows(self) -> int:
        """Its products."""
        return self.tally.products

    def line(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "number": self.number,
            "file": self.file,
            "source": self.source,
            "rows": self.rows,
            **self.tally.counts,
            "bytes": self.bytes,
        }

    @classmethod
    def read(cls, line: dict[str, Any], counts: tuple[str, ...]) -> Shard | None:
        """The shard of a manifest's line; None for one that no run of this program writes."""
        if set(line) != {*_OWN, *counts} or not all(
            isinstance(line[name], str) for name in ("file", "source")
        ):
            return None
        numbers = [line[name] for name in ("number", "rows", "bytes", *counts)]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            return None
        if any(line[name] > line["rows"] for name in counts):
            return None
        tally = Tally(line["rows"], {name: line[name] for name in counts})
        shard = cls(line["number"], line["source"], tally, line["bytes"])
        return shard if line["file"] == shard.file else None


@dataclass(frozen=True)
class Identity:
    """What decides the rows of a folder: two runs with the same identity write the same shards."""

    files: tuple[dict[str, Any], ...]
    model: str
    options: dict[str, Any]
    kind: Kind = PREDICTIONS

    @classmethod
    def of(cls, files: Iterable[Path], model: Path, options: dict[str, Any]) -> Identity:
        """``options``: whatever else was asked for, as JSON values. Raises OSError where a file cannot be read."""
        export = export_digest(model)
        digest = model_digest(model) if export is None else f"{model_digest(model)}{_EXPORTED_AS}{export}"
        return cls(tuple(file_identity(file) for file in files), digest, options)

    def difference(self, other: dict[str, Any]) -> str | None:
        """In words, what a folder with another identity in its manifest holds; None where it is this one."""
        holds = other.get("of", PREDICTIONS.name)  # the first folders did not say
        if holds != self.kind.name:
            return f"{holds} and no {self.kind.name}"
        difference = self._difference(other)
        return None if difference is None else f"{holds} {difference}"

    def _difference(self, other: dict[str, Any]) -> str | None:
        theirs = other.get("files")
        if theirs != list(self.files):
            if not isinstance(theirs, list) or len(theirs) != len(self.files):
                return "of a catalog of other files"
            mine, old = next(pair for pair in zip(self.files, theirs, strict=True) if pair[0] != pair[1])
            was = old.get("path") if isinstance(old, dict) else None
            if was != mine["path"]:
                return f"of another catalog ('{was}' and not '{mine['path']}')"
            return f"of a catalog that has changed since ('{was}')"
        if other.get("model") != self.model:
            if _trained(other.get("model")) != _trained(self.model):
                return "by another model"
            return "by the same model, but exported otherwise or not at all"
        options = other.get("options")
        for name, value in self.options.items():
            if not isinstance(options, dict) or options.get(name) != value:
                was = options.get(name) if isinstance(options, dict) else None
                return f"with '{name}' {was!r} and not {value!r}"
        return None


def _trained(model: Any) -> Any:
    """Which training an identity's model is of, however it was exported."""
    return model.partition(_EXPORTED_AS)[0] if isinstance(model, str) else model


class Manifest:
    """The manifest of one folder, opened for adding. Must be held by one process at a time (see `batch.folder`)."""

    def __init__(self, folder: Path | Place, identity: Identity) -> None:
        """Begin a folder, or go on with it where an earlier run of the same identity stopped.

        Raises ShelfwiseError for a folder of other files or of another identity, OSError where the disk fails.
        """
        self.place: Place = LocalPlace(folder) if isinstance(folder, Path) else folder
        self.shards: dict[int, Shard] = {}
        self.complete = False
        self.kind = identity.kind
        self._header = {
            "version": MANIFEST_VERSION,
            "of": identity.kind.name,
            "files": list(identity.files),
            "model": identity.model,
            "options": identity.options,
        }
        sizes = self.place.sizes()
        if MANIFEST_FILE in sizes:
            self._read(identity, sizes)
        elif sizes:
            raise ShelfwiseError(
                f"'{self.place}' holds other files and no {MANIFEST_FILE}; choose an empty or new folder, so that nothing is "
                "mixed up"
            )
        self.place.tidy()
        self.place.write(MANIFEST_FILE, self._text())

    def add(self, shard: Shard) -> None:
        """Record a shard whose file is complete. Raises OSError."""
        self.shards[shard.number] = shard
        self._append(shard.line())

    def finish(self) -> None:
        """Record that there are no more shards. Raises OSError."""
        self.complete = True
        self._append(self._end())

    @property
    def prefix(self) -> list[Shard]:
        """The shards that are done from the first on without a gap."""
        found: list[Shard] = []
        while len(found) in self.shards:
            found.append(self.shards[len(found)])
        return found

    @property
    def tally(self) -> Tally:
        """All products of the shards that are done."""
        return sum((shard.tally for shard in self.shards.values()), Tally())

    def _text(self) -> str:
        lines = [self._header, *(self.shards[number].line() for number in sorted(self.shards))]
        lines += [self._end()] if self.complete else []
        return "".join(map(_line, lines))

    def _end(self) -> dict[str, Any]:
        return {"complete": True, "shards": len(self.shards), "products": self.tally.products}

    def _read(self, identity: Identity, sizes: dict[str, int]) -> None:
        header, *lines = _lines(self.place.read(MANIFEST_FILE))
        if header.get("version") != MANIFEST_VERSION:
            raise ShelfwiseError(
                f"'{self.place}' has a {MANIFEST_FILE} that this version cannot read; choose another folder, or delete this one"
            )
        difference = identity.difference(header)
        if difference is not None:
            raise ShelfwiseError(
                f"'{self.place}' holds {difference}; choose another folder, or delete this one to begin anew"
            )
        for line in lines:
            if line.get("complete") is True:
                self.complete = True
                continue
            shard = Shard.read(line, self.kind.counts)
            if shard and sizes.get(shard.file) == shard.bytes:
                self.shards[shard.number] = shard
            else:
                self.complete = False
                return

    def _append(self, line: dict[str, Any]) -> None:
        if not self.place.append(MANIFEST_FILE, _line(line), last=self.complete):
            self.place.write(MANIFEST_FILE, self._text())


def finished_files(place: Place, kind: str) -> list[str]:
    """The files of the shards that a folder's manifest says are finished, in order; one that is cut off ends them.

    ``kind``: the name of the `Kind` that the folder must be full of. Raises ShelfwiseError where it is not.
    """
    try:
        header, *lines = _lines(place.read(MANIFEST_FILE))
    except OSError:
        header, lines = {}, []
    holds = header.get("of", PREDICTIONS.name) if "files" in header else "nothing that this program has begun"
    if holds != kind:
        raise ShelfwiseError(f"expected a folder of {kind}, but '{place}' holds {holds}; name another")
    sizes = place.sizes()
    shards = [line for line in lines if "complete" not in line]
    names = sorted(
        {str(line.get("file")) for line in shards if sizes.get(str(line.get("file"))) == line.get("bytes")}
    )
    return [name for name in names if _SHARD.fullmatch(name)]


def shard_name(number: int) -> str:
    """The file of a shard; names sort as the catalog's products do."""
    return f"part-{number:06d}.parquet"


def file_identity(file: Path) -> dict[str, Any]:
    """What a manifest knows a catalog's file by. Raises OSError."""
    status = file.stat()
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        digest.update(stream.read(_FINGERPRINT_BYTES))
        stream.seek(max(0, status.st_size - _FINGERPRINT_BYTES))
        digest.update(stream.read(_FINGERPRINT_BYTES))
    return {
        "path": str(file.resolve()),
        "bytes": status.st_size,
        "changed_ns": status.st_mtime_ns,
        "ends_sha256": digest.hexdigest(),
    }


def _lines(manifest: str) -> list[dict[str, Any]]:
    """The whole lines of a manifest, at least one (empty where there is none); what follows a broken line is left out."""
    lines: list[dict[str, Any]] = []
    # Names of files may hold what `splitlines` takes for the end of a line, such as U+2028; what follows the last end is cut off.
    for text in manifest.split("\n")[:-1]:
        try:
            line = json.loads(text)
        except ValueError:
            break
        if not isinstance(line, dict):
            break
        lines.append(line)
    return lines or [{}]


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
