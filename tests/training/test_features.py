"""Features of a training: each recording is decoded once, and golden windows are first windows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.audio import quality
from auricle.audio.decode import Sound
from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import windows_of
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.features.spec import FeatureSpec
from auricle.models.table import MODELS
from auricle.training.features import TrainingFeatures, compute_features
from auricle.training.packaging import golden_indices
from auricle.training.request import parse_request
from auricle.training.result import TrainResult
from auricle.training.train import train

SPEC = FeatureSpec(rate_hz=8000, n_fft=256, hop=64, n_mels=20, window_s=0.2)


@pytest.fixture
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often the sound of each file is decoded; reading a header does not count."""
    counts: Counter[str] = Counter()
    blocks = Sound.blocks

    def counted(self: Sound, **part: Any) -> Iterator[np.ndarray]:
        counts[self.name] += 1
        return blocks(self, **part)

    monkeypatch.setattr(Sound, "blocks", counted)
    return counts


def trained(sounds: Dataset, embedding: Embedding, **options: Any) -> TrainResult:
    return train(sounds, models="linear,embedding", embeddings=[embedding], window_s=0.2, name="once", **options)


def test_every_recording_is_decoded_once(
    sounds: Dataset, tiny_embedding: Embedding, decoded: Counter[str], tmp_path: Path
) -> None:
    result = trained(sounds, tiny_embedding, cache=FeatureCache(tmp_path))
    feature_sets = {trial.candidate.feature_set for trial in result.search.trials}
    assert feature_sets >= {("pooled",), ("tiny",), ("pooled", "tiny")}
    assert decoded == {str(example.file): 1 for example in sounds.examples}
    decoded.clear()
    again = trained(sounds, tiny_embedding, cache=FeatureCache(tmp_path))
    assert set(decoded.values()) == {1}
    assert len(decoded) == len(result.bundle.golden.windows), "only the golden windows are not in the cache"
    assert again.bundle.version == result.bundle.version


def test_images_are_computed_in_the_same_pass(
    sounds: Dataset, decoded: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: it is the extra `cnn`")
    from auricle.models.cnn.estimator import CnnClassifier

    quick: dict[str, Any] = {"size": "tiny", "epochs": 1, "averaging": 0.5}
    monkeypatch.setitem(
        MODELS, "cnn", replace(MODELS["cnn"], classifier=lambda seed: CnnClassifier((64, 128), seed=seed, **quick))
    )
    train(sounds, models="linear,cnn", window_s=0.2)
    assert decoded == {str(example.file): 1 for example in sounds.examples}


def test_the_quality_of_a_clip_that_is_one_window_is_measured_once(
    sounds: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []
    measure = quality.measure
    monkeypatch.setattr(quality, "measure", lambda *args: measured.append(1) or measure(*args))
    train(sounds, models="linear")
    assert len(measured) == len(sounds)


def features_of(sounds: Dataset, embedding: Embedding, *, is_timed: bool = False, **options: Any) -> TrainingFeatures:
    request = parse_request("linear,embedding", [embedding], has_budget=is_timed, device="auto")
    return compute_features(sounds, SPEC, request, is_timed=is_timed, **options)


def test_embeddings_under_a_budget_are_computed_at_first_use(
    sounds: Dataset, tiny_embedding: Embedding, decoded: Counter[str]
) -> None:
    at_once = features_of(sounds, tiny_embedding).data_by_spec[SPEC].block_rows["tiny"]
    assert set(decoded.values()) == {1}
    later = features_of(sounds, tiny_embedding, is_timed=True)
    assert set(decoded.values()) == {2}
    np.testing.assert_array_equal(later.data_by_spec[SPEC].block_rows["tiny"], at_once)
    assert set(decoded.values()) == {3}


@pytest.mark.parametrize("window_s", [0.1, 0.2, 0.5])
def test_golden_windows_are_the_first_of_their_recordings(
    sounds: Dataset, tiny_embedding: Embedding, window_s: float, tmp_path: Path
) -> None:
    (tmp_path / "prose.wav").write_text("not sound at all, only prose that was named so")
    bad = replace(sounds.examples[0], file=tmp_path / "prose.wav")
    sounds = replace(sounds, examples=(bad, *sounds.examples))
    features = features_of(sounds, tiny_embedding, skip_bad=True)
    pipeline = features.pipeline(SPEC.model_copy(update={"window_s": window_s}), ["tiny"])
    for index, samples in zip(golden_indices(len(features.dataset)), features.golden_windows(pipeline), strict=True):
        expected = windows_of(features.dataset.examples[index], pipeline)[0].samples
        np.testing.assert_array_equal(samples, expected)
