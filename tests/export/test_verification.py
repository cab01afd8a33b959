from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from auricle.errors import BundleError, ExportError
from auricle.export.graph import build_graph
from auricle.export.verification import MAX_DIFFERENCE, check


def altered(serialised: bytes, change) -> bytes:
    model = onnx.load_model_from_string(serialised)
    change(model)
    return bytes(model.SerializeToString())


def louder(model: onnx.ModelProto) -> None:
    """Double the Hann window."""
    for constant in model.graph.initializer:
        number = numpy_helper.to_array(constant)
        if number.dtype == np.float32 and number.shape == (256,) and np.isclose(number[128], 1):
            constant.CopyFrom(numpy_helper.from_array(2 * number, constant.name))


def other_hop(model: onnx.ModelProto) -> None:
    for constant in model.graph.initializer:
        number = numpy_helper.to_array(constant)
        if number.dtype == np.int64 and number.size == 1 and number.ravel()[0] == 1600:  # the window
            constant.CopyFrom(numpy_helper.from_array(number // 2, constant.name))


@pytest.mark.parametrize("name", ["states", "speeds"])
def test_a_correct_graph_is_within_a_tenth_of_the_limit(request, name):
    bundle = request.getfixturevalue(name).bundle
    assert check(build_graph(bundle), bundle) < MAX_DIFFERENCE / 10


def test_a_graph_with_other_predictions_is_refused(states):
    with pytest.raises(ExportError, match=r"within 0\.001 of the bundle\. It differs by"):
        check(altered(build_graph(states.bundle), louder), states.bundle)


def test_a_graph_with_other_windows_is_refused(states):
    with pytest.raises(ExportError, match=r"must cut a recording as the bundle does\. It gives \d+ windows"):
        check(altered(build_graph(states.bundle), other_hop), states.bundle)


def test_a_graph_that_does_not_run_is_refused(states):
    with pytest.raises(ExportError, match="must run in onnxruntime"):
        check(b"no graph", states.bundle)


def test_a_bundle_that_fails_its_self_test_is_refused(states):
    golden = replace(states.bundle.golden, rows=states.bundle.golden.rows + 1)
    with pytest.raises(BundleError, match="every golden window's row"):
        check(build_graph(states.bundle), replace(states.bundle, golden=golden))
