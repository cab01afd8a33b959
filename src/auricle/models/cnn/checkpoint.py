"""A checkpoint: the state of a training as plain arrays in one file, so that a killed training goes on where it was."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.runtime import files

__all__ = ["Checkpoint"]


class Checkpoint:
    """One file of arrays, never pickled, written aside and renamed.

    Parameters
    ----------
    folder : made when it is needed
    name : what tells this training from every other: a hash of its images, answers and settings
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"cnn-{name}.npz"

    def read(self) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that were written last; None where there are none, or the file is damaged."""
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays in place of those before.

        Raises
        ------
        OutputError : the folder cannot be written
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]  # NumPy types its own option only
        files.write_bytes(self._path, content.getvalue())
