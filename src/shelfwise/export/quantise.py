"""Makes 8-bit networks: weights and activations as whole numbers, in ranges that real products showed."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from shelfwise.errors import MissingDependencyError
from shelfwise.export.networks import NotExportable

_QUANTISED = (
    "Conv",
    "Add",
    "MatMul",
    "Gemm",
    "GlobalAveragePool",
    "AveragePool",
    "MaxPool",
    "Concat",
    "Clip",
    "Relu",
)
"""Operators that compute in whole numbers. What pictures are prepared by is not among them: it has 256 values to start with."""


class _Batches:
    """Hands calibration arrays to ONNX Runtime one batch after the other."""

    def __init__(self, batches: Sequence[Mapping[str, np.ndarray]]) -> None:
        self._left = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, None after the last."""
        found = next(self._left, None)
        return None if found is None else dict(found)


def quantised(model: bytes, batches: Sequence[Mapping[str, np.ndarray]]) -> bytes:
    """The network in int8: static ranges from ``batches`` of its inputs, a scale for every channel of weights.

    Weights keep to 7 bits: processors without VNNI add up two products in 16 bits, which 8 bits would overflow. Raises
    NotExportable where it has nothing to gain, or cannot be quantised.
    """
    try:
        import onnx
        from onnxruntime import quantization as q
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise MissingDependencyError(
            f"Networks are quantised by onnx and onnxruntime, which do not import here ({error}): pip install 'shelfwise[onnx]'"
        ) from error
    if not any(node.op_type == "Conv" for node in onnx.load_from_string(model).graph.node):
        raise NotExportable("it has no convolutions, and would be no faster")
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        given, prepared, written = (
            Path(folder, name) for name in ("given.onnx", "prepared.onnx", "int8.onnx")
        )
        given.write_bytes(model)
        try:
            quant_pre_process(given, prepared, skip_symbolic_shape=True)
            q.quantize_static(
                prepared,
                written,
                _Batches(batches),
                quant_format=q.QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTISED),
                per_channel=True,
                reduce_range=True,
                activation_type=q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
                calibrate_method=q.CalibrationMethod.MinMax,
            )
            return written.read_bytes()
        except (ValueError, RuntimeError, TypeError, KeyError, AttributeError, OSError) as error:
            raise NotExportable(f"it cannot be quantised ({' '.join(str(error).split())[:160]})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that ONNX Runtime's tools log about every network."""
    root = logging.getLogger()
    before = root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
