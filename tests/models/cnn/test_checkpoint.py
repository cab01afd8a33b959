from pathlib import Path

import numpy as np

from auricle.models.cnn.checkpoint import Checkpoint


def test_read_returns_the_arrays_written(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "new" / "folder", "abc")
    assert kept.read() is None
    kept.write({"a": np.arange(3), "b.c": np.ones((2, 2), np.float32)})
    kept.write({"a": np.arange(4)})
    read = kept.read()
    assert read is not None
    assert list(read) == ["a"]
    assert np.array_equal(read["a"], np.arange(4))


def test_never_unpickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "cnn-abc.npz", a=np.array([{"any": "object"}], dtype=object))
    assert Checkpoint(tmp_path, "abc").read() is None
