"""What `doctor` tells of the installation and the speed of the machine."""

import auricle
from auricle.cli import environment


def test_what_is_installed_is_listed_with_versions(monkeypatch) -> None:
    found = environment.installed()
    assert found["auricle"] == auricle.__version__
    assert {"numpy", "onnxruntime", "soundfile"} <= found["libraries"].keys()
    monkeypatch.setattr(environment.metadata, "requires", lambda _: ["absent-library>=1; extra == 'mic'", "numpy"])
    found = environment.installed()
    assert found["missing"] == {"mic": ["absent-library"]}
    assert list(found["libraries"]) == ["numpy"]


def test_the_speed_is_a_real_time_factor_of_features_and_of_decoding() -> None:
    speed = environment.speed()
    assert list(speed) == ["features_x_real_time", "flac_x_real_time"]
    assert all(factor > 0 for factor in speed.values())
