import pickle
from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from auricle.errors import FeatureError, ModelError
from auricle.features.embeddings.card import EmbeddingCard, GraphInput, LogMelInput, WaveformInput
from auricle.features.embeddings.embedding import Embedding

RATE_HZ = 8000

MEL = LogMelInput(
    n_fft=256, frame_samples=200, hop=80, n_mels=20, fmax_hz=4000.0, patch_frames=10, patch_hop_frames=5, axes="n1tf"
)


def serialised(nodes: list, shape: list, weights: dict[str, np.ndarray]) -> bytes:
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def linear(shape: list, n_in: int, size: int = 3) -> bytes:
    """A graph that flattens a patch and multiplies it with fixed numbers."""
    weight = np.random.default_rng(1).standard_normal((n_in, size)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["embedding"])]
    return serialised(nodes, shape, {"w": weight})


def card(form: LogMelInput | GraphInput | WaveformInput = MEL, **changes: object) -> EmbeddingCard:
    files = ("front.onnx", "tiny.onnx") if form.kind == "graph" else ("tiny.onnx",)
    base = EmbeddingCard(
        name="tiny", rate_hz=RATE_HZ, input=form, output="embedding", size=3, licence="CC0-1.0", files=files
    )
    return base.model_copy(update=changes)


@pytest.fixture
def noise(rng: np.random.Generator) -> Callable[[int], np.ndarray]:
    return lambda n: (0.1 * rng.standard_normal(n)).astype(np.float32)


@pytest.fixture
def tiny() -> Embedding:
    return Embedding(card(), [linear(["n", 1, 10, 20], 200)])


def test_row_is_mean_and_deviation_over_patches(tiny: Embedding, noise: Callable[[int], np.ndarray]) -> None:
    sound = noise(RATE_HZ)
    patches = tiny.patches(sound, RATE_HZ)
    row = tiny.row(sound, RATE_HZ)
    assert patches.shape == (19, 3)  # 98 frames: 18 patches every 5, and one that ends at the last
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, np.concatenate([patches.mean(axis=0), patches.std(axis=0)]), rtol=1e-5)
    assert tiny.columns[:4] == ("tiny0000_mean", "tiny0001_mean", "tiny0002_mean", "tiny0000_std")


def test_parts_keep_order(noise: Callable[[int], np.ndarray]) -> None:
    made = Embedding(card(parts=2), [linear(["n", 1, 10, 20], 200)])
    sound = noise(RATE_HZ)
    patches, row = made.patches(sound, RATE_HZ), made.row(sound, RATE_HZ)
    np.testing.assert_allclose(row[6:], np.concatenate([patches[:9].mean(axis=0), patches[9:].mean(axis=0)]), rtol=1e-5)
    assert made.columns[6] == "tiny0000_mean_part1"
    assert len(made.columns) == len(row) == 12
    one = made.row(noise(100), RATE_HZ)
    assert np.array_equal(one[6:9], one[:3])
    assert np.array_equal(one[9:], one[:3])


@pytest.mark.parametrize("n", [1, 199, 919, 920])
def test_short_windows_are_one_patch(tiny: Embedding, noise: Callable[[int], np.ndarray], n: int) -> None:
    row = tiny.row(noise(n), RATE_HZ)
    assert np.isfinite(row).all()
    assert np.array_equal(row[3:], np.zeros(3))


def test_bits_depend_only_on_the_window(tiny: Embedding, noise: Callable[[int], np.ndarray]) -> None:
    windows = [noise(n) for n in (700, 4000, 8000, 8080)]
    alone = [tiny.row(window, 11_025) for window in windows]
    again = [pickle.loads(pickle.dumps(tiny)).row(window, 11_025) for window in reversed(windows)]  # noqa: S301
    assert all(np.array_equal(a, b) for a, b in zip(alone, reversed(again), strict=True))


def test_other_rates_are_resampled(tiny: Embedding) -> None:
    time_s = np.arange(16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    np.testing.assert_allclose(
        tiny.patches(tone, 16_000)[2:-2], tiny.patches(tone[::2].copy(), RATE_HZ)[2:-2], atol=0.5, rtol=0.02
    )


def test_least_frames_gives_a_short_sound_several_patches(noise: Callable[[int], np.ndarray]) -> None:
    made = Embedding(card(MEL.model_copy(update={"least_frames": 20})), [linear(["n", 1, 10, 20], 200)])
    assert made.patches(noise(100), RATE_HZ).shape == (3, 3)
    assert made.patches(noise(RATE_HZ), RATE_HZ).shape == (19, 3)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("ntf", [None, 10, 20]), ("nft", [None, 20, 10]), ("n1ft", [1, 1, 20, 10]), ("nft1", [None, 20, 10, 1])],
)
def test_axes(axes: str, shape: list, noise: Callable[[int], np.ndarray]) -> None:
    if shape[0] == 1:
        with pytest.raises(ModelError, match="must run on"):  # it takes one patch at a time only
            Embedding(card(MEL.model_copy(update={"axes": axes})), [linear(shape, 200)])
        return
    made = Embedding(card(MEL.model_copy(update={"axes": axes})), [linear(shape, 200)])
    assert made.row(noise(2000), RATE_HZ).shape == (6,)


