"""Compile functions with numba: `kernel` (called from Python, cached on disk, without the GIL) and `inline`."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.caching

__all__ = ["CacheFiles", "inline", "kernel"]

# numba has no types for its cache nor for all options of njit.
_njit: Any = numba.njit

F = TypeVar("F", bound=Callable[..., Any])


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCES = _sources()


class CacheFiles(numba.core.caching.IndexDataCacheFile):
    """numba's files of one function, with code under a name made of its key, and written before the index.

    numba takes the next free number. Two processes that compile for different types or processors at once take the
    same one, and the index then gives one of them the other's code: wrong numbers, or a crash.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write the code of one key; what another process indexes meanwhile may cost one more compilation."""
        name = self._data_name(int(hashlib.sha256(repr(key).encode()).hexdigest()[:12], 16))  # type: ignore[no-untyped-call]
        self._save_data(name, data)  # type: ignore[no-untyped-call]
        self._save_index(self._load_index() | {key: name})  # type: ignore[no-untyped-call]


class _Cache(numba.core.caching.FunctionCache):
    """numba's cache on disk, keyed by the text of all kernels; a failed write is ignored.

    numba alone checks the file of the called function only, and would keep a caller that inlined the old code of
    another file.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file = CacheFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )  # type: ignore[no-untyped-call]

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return *super()._index_key(signature, codegen), SOURCES  # type: ignore[no-untyped-call]

    def save_overload(self, signature: Any, data: Any) -> None:
        with suppress(OSError):  # a full disk costs one more compilation
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]


OPTIONS = {"nogil": True, "error_model": "numpy"}
"""Strict floating point: only an explicit `multiply_add` fuses a product and a sum."""


def kernel(function: F) -> F:
    """Compile a function for Python on its first call, and cache the machine code on disk.

    Where no folder is writable (neither the package's, nor the user's cache, nor ``NUMBA_CACHE_DIR``), every process
    compiles it again.
    """
    compiled = _njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # no writable folder; otherwise as `njit(cache=True)`
        compiled._cache = _Cache(function)  # noqa: SLF001
    return cast("F", compiled)


def inline(function: F) -> F:
    """Compile a function that only kernels call, inlined into each of them."""
    return cast("F", _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **OPTIONS)(function))
