"""A request's sound on its way in: counted while it streams, kept in memory that a decoder can be handed."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from types import TracebackType
from typing import Final, Self

from python_multipart.exceptions import FormParserError
from starlette.requests import Request

from auricle.errors import RequestError
from auricle.serving.http.multipart import FormParser
from auricle.serving.settings import Settings

__all__ = ["Body", "MemoryBudget", "receive"]

_FORM: Final = "multipart/form-data"
_SMALL_BYTES: Final = 1 << 18
_PIECE_BYTES: Final = 1 << 20


class MemoryBudget:
    """Memory for all bodies of a process together."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._lock = threading.Lock()  # taken on the event loop, given back in threads

    def take(self, n_bytes: int) -> None:
        """Take room for some bytes.

        Raises
        ------
        RequestError : there is none
        """
        with self._lock:
            if n_bytes > self._left:
                raise RequestError("The server holds too much sound at the moment.", reason="overloaded")
            self._left -= n_bytes

    def give_back(self, n_bytes: int) -> None:
        """Give room back."""
        with self._lock:
            self._left += n_bytes


class Body:
    """The bytes of a sound file, as they came. A context manager, which frees them.

    A small one stays where it is until a thread asks for its descriptor: every call into the system from the event
    loop may have to wait for the interpreter's lock.

    Attributes
    ----------
    n_bytes : how many there are
    source : the name that the sender gave the file; empty for none
    metadata : JSON that came in a form beside the file; None for none
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
        """Free the bytes; once is enough, and more does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._small.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._memory_budget.release(self.n_bytes)

    def descriptor(self) -> int:
        """Return the descriptor of memory that holds the bytes; it is closed with the body."""
        if self._descriptor < 0:
            self._descriptor = os.memfd_create("sound", os.MFD_CLOEXEC)
            self._append(self._small)
            self._small = bytearray()
        return self._descriptor

    def digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        if self._descriptor < 0:
            return hashlib.sha256(self._small).hexdigest()
        found, at = hashlib.sha256(), 0
        while piece := os.pread(self._descriptor, _PIECE_BYTES, at):
            found.update(piece)
            at += len(piece)
        return found.hexdigest()

    def write(self, content: bytes | memoryview) -> None:
        """Add bytes.

        Raises
        ------
        RequestError : there is no room for them
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


async def receive(request: Request, settings: Settings, memory_budget: MemoryBudget) -> Body:
    """Take in the body of a request: the sound itself, or a form with a part ``file``.

    Raises
    ------
    RequestError : too large, in a coding that is not taken, a form without a file, or the server is full
    """
    _check_head(request, settings)
    boundary = _boundary(request)
    body = Body(memory_budget)
    form = None if boundary is None else FormParser(boundary, body.write)
    total = 0
    try:
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
            f"A body must come without Content-Encoding. Got {coding!r}: sound files are small enough as they are.",
            reason="unsupported",
        )
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > settings.max_body_bytes:
        raise _too_large(settings)


def _too_large(settings: Settings) -> RequestError:
    return RequestError(
        f"A body must have at most {settings.max_body_bytes} bytes. This one has more: send FLAC or OGG, or parts.",
        reason="too_large",
    )


def _boundary(request: Request) -> bytes | None:
    """Return what separates the parts of a form; None where the body is no form."""
    message = Message()
    message["content-type"] = request.headers.get("content-type", "application/octet-stream")
    if message.get_content_type() != _FORM:
        return None
    boundary = message.get_boundary()
    if not boundary:
        raise RequestError("A form must say what separates its parts: `boundary` is missing in Content-Type.")
    return boundary.encode("latin-1", errors="replace")


@contextmanager
def _form_errors() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise RequestError(f"A form must be well-formed multipart/form-data. {error}.") from error
