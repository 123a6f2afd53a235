"""Loads a pretrained network by the transformers library: quietly, from safetensors alone, and only if it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from shelfwise.errors import MissingDependencyError


@contextmanager
def quiet_transformers() -> Iterator[Any]:
    """The transformers module (seconds to import), without its log lines, load reports and progress bars.

    Raises MissingDependencyError where it is not installed.
    """
    try:
        import transformers
        from transformers.utils import logging
    except ImportError as error:
        raise MissingDependencyError(
            f"Pretrained backbones need the transformers library, which does not import here ({error}): "
            "pip install 'shelfwise[pretrained]'"
        ) from error
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield transformers
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_model(folder: Path, kind: str, option: str, **arguments: Any) -> tuple[nn.Module, bool]:
    """(the model of a folder, whether its pooling layer has trained weights or needs none).

    ``kind`` ("image", "text") and ``option`` are for the message; ``arguments`` go to transformers.
    Raises MissingDependencyError: transformers is not installed, or the folder holds no whole model that it knows.
    """
    from safetensors import SafetensorError

    with quiet_transformers() as transformers:
        try:
            model, report = transformers.AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **arguments,
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as error:
            raise unloadable(folder, kind, option, error) from error
        except SafetensorError as error:
            raise unloadable(folder, kind, option, error) from error
    # transformers fills missing weights with random numbers and goes on; features would differ in every process.
    missing = [str(key) for key in report["missing_keys"]]
    untrained = [key for key in missing if "pooler." not in key]
    if untrained or report["mismatched_keys"]:
        names = ", ".join([*untrained, *map(str, report["mismatched_keys"])][:3])
        wrong = ValueError(f"weights are missing or of another shape: {names}")
        raise unloadable(folder, kind, option, wrong)
    return model, not missing


def unloadable(folder: Path, kind: str, option: str, error: Exception) -> MissingDependencyError:
    """What to say of a folder whose model cannot be used."""
    reason = (" ".join(str(error).split()) or type(error).__name__)[:300]
    return MissingDependencyError(
        f"Expected a pretrained {kind} model in {folder}, but it does not load "
        f"({type(error).__name__}: {reason}). Pass another with {option} FOLDER."
    )
