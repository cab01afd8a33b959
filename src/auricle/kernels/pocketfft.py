"""SciPy's real FFT for lengths without a lane transform, loaded without importing ``scipy.fft``.

That import loads SciPy's special functions and parses docstrings: a fifth of the time of a short prediction. The bits
of NumPy's float32 transform differ.
"""

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["next_fast_len", "rfft"]

_NAME = "scipy.fft._pocketfft.pypocketfft"


def rfft(values: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return ``scipy.fft.rfft(values)``, bit for bit.

    Parameters
    ----------
    values : float32, shape (…, n), n ≥ 1

    Returns
    -------
    complex64, shape (…, n // 2 + 1)
    """
    compiled = _compiled()
    if compiled is None:
        from scipy import fft

        spectrum: NDArray[np.complex64] = fft.rfft(values)
    else:
        spectrum = compiled.r2c(values, (-1,))
    return spectrum


def next_fast_len(n: int) -> int:
    """Return ``scipy.fft.next_fast_len(n, real=True)``: the next length, at least n, with a fast transform."""
    compiled = _compiled()
    if compiled is None:
        from scipy import fft

        return int(fft.next_fast_len(n, real=True))
    return int(compiled.good_size(n, real=True))


@cache
def _compiled() -> Any | None:
    """Import SciPy's compiled transform without its packages; None if this SciPy keeps it elsewhere."""
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    spec = PathFinder.find_spec(_NAME, [str(Path(scipy.__file__).parent / "fft" / "_pocketfft")])
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
