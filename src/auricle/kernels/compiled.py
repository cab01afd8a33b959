"""Compilation: one decorator, so that every kernel releases the GIL and is kept on disk where that is possible."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.caching

__all__ = ["kernel", "part"]

# numba types neither its cache nor all options of njit.
_njit: Any = numba.njit

F = TypeVar("F", bound=Callable[..., Any])


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCES = _sources()


class _Cache(numba.core.caching.FunctionCache):
    """numba's cache on disk, keyed by the text of all kernels, and content to do without.

    numba alone looks at the file of the function that is called, and would go on using a caller that holds the old
    code of a function it calls from another file.
    """

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return *super()._index_key(signature, codegen), SOURCES  # type: ignore[no-untyped-call]

    def save_overload(self, signature: Any, data: Any) -> None:
        with suppress(OSError):  # a full disk costs a compilation in the next process, nothing else
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]


OPTIONS = {"nogil": True, "error_model": "numpy"}
"""Nothing about floating point is relaxed: where a product and a sum become one, a kernel says so."""


def kernel(function: F) -> F:
    """Compile a function that Python calls, when it is first called, and keep the result on disk.

    Where no folder can be written (neither the package's, nor the user's cache, nor ``NUMBA_CACHE_DIR``), it is
    compiled afresh in every process.
    """
    compiled = _njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # no folder to keep it in; otherwise what `njit(cache=True)` does
        compiled._cache = _Cache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return cast("F", compiled)


def part(function: F) -> F:
    """Compile a function that only kernels call, into each of them."""
    return cast("F", _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **OPTIONS)(function))
