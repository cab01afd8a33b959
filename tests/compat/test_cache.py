"""Features that an earlier version kept: they are found again, and nothing is computed or written anew."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from auricle.features import cache as cache_module
from auricle.features.cache import FeatureCache

_ENTRIES = "SELECT key, bytes, content, digest FROM entries ORDER BY key"


@pytest.fixture
def folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]) -> Path:
    """A copy of what was kept, as it is found where libraries have the versions that it was computed with."""
    place = tmp_path / "cache"
    shutil.copytree(data / "cache", place)
    monkeypatch.setenv("AURICLE_CACHE_DIR", str(place))
    monkeypatch.setattr(cache_module, "_MAKERS", tuple(expected["cache"]["libraries"]))
    return place


def entries_in(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "features.sqlite")) as database:
        return database.execute(_ENTRIES).fetchall()


def test_kept_arrays_are_read_under_their_keys(folder: Path, expected: dict[str, Any]) -> None:
    with closing(FeatureCache(folder)) as cache:
        for key, hashes in expected["cache"]["entries"].items():
            arrays = cache.get(bytes.fromhex(key))
            assert arrays is not None
            assert {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()} == hashes


@pytest.mark.parametrize(
    "command",
    [
        ("inspect", "SOUNDS", "--json"),
        ("train", "SOUNDS", "-o", "OUT", "--models", "linear", "--embedding", "none", "--json"),
        ("train", "SOUNDS", "-o", "OUT", "--models", "embedding", "--embedding", "TINY", "--json"),
    ],
    ids=["inspect", "train", "train on an embedding"],
)
def test_a_command_finds_what_was_kept_and_computes_nothing_anew(
    command: tuple[str, ...], folder: Path, sounds: Path, data: Path, tmp_path: Path, auricle: Callable[..., Any]
) -> None:
    before = entries_in(folder)
    assert len(before) == 36  # twelve recordings: as they were listened to, their rows, their embeddings
    places = {"SOUNDS": sounds / "sounds", "OUT": tmp_path / "any.auricle", "TINY": data / "tiny.onnx"}
    ran = auricle(*(places.get(one, one) for one in command))
    assert ran.code == 0
    assert json.loads(ran.out)["n_recordings"] == 12
    assert entries_in(folder) == before  # what is computed is kept: there would be more


def test_another_version_of_a_library_is_another_key(
    folder: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch, auricle: Callable[..., Any]
) -> None:
    monkeypatch.setattr(cache_module, "_MAKERS", ("numpy 0.0",))
    assert auricle("inspect", sounds / "sounds", "--json").code == 0
    assert len(entries_in(folder)) == 48
