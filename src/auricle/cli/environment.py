"""Installed and missing packages, and the speed of decoding and features on one core."""

import os
import platform
import re
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import auricle

__all__ = ["installed", "speed"]

_FOR_DEVELOPERS = ("test", "check")
_REPEATS = 3
_SOUND_S = 20


def installed() -> dict[str, Any]:
    """Return the versions of Python, auricle and its libraries, the missing packages by extra, and the cores."""
    libraries: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    for requirement in metadata.requires("auricle") or ():
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if extra and extra[1] in _FOR_DEVELOPERS:
            continue
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.setdefault(extra[1] if extra else "", []).append(name)
    return {
        "auricle": auricle.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "libraries": dict(sorted(libraries.items())),
        "missing": {extra: sorted(names) for extra, names in sorted(missing.items())},
    }


def speed() -> dict[str, float]:
    """Return the real-time factors of decoding FLAC and of computing features on one core, at 16 kHz; the best of 3."""
    import io

    import numpy as np
    import soundfile

    from auricle.audio.decode import read
    from auricle.features.extractor import Extractor
    from auricle.features.spec import default_spec

    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(16_000 * _SOUND_S)).astype(np.float32)
    extractor = Extractor(default_spec(16_000))
    windows = np.split(sound, _SOUND_S)
    content = io.BytesIO()
    soundfile.write(content, sound, 16_000, format="FLAC")
    return {
        "features_x_real_time": _real_time_factor(lambda: [extractor.row(window) for window in windows]),
        "flac_x_real_time": _real_time_factor(lambda: read(content.getvalue())),
    }


def _real_time_factor(work: Callable[[], object]) -> float:
    work()  # the first call compiles kernels
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(_SOUND_S / min(seconds), 1)
