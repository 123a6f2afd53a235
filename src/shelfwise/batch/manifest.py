"""What a folder of predictions holds and what it is of: so a run that was killed goes on, and never into another's files.

``_manifest.jsonl`` begins with one line of identity: the catalog's files (path, size, time of change, a fingerprint), the
model, and what else decides the rows. Every finished shard adds a line after its file is safely on the disk, and a line
``{"complete": …}`` ends it. Lines are only ever added, so a kill can at worst leave half a line, which is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shelfwise.batch.blocks import Tally
from shelfwise.batch.places import LocalPlace, Place
from shelfwise.errors import ShelfwiseError

MANIFEST_FILE = "_manifest.jsonl"
MANIFEST_VERSION = 1
_FINGERPRINT_BYTES = 1 << 16
"""Read at both ends of a file: that a large file changed in its middle alone shows in its time of change."""


@dataclass(frozen=True)
class Shard:
    """One finished file of predictions.

    ``number`` counts shards from 0, ``source`` is the catalog file that its products are from.
    """

    number: int
    file: str
    source: str
    rows: int
    accept: int
    review: int
    failed: int
    ruled: int
    bytes: int

    @property
    def tally(self) -> Tally:
        """Its products by the way they went."""
        return Tally(self.accept, self.review, self.failed, self.ruled)


@dataclass(frozen=True)
class Identity:
    """What decides the rows of a folder: two runs with the same identity write the same shards."""

    files: tuple[dict[str, Any], ...]
    model: str
    options: dict[str, Any]

    @classmethod
    def of(cls, files: Iterable[Path], model: Path, options: dict[str, Any]) -> Identity:
        """``options``: whatever else was asked for, as JSON values. Raises OSError where a file cannot be read."""
        digest = hashlib.sha256((model / "checksums.txt").read_bytes()).hexdigest()
        return cls(tuple(file_identity(file) for file in files), digest, options)

    def difference(self, other: dict[str, Any]) -> str | None:
        """In words, how the identity in a manifest differs from this one; None where it does not."""
        theirs = other.get("files")
        if theirs != list(self.files):
            if not isinstance(theirs, list) or len(theirs) != len(self.files):
                return "of a catalog of other files"
            changed = next(mine for mine, old in zip(self.files, theirs, strict=True) if mine != old)
            return f"of a catalog that has changed since ('{changed['path']}')"
        if other.get("model") != self.model:
            return "by another model"
        options = other.get("options")
        for name, value in self.options.items():
            if not isinstance(options, dict) or options.get(name) != value:
                was = options.get(name) if isinstance(options, dict) else None
                return f"with '{name}' {was!r} and not {value!r}"
        return None


class Manifest:
    """The manifest of one folder, opened for adding. Must be held by one process at a time (see `batch.folder`)."""

    def __init__(self, folder: Path | Place, identity: Identity) -> None:
        """Begin a folder, or go on with it where an earlier run of the same identity stopped.

        Raises ShelfwiseError for a folder of other files or of another identity, OSError where the disk fails.
        """
        self.place: Place = LocalPlace(folder) if isinstance(folder, Path) else folder
        self.shards: dict[int, Shard] = {}
        self.complete = False
        self._header = {"version": MANIFEST_VERSION, **asdict(identity), "files": list(identity.files)}
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
        self._append(asdict(shard))

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
        lines = [self._header, *(asdict(self.shards[number]) for number in sorted(self.shards))]
        lines += [self._end()] if self.complete else []
        return "".join(map(_line, lines))

    def _end(self) -> dict[str, Any]:
        return {"complete": True, **_totals(self.shards.values())}

    def _read(self, identity: Identity, sizes: dict[str, int]) -> None:
        header, *lines = _lines(self.place.read(MANIFEST_FILE))
        if header.get("version") != MANIFEST_VERSION:
            raise ShelfwiseError(
                f"'{self.place}' has a {MANIFEST_FILE} that this version cannot read; choose another folder, or delete this one"
            )
        difference = identity.difference(header)
        if difference is not None:
            raise ShelfwiseError(
                f"'{self.place}' holds predictions {difference}; choose another folder, or delete this one to begin anew"
            )
        for line in lines:
            if line.get("complete") is True:
                self.complete = True
                continue
            shard = _shard(line)
            if shard and sizes.get(shard.file) == shard.bytes:
                self.shards[shard.number] = shard
            else:
                self.complete = False
                return

    def _append(self, line: dict[str, Any]) -> None:
        if not self.place.append(MANIFEST_FILE, _line(line), last=self.complete):
            self.place.write(MANIFEST_FILE, self._text())


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
    for text in manifest.splitlines(keepends=True):
        try:
            line = json.loads(text) if text.endswith("\n") else None
        except ValueError:
            line = None
        if not isinstance(line, dict):
            break
        lines.append(line)
    return lines or [{}]


def _shard(line: dict[str, Any]) -> Shard | None:
    """A line as a shard; None for one that no run of this program writes."""
    names = Shard.__dataclass_fields__
    texts = ("file", "source")
    if set(line) != set(names) or not all(isinstance(line[name], str) for name in texts):
        return None
    numbers = [line[name] for name in names if name not in texts]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        return None
    shard = Shard(**line)
    return shard if shard.file == shard_name(shard.number) and shard.tally.products == shard.rows else None


def _totals(shards: Iterable[Shard]) -> dict[str, int]:
    known: Sequence[Shard] = list(shards)
    return {"shards": len(known), "products": sum(shard.rows for shard in known)}


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"
