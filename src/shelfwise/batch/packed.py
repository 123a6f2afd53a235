"""A folder's files as one value, so that machines need no disk in common with the one that sends them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PackedFolder:
    """Names in the folder → what the files hold."""

    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path, endings: tuple[str, ...] = ("",)) -> PackedFolder:
        """The files directly in ``folder``, and one folder down, whose names end so. Raises OSError."""
        found = [file for pattern in ("*", "*/*") for file in folder.glob(pattern) if file.is_file()]
        chosen = [file for file in found if file.name.endswith(endings)]
        return cls({file.relative_to(folder).as_posix(): file.read_bytes() for file in chosen})

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder that holds them, for as long as it is needed."""
        with tempfile.TemporaryDirectory(prefix="shelfwise-packed-") as folder:
            for name, content in self.files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)  # a copy that only this process reads
            yield Path(folder)
