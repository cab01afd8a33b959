import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from auricle.errors import AudioError, BundleError
from auricle.prediction.predictor import Predictor
from auricle.prediction.pyfunc import _load_pyfunc


@pytest.fixture
def unzipped(states_file: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(states_file) as archive:
        archive.extractall(tmp_path / "model")
    return tmp_path / "model"


def test_an_unzipped_bundle_predicts_as_the_file_does(unzipped: Path, states: Predictor, machine_sounds: Path) -> None:
    sounds = sorted(machine_sounds.parent.rglob("*.wav"))[:3]
    predicted = _load_pyfunc(str(unzipped)).predict([str(sound) for sound in sounds])
    assert predicted == [states.predict(sound).as_json() for sound in sounds]


def test_the_first_column_of_a_table_holds_the_files(unzipped: Path, machine_sounds: Path) -> None:
    sound = min(machine_sounds.parent.rglob("*.wav"))
    model = _load_pyfunc(str(unzipped))
    table = SimpleNamespace(iloc=np.array([[str(sound), "more"]]))
    assert model.predict(table) == model.predict([sound])
    with pytest.raises(AudioError):
        model.predict(["nothing.wav"])


def test_a_changed_member_is_refused(unzipped: Path) -> None:
    (unzipped / "model.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"model\.onnx does not"):
        _load_pyfunc(str(unzipped))
