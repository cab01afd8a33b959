import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.features import cache as module
from auricle.features.cache import CacheWarning, FeatureCache, default_folder, key_of


def key(number):
    return hashlib.sha256(str(number).encode()).digest()


def test_put_then_get_across_instances(tmp_path, rng):
    arrays = {"rows": rng.normal(size=(3, 40)).astype(np.float32), "bounds": np.array([[0.0, 1.0]])}
    first = FeatureCache(tmp_path)
    first.put(key(1), arrays)
    first.close()
    again = FeatureCache(tmp_path)
    got = again.get(key(1))
    assert got is not None
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype
    assert again.get(key(2)) is None
    again.close()


def test_large_arrays_are_files_named_by_their_hash(tmp_path):
    image = np.arange(200_000, dtype=np.float32)
    cache = FeatureCache(tmp_path)
    cache.put(key(1), {"image": image, "small": np.ones(3)})
    cache.put(key(2), {"image": image})
    (file,) = tmp_path.glob("arrays/*/*.npy")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    got = cache.get(key(1))
    assert got is not None
    assert isinstance(got["image"], np.memmap)
    np.testing.assert_array_equal(got["image"], image)
    cache.close()


def test_missing_array_file_is_a_miss(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put(key(1), {"image": np.zeros(200_000, np.float32)})
    next(tmp_path.glob("arrays/*/*.npy")).unlink()
    assert cache.get(key(1)) is None
    cache.close()


def test_corrupt_entry_is_a_miss(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put(key(1), {"rows": np.arange(50.0)})
    cache.close()
    with sqlite3.connect(tmp_path / "features.sqlite") as database:
        (content,) = database.execute("SELECT content FROM entries").fetchone()
        database.execute("UPDATE entries SET content = ?", (content[:200] + bytes([content[200] ^ 1]) + content[201:],))
    database.close()
    again = FeatureCache(tmp_path)
    assert again.get(key(1)) is None
    again.close()


@settings(max_examples=25, deadline=None)
@given(where=st.floats(0, 1), what=st.binary(min_size=1, max_size=4000))
def test_damaged_database_is_rebuilt_or_correct(tmp_path_factory, where, what):
    folder = tmp_path_factory.mktemp("damaged")
    rows = np.arange(3000.0)
    cache = FeatureCache(folder)
    for number in range(20):
        cache.put(key(number), {"rows": rows + number})
    cache.close()
    path = folder / "features.sqlite"
    content = bytearray(path.read_bytes())
    at = int(where * (len(content) - 1))
    content[at : at + len(what)] = what
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        again = FeatureCache(folder)
        for number in range(20):
            got = again.get(key(number))
            assert got is None or (got["rows"] == rows + number).all()
        again.put(key(99), {"rows": rows})
        again.close()


def test_file_that_is_no_database_is_rebuilt_with_a_warning(tmp_path):
    (tmp_path / "features.sqlite").write_text("not a database, but long enough to be taken for one" * 50)
    with pytest.warns(CacheWarning, match="was damaged and is rebuilt"):
        cache = FeatureCache(tmp_path)
    cache.put(key(1), {"rows": np.ones(2)})
    assert cache.get(key(1)) is not None
    cache.close()


def test_a_file_of_another_version_is_rebuilt(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put(key(1), {"rows": np.ones(2)})
    cache.close()
    with sqlite3.connect(tmp_path / "features.sqlite") as database:
        database.execute("PRAGMA user_version=77")
    database.close()
    again = FeatureCache(tmp_path)
    assert again.get(key(1)) is None
    again.put(key(1), {"rows": np.ones(2)})
    assert again.get(key(1)) is not None
    again.close()


def test_least_recently_used_entries_are_evicted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVICT_EVERY", 10)
    clock = iter(range(10**6))
    monkeypatch.setattr(module.time, "time", lambda: float(next(clock)))
    cache = FeatureCache(tmp_path, max_bytes=60_000)
    cache.put(key(0), {"rows": np.zeros(500)})
    for number in range(1, 40):
        cache.put(key(number), {"rows": np.zeros(500)})
        assert cache.get(key(0)) is not None, "what is used all the time is kept"
    cache.close()
    again = FeatureCache(tmp_path, max_bytes=60_000)
    kept = [number for number in range(40) if again.get(key(number)) is not None]
    assert 0 in kept
    assert 39 in kept
    assert 1 not in kept
    assert len(kept) * 4000 <= 60_000
    again.close()


def test_eviction_removes_array_files(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put(key(1), {"image": np.zeros(200_000, np.float32)})
    old = next(tmp_path.glob("arrays/*/*.npy"))
    os.utime(old, (time.time() - 1000,) * 2)
    cache.close()
    FeatureCache(tmp_path, max_bytes=1000).close()
    assert not old.exists()


def test_unwritable_folder_warns_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.warns(CacheWarning, match="features are not kept"):
        cache = FeatureCache(blocked / "folder")
    cache.put(key(1), {"rows": np.ones(2)})  # a second warning would be an error here
    assert cache.get(key(1)) is None
    cache.close()
    assert not cache.is_open


def test_full_disk_warns_once_and_work_continues(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.files, "write_bytes", full)
    with pytest.warns(CacheWarning, match="No space left on device"):
        cache.put(key(0), {"image": np.zeros(200_000, np.float32)})
    cache.put(key(1), {"image": np.zeros(200_000, np.float32)})
    assert cache.get(key(0)) is None


WRITER = """
import sys, hashlib, numpy as np
from auricle.features.cache import FeatureCache
cache = FeatureCache(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    cache.put(hashlib.sha256(str(number).encode()).digest(), {"rows": np.full(400, float(number))})
    print(number, flush=True)
cache.close()
"""


def test_several_processes_share_a_folder(tmp_path):
    ranges = [(0, 150), (100, 250), (200, 350)]
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(a), str(b)], stdout=subprocess.DEVNULL)
        for a, b in ranges
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    cache = FeatureCache(tmp_path)
    for number in range(350):
        got = cache.get(key(number))
        assert got is not None
        assert (got["rows"] == number).all()
    cache.close()


def test_killed_writer_keeps_committed_entries(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), "0", "100000"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(60)]
        process.send_signal(signal.SIGKILL)
    cache = FeatureCache(tmp_path)
    assert all(cache.get(key(number)) is not None for number in seen)
    cache.close()


def test_key_depends_on_everything_that_determines_the_values(monkeypatch):
    base = key_of(b"sound", "0:None", "spec")
    assert base == key_of(b"sound", "0:None", "spec")
    others = [key_of(b"other", "0:None", "spec"), key_of(b"sound", "1:None", "spec"), key_of(b"sound", "0:None", "x")]
    monkeypatch.setattr(module, "_VERSIONS", ("libsndfile 99",))
    assert len({base, *others, key_of(b"sound", "0:None", "spec")}) == 5


def test_folder_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AURICLE_CACHE_DIR", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("AURICLE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "auricle"
