"""Finds pretrained weights in a local folder or on the model hub, or says quickly that there are none."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shelfwise.errors import MissingDependencyError

REACH_HUB_WITHIN_S = 5.0
"""How long the hub may take to give a file of a few kilobytes; weights then take as long as they need."""

_WEIGHTS = "model.safetensors"
_WEIGHTS_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class BackboneFiles:
    """What a kind of backbone consists of besides its weights.

    ``needed`` must be there. ``read`` change its vectors where they are there. ``fetched`` are patterns of what else is taken
    from the hub.
    """

    needed: tuple[str, ...]
    read: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()


IMAGE_FILES = BackboneFiles(("config.json", "preprocessor_config.json"))
TEXT_FILES = BackboneFiles(
    ("config.json",),
    (
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "sentencepiece.bpe.model",
        "spiece.model",
        "tokenizer.model",
    ),
    ("*.json", "vocab.txt", "merges.txt", "*.model"),
)


def backbone_folder(model: str, option: str, files: BackboneFiles = IMAGE_FILES) -> Path:
    """The local folder of a pretrained model, downloaded first where ``model`` is a hub name not yet on this
    machine.

    Only configurations, vocabularies and safetensors weights are ever fetched. ``option`` is the command-line option that
    chooses the model, for the messages. Raises MissingDependencyError: no such folder, or the hub does not
    give the model (it must answer within ``REACH_HUB_WITHIN_S``).
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith((".", "~")) or model.count("/") != 1:
        raise MissingDependencyError(
            f"Expected the folder of a pretrained model at {model!r}, and there is none. "
            f"Pass a local folder with {option} FOLDER, or a hub name such as owner/model."
        )
    return _hub_folder(model, option, files)


def fingerprint(folder: Path, files: BackboneFiles = IMAGE_FILES) -> str:
    """16 hexadecimal digits that change with the model's configuration, preprocessing or weights.

    Raises MissingDependencyError where the folder lacks what is needed or has no safetensors weights.
    """
    weights = sorted(folder.glob("*.safetensors"))
    missing = [name for name in files.needed if not (folder / name).is_file()] + [_WEIGHTS] * (not weights)
    if missing:
        raise MissingDependencyError(
            f"Expected a pretrained model in {folder}, but it has no {' and no '.join(missing)}. "
            "Pass a folder as saved by transformers' save_pretrained, with safetensors weights."
        )
    digests = [_digest(folder / name) for name in files.needed] + [_digest(path) for path in weights]
    there = [name for name in files.read if (folder / name).is_file()]
    digests += [name.encode() + _digest(folder / name) for name in there]
    return hashlib.blake2b(b"".join(digests), digest_size=8).hexdigest()


def _digest(path: Path) -> bytes:
    return _file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, modified_ns: int) -> bytes:
    """BLAKE2b of a file; its size and time are there so that a changed file is read anew."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _hub_folder(model: str, option: str, files: BackboneFiles) -> Path:
    try:
        from huggingface_hub import hf_hub_download, snapshot_download
        from huggingface_hub.utils import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingDependencyError(
            f"The pretrained model {model!r} needs the transformers library: "
            "pip install 'shelfwise[pretrained]'"
        ) from error

    def get(name: str, revision: str | None) -> Path:
        try:
            return Path(hf_hub_download(model, name, revision=revision, local_files_only=True))
        except LocalEntryNotFoundError:
            return Path(hf_hub_download(model, name, revision=revision))

    failures = (OSError, ValueError, KeyError, RuntimeError, EntryNotFoundError)
    try:
        with _quiet_hub() as abandoned:
            folder = _within(
                REACH_HUB_WITHIN_S, lambda: get(files.needed[0], None), failures, abandoned
            ).parent
            revision = folder.name  # a snapshot's folder is named by it
            for name in files.needed[1:]:
                get(name, revision)
            # Weights come last: where they are, everything else is there too.
            if files.fetched and not any(folder.glob("*.safetensors")):
                snapshot_download(model, revision=revision, allow_patterns=list(files.fetched))
            try:
                get(_WEIGHTS, revision)
            except LocalEntryNotFoundError:
                raise
            except EntryNotFoundError:  # large models are split
                index = json.loads(get(_WEIGHTS_INDEX, revision).read_text(encoding="utf-8"))
                for shard in sorted(set(index["weight_map"].values())):
                    get(shard, revision)
    except failures as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:160]
        raise MissingDependencyError(
            f"The pretrained model {model!r} is not on this machine, and the model hub does not give it "
            f"({reason}). Pass a local folder with {option} FOLDER."
        ) from error
    return folder


def _within(
    seconds: float,
    work: Callable[[], Path],
    failures: tuple[type[Exception], ...],
    abandoned: list[threading.Thread],
) -> Path:
    """The result of ``work`` or its failure, or TimeoutError; a late thread is left to end by itself."""
    results: list[Path] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except failures as error:  # raised by the waiting thread
            errors.append(error)

    thread = threading.Thread(target=run, name="reach-hub", daemon=True)
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    if errors:
        raise errors[0]
    abandoned.append(thread)
    raise TimeoutError(f"no answer within {seconds:g} s")


@contextmanager
def _quiet_hub() -> Iterator[list[threading.Thread]]:
    """No progress bars and retry notices from the hub's client, nor later from an abandoned thread."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    log = logging.getLogger("huggingface_hub")
    level, bars = log.level, not are_progress_bars_disabled()
    abandoned: list[threading.Thread] = []
    log.setLevel(logging.CRITICAL)
    disable_progress_bars()
    try:
        yield abandoned
    finally:
        if not abandoned:
            log.setLevel(level)
        if bars:
            enable_progress_bars()
