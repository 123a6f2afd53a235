"""A setting of ONNX Runtime made the whole process round the smallest numbers to zero, whatever it computed afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.engine import runtime


def test_tiny_numbers_stay_after_a_session_ran() -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "same",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [None])],
        [helper.make_tensor_value_info("y", kinds.FLOAT, [None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = runtime.OnnxNetwork(model.SerializeToString(), ["x"], "y", threads=1)
    session.run({"x": np.ones(3, np.float32)})
    assert np.float64(2.3e-308) / 4 > 0
