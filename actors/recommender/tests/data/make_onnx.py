"""Writes the models that `onnx.rs` reads: `pip install onnx numpy`, then `python make_onnx.py` in this folder.

`due.onnx` gives 0.8 for what is due, less 0.1; `narrow.onnx` wants three features; `nothing.onnx` gives no numbers.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FEATURES = 21
DUE = 4  # its place among the features of actors/domain/src/features/row.rs


def linear(weights, bias, name):
    count = len(weights)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["rows", "weights", "bias"], ["rewards"])],
        name,
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", count])],
        [helper.make_tensor_value_info("rewards", TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(np.array(weights, np.float32).reshape(count, 1), "weights"),
            numpy_helper.from_array(np.array([bias], np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, f"{name}.onnx")


linear([0.8 if place == DUE else 0.0 for place in range(FEATURES)], -0.1, "due")
linear([1.0, 1.0, 1.0], 0.0, "narrow")
linear([float("nan")] * FEATURES, 0.0, "nothing")
