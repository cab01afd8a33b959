"""Receive a request's body into memory that a decoder can open by descriptor, within size and memory limits."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from python_multipart.exceptions import FormParserError
from starlette.requests import Request

from auricle.errors import RequestError
from auricle.serving.http.multipart import FormParser, parse_parameters
from auricle.serving.inference.memory import MemoryBudget
from auricle.serving.settings import Settings

__all__ = ["Body", "receive_body"]

_FORM: Final = "multipart/form-data"
_SMALL_BYTES: Final = 1 << 18
_CHUNK_BYTES: Final = 1 << 20


class Body:
    """The received bytes of a sound file; a context manager, which frees them.

    A small body stays a bytearray until a thread asks for its descriptor: system calls on the event loop may wait for
    the interpreter's lock.

    Attributes
    ----------
    n_bytes : int
    source : str
        File name given by the sender; empty for none.
    metadata : str or None
        JSON of the form's part ``metadata``.
    """

    def __init__(self, memory_budget: MemoryBudget) -> None:
        self.n_bytes = 0
        self.source = ""
        self.metadata: str | None = None
        self._small = bytearray()
        self._descriptor = -1
        self._memory_budget = memory_budget
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the bytes; further calls do nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._small.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._memory_budget.release(self.n_bytes)

    def descriptor(self) -> int:
        """Return a descriptor of memory with the bytes; it is closed with the body."""
        if self._descriptor < 0:
            self._descriptor = os.memfd_create("sound", os.MFD_CLOEXEC)
            self._append(self._small)
            self._small = bytearray()
        return self._descriptor

    def digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        if self._descriptor < 0:
            return hashlib.sha256(self._small).hexdigest()
        digest, offset = hashlib.sha256(), 0
        while chunk := os.pread(self._descriptor, _CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
        return digest.hexdigest()

    def write(self, content: bytes | memoryview) -> None:
        """Append bytes.

        Raises
        ------
        RequestError : the memory budget is exhausted
        """
        self._memory_budget.reserve(len(content))
        self.n_bytes += len(content)
        if self._descriptor < 0 and self.n_bytes <= _SMALL_BYTES:
            self._small += content
        else:
            self.descriptor()
            self._append(content)

    def _append(self, content: bytes | bytearray | memoryview) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]


async def receive_body(request: Request, settings: Settings, memory_budget: MemoryBudget) -> Body:
    """Receive the body of a request: a sound file, or a form with the part ``file``.

    Raises
    ------
    RequestError : the body is too large or encoded, the form has no file, or the memory budget is exhausted
    """
    _check_head(request, settings)
    boundary = _boundary(request)
    body = Body(memory_budget)
    total = 0
    try:
        with _form_errors():
            form = None if boundary is None else FormParser(boundary, body.write)
        async for chunk in request.stream():
            total += len(chunk)
            if total > settings.max_body_bytes:
                raise _too_large(settings)
            if form is None:
                body.write(chunk)
            else:
                with _form_errors():
                    form.push(chunk)
        if form is not None:
            with _form_errors():
                form.end()
            body.source, body.metadata = form.source, form.metadata
    except BaseException:
        body.close()
        raise
    return body


def _check_head(request: Request, settings: Settings) -> None:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise RequestError(
            f"A body must be sent without Content-Encoding. Got {coding!r}: send the sound file as it is.",
            reason="unsupported",
        )
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > settings.max_body_bytes:
        raise _too_large(settings)


def _too_large(settings: Settings) -> RequestError:
    return RequestError(
        f"A body must have at most {settings.max_body_bytes} bytes. This one has more: send FLAC or OGG, or split it.",
        reason="too_large",
    )


def _boundary(request: Request) -> bytes | None:
    """Return the boundary of a multipart form; None for another body."""
    content_type, parameters = parse_parameters(request.headers.get("content-type", ""))
    if content_type != _FORM:
        return None
    if not parameters.get("boundary"):
        raise RequestError("The Content-Type of a form must name its `boundary`. It is missing.")
    return parameters["boundary"].encode("latin-1", errors="replace")


@contextmanager
def _form_errors() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise RequestError(f"A form must be well-formed multipart/form-data. {error}.") from error
