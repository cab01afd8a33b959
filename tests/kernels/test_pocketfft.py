import subprocess
import sys

import numpy as np
import pytest
import scipy.fft

from auricle.kernels import pocketfft
from auricle.kernels.pocketfft import next_fast_len, rfft

ALONE = """
import sys
import numpy as np
from auricle.kernels.pocketfft import next_fast_len, rfft
values = np.random.default_rng(0).standard_normal((3, next_fast_len(1001)), np.float32)
before = rfft(values)
assert "scipy.fft" not in sys.modules
import scipy.fft
from scipy.signal import resample  # the rest of SciPy finds the module that is there
assert np.array_equal(before, scipy.fft.rfft(values)) and np.array_equal(before, rfft(values))
"""


@pytest.mark.parametrize("is_compiled", [True, False])
def test_rfft_equals_scipy_bit_for_bit(is_compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    if not is_compiled:
        monkeypatch.setattr(pocketfft, "_compiled", lambda: None)
    rng = np.random.default_rng(0)
    for size in [*range(1, 65), 1000, 1001, 4096, 9973]:
        for shape in ((size,), (5, size)):
            values = rng.standard_normal(shape, np.float32)
            spectrum = rfft(values)
            assert spectrum.dtype == np.complex64
            assert spectrum.tobytes() == scipy.fft.rfft(values).tobytes()
    assert [next_fast_len(n) for n in range(1, 3000)] == [scipy.fft.next_fast_len(n, real=True) for n in range(1, 3000)]


def test_rfft_loads_without_scipy_fft_and_shares_its_module() -> None:
    subprocess.run([sys.executable, "-c", ALONE], check=True)
