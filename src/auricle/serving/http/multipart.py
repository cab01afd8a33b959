"""Streaming parser of a multipart form with the parts ``file`` and ``metadata``."""

import re
from collections.abc import Callable
from typing import Final

from python_multipart.multipart import MultipartParser

from auricle.errors import RequestError

__all__ = ["FormParser", "parse_parameters"]

_MAX_FIELD_BYTES: Final = 32_768
_PARTS: Final = ("file", "metadata")
_PARAMETER: Final = re.compile(r';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)


def parse_parameters(header: str) -> tuple[str, dict[str, str]]:
    """Return the value of a header such as Content-Type, in lower case, and its parameters by name.

    Any text has a value: ``email.message`` would decode parameters by the character set and the number that a client
    names. Of equal names, the first counts.
    """
    value, _, _ = header.partition(";")
    parameters: dict[str, str] = {}
    for name, text in _PARAMETER.findall(header[len(value) :]):
        is_quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
        plain = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if is_quoted else text.strip()
        parameters.setdefault(name.lower(), plain)
    return value.strip().lower(), parameters


class FormParser:
    """Parses a form in chunks, and forwards the bytes of its part ``file``.

    Parameters
    ----------
    boundary : bytes
        Separator of the parts.
    write : callable
        Takes the file's bytes.

    Attributes
    ----------
    source : str
        File name given by the client; empty for none.
    metadata : str or None
        Text of the part ``metadata``.
    """

    def __init__(self, boundary: bytes, write: Callable[[memoryview], None]) -> None:
        self.source = ""
        self.metadata: str | None = None
        self._write = write
        self._received: set[str] = set()
        self._name = ""
        self._field = bytearray()
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[str, str] = {}
        self._is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
        )

    def push(self, content: bytes) -> None:
        """Parse the next bytes.

        Raises
        ------
        RequestError : a part is unknown, repeated or too large
        """
        self._parser.write(content)

    def end(self) -> None:
        """Finish parsing.

        Raises
        ------
        RequestError : the form is truncated, or has no part ``file``
        """
        self._parser.finalize()
        if not self._is_complete:
            raise RequestError("A form must be complete. This one ends before its last boundary.")
        if "file" not in self._received:
            raise RequestError("A form must have a part named `file`, which holds the sound. This one has none.")

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode(errors="replace")
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, parameters = parse_parameters(self._headers.get("content-disposition", ""))
        self._name = parameters.get("name", "")
        if self._name not in _PARTS:
            raise RequestError(f"A form's parts must be `file` and `metadata`. Got {self._name[:64]!r}.")
        if self._name in self._received:
            raise RequestError(f"A form must have one part `{self._name}`. This one has more.")
        self._received.add(self._name)
        if self._name == "file":
            self.source = parameters.get("filename", "")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == "file":
            self._write(memoryview(data)[start:end])
            return
        if len(self._field) + end - start > _MAX_FIELD_BYTES:
            raise RequestError(f"`metadata` must have at most {_MAX_FIELD_BYTES} bytes.", reason="too_large")
        self._field += data[start:end]

    def _on_part_end(self) -> None:
        if self._name == "metadata":
            self.metadata = self._field.decode(errors="replace")

    def _on_end(self) -> None:
        self._is_complete = True