def test_waveforms(noise: Callable[[int], np.ndarray]) -> None:
    form = WaveformInput(patch_samples=400, patch_hop_samples=200, axes="n1t", scale=2.0)
    made = Embedding(card(form), [linear(["n", 1, 400], 400)])
    sound = noise(1000)
    assert made.patches(sound, RATE_HZ).shape == (4, 3)
    half = form.model_copy(update={"scale": 1.0})
    other = Embedding(card(half), [linear(["n", 1, 400], 400)])
    np.testing.assert_allclose(made.row(sound, RATE_HZ), 2 * other.row(sound, RATE_HZ), rtol=1e-5)


def test_a_graph_that_takes_one_waveform(noise: Callable[[int], np.ndarray]) -> None:
    form = WaveformInput(patch_samples=400, patch_hop_samples=400, axes="t")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["embedding"])]
    graph = serialised(nodes, [400], {"w": np.ones((400, 3), np.float32)})
    assert Embedding(card(form), [graph]).patches(noise(1200), RATE_HZ).shape == (3, 3)


def test_graph_input_computes_its_own_spectrogram(noise: Callable[[int], np.ndarray]) -> None:
    form = GraphInput(
        frame_samples=80, hop=80, n_bands=4, patch_frames=5, patch_hop_frames=5, axes="ntf1", scale=0.1, shift=2.0
    )
    nodes = [
        helper.make_node("Reshape", ["x", "to"], ["frames"]),
        helper.make_node("MatMul", ["frames", "w"], ["embedding"]),
    ]
    front = serialised(nodes, [1, "n"], {"to": np.array([1, -1, 80], np.int64), "w": np.ones((80, 4), np.float32)})
    made = Embedding(card(form), [front, linear(["n", 5, 4, 1], 20)])
    assert made.patches(noise(800), RATE_HZ).shape == (2, 3)
    wide = form.model_copy(update={"frame_samples": 40, "hop": 40})
    with pytest.raises(ModelError, match=r"front\.onnx: (the card says that|the graph must run)"):
        Embedding(card(wide), [front, linear(["n", 5, 4, 1], 20)]).row(noise(160), RATE_HZ)


def test_card_holds_the_hashes_of_its_files(tiny: Embedding) -> None:
    assert len(tiny.card.sha256[0]) == 64
    assert Embedding(tiny.card, tiny.graphs).fingerprint() == tiny.fingerprint()
    with pytest.raises(ModelError, match="must be the files that the card names"):
        Embedding(tiny.card, [linear(["n", 1, 10, 20], 200) + b"\x00"])


@pytest.mark.parametrize(
    ("changes", "graph", "message"),
    [
        ({"size": 4}, linear(["n", 1, 10, 20], 200), "the card says 4 numbers a patch"),
        ({"output": "scores"}, linear(["n", 1, 10, 20], 200), "'scores' must be among the graph's: embedding"),
        ({}, linear(["n", 1, 96, 64], 6144), r"takes \['any', 1, 10, 20\]. It takes"),
        ({}, linear(["n", 200], 200), "the card says that the graph takes"),
        ({}, b"no graph", r"tiny\.onnx: must be an ONNX graph"),
    ],
)
def test_graph_that_does_not_fit_its_card_raises(changes: dict, graph: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Embedding(card(**changes), [graph])


def test_refuses_a_graph_that_gives_nan() -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["embedding"])]
    graph = serialised(nodes, ["n", 1, 10, 20], {"w": np.full((200, 3), np.nan, np.float32)})
    with pytest.raises(ModelError, match="must be finite"):
        Embedding(card(), [graph])


def test_refuses_the_wrong_number_of_graphs() -> None:
    with pytest.raises(ModelError, match=r"names 1 graphs\. Got 2"):
        Embedding(card(), [linear(["n", 1, 10, 20], 200)] * 2)


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.zeros((2, 9)), "one channel"), (np.zeros(0), "one channel"), (np.array([0.0, np.nan]), "finite")],
)
def test_invalid_samples_raise(tiny: Embedding, samples: np.ndarray, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        tiny.row(samples, RATE_HZ)
