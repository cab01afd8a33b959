"""Features that an earlier version cached are found, and nothing is computed again."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from auricle.audio import quality
from auricle.features import cache as cache_module
from auricle.features.cache import FeatureCache

_ENTRIES = "SELECT key, bytes, content, digest FROM entries ORDER BY key"


@pytest.fixture
def folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]) -> Path:
    """Copy of the earlier version's cache, with its versions of the libraries and of the quality measures."""
    cache_dir = tmp_path / "cache"
    shutil.copytree(data / "cache", cache_dir)
    monkeypatch.setenv("AURICLE_CACHE_DIR", str(cache_dir))
    monkeypatch.setattr(cache_module, "_VERSIONS", tuple(expected["cache"]["libraries"]))
    monkeypatch.setattr(quality, "VERSION", 6)
    return cache_dir


def entries_in(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "features.sqlite")) as database:
        return database.execute(_ENTRIES).fetchall()


def test_cached_arrays_are_read_by_their_keys(folder: Path, expected: dict[str, Any]) -> None:
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
def test_a_command_finds_cached_features_and_computes_none(
    command: tuple[str, ...], folder: Path, sounds: Path, data: Path, tmp_path: Path, auricle: Callable[..., Any]
) -> None:
    before = entries_in(folder)
    assert len(before) == 36  # of twelve recordings: scan, rows, embeddings
    paths = {"SOUNDS": sounds / "sounds", "OUT": tmp_path / "any.auricle", "TINY": data / "tiny.onnx"}
    ran = auricle(*(paths.get(argument, argument) for argument in command))
    assert ran.code == 0
    assert json.loads(ran.out)["n_recordings"] == 12
    assert entries_in(folder) == before  # computed features would be cached too


def test_another_version_of_a_library_gives_other_keys(
    folder: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch, auricle: Callable[..., Any]
) -> None:
    monkeypatch.setattr(cache_module, "_VERSIONS", ("numpy 0.0",))
    assert auricle("inspect", sounds / "sounds", "--json").code == 0
    assert len(entries_in(folder)) == 48
