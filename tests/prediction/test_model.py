from dataclasses import replace

import pytest

from auricle.errors import BundleError
from auricle.prediction.model import LoadedModel
from auricle.prediction.predictor import Predictor


def test_a_loaded_model_predicts_as_its_bundle_does(states: Predictor, sound_file) -> None:
    loaded = LoadedModel.of(states.bundle)
    assert (loaded.name, loaded.classes) == (states.bundle.id, states.bundle.manifest.classes)
    assert Predictor(loaded).loaded is loaded
    assert Predictor(loaded).predict(sound_file) == states.predict(sound_file)


def test_a_bundle_that_fails_its_self_test_is_refused(states: Predictor) -> None:
    golden = replace(states.bundle.golden, answers=states.bundle.golden.answers[:, ::-1])
    with pytest.raises(BundleError):
        LoadedModel.of(replace(states.bundle, golden=golden))
