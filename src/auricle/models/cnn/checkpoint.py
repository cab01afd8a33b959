"""Checkpoints: the state of a training as arrays in one file, to resume after an interruption."""

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
    """One file of arrays, never pickled, written atomically.

    Parameters
    ----------
    folder : Path
        Created at the first write.
    name : str
        Hash of images, targets and settings of the training.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"cnn-{name}.npz"

    def read(self) -> dict[str, NDArray[Any]] | None:
        """Return the arrays written last; None if there are none, or the file is damaged."""
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the arrays.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]  # NumPy types only its own option
        files.write_bytes(self._path, content.getvalue())
