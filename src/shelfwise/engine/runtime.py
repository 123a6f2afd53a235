"""One door to ONNX Runtime: networks are checked when they are opened, and run with a set number of threads."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from shelfwise.errors import MissingDependencyError, ModelFolderError

INSTALL = "pip install 'shelfwise[onnx]'"


def runtime_installed() -> bool:
    """Whether ONNX Runtime can be imported, without importing it."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxNetwork:
    """A network in ONNX's form, run by ONNX Runtime on the CPU.

    ``run`` may be called from several threads at once. With ``threads`` 1 each call computes in the thread that makes it: many
    calls side by side then use many cores with nothing to wait for.

    Raises MissingDependencyError where ONNX Runtime is not installed, ModelFolderError where ``model`` is no network, or takes
    or gives other arrays than ``inputs`` and ``output``.
    """

    def __init__(self, model: bytes, inputs: Collection[str], output: str, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingDependencyError(
                f"Exported networks are run by ONNX Runtime, which does not import here ({error}): {INSTALL}"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # errors only
        # Threads that wait by spinning take the cores from those that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Not "session.set_denormal_as_zero": it would round the smallest numbers to zero in all that this process does later.
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except _runtime_errors() as error:
            problem = " ".join(str(error).split())[:200]
            raise ModelFolderError(
                f"expected a network that ONNX Runtime {onnxruntime.__version__} can run, got one that it refuses "
                f"({problem}); export the model again"
            ) from error
        found = {one.name for one in self._session.get_inputs()}
        given = [one.name for one in self._session.get_outputs()]
        if not found <= set(inputs) or given != [
            output
        ]:  # an input that changes nothing is left out of a network
            raise ModelFolderError(
                f"expected an exported network from {', '.join(sorted(inputs))} to {output}, got one from "
                f"{', '.join(sorted(found))} to {', '.join(given)}; export the model again"
            )
        self._inputs = found
        self._output = output

    def run(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The network's output. Raises ModelFolderError for arrays of a type or shape that it does not take."""
        given = {name: array for name, array in arrays.items() if name in self._inputs}
        try:
            found: np.ndarray = self._session.run([self._output], given)[0]
        except _runtime_errors() as error:
            problem = " ".join(str(error).split())[:200]
            raise ModelFolderError(
                f"the exported network does not run ({problem}); export the model again"
            ) from error
        return found


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises, which has no common ancestor but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NotImplemented",
        "RuntimeException",
    )
    found = [getattr(state, name) for name in names if hasattr(state, name)]
    return (*found, RuntimeError, ValueError)
