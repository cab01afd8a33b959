import subprocess
import sys

import pytest

import auricle
from auricle import features


@pytest.mark.parametrize("name", features.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(features, name).__name__ == name
    assert getattr(auricle.features, name) is getattr(features, name)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"'auricle\.features' has no attribute 'spectral_centriod'"):
        _ = features.spectral_centriod


def test_reading_a_spec_loads_no_compiler() -> None:
    program = "import sys; from auricle.features.spec import FeatureSpec; FeatureSpec(); print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
