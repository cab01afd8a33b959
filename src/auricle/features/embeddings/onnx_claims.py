"""Check what a serialised ONNX graph claims, before onnxruntime believes it: its tensors must hold what they declare.

A tensor declares a shape, and where its numbers lie. onnxruntime allocates the shape before it looks at the numbers,
and opens any file that a tensor names. This walks the protobuf messages down to every tensor, at any depth (functions,
subgraphs, attributes), in whatever spelling the fields come, and reads no number.
"""

import math
import re
from collections.abc import Iterator
from typing import Final

__all__ = ["faulty_claim"]

_MAX_DEPTH: Final = 64
_MAX_ELEMENTS_PER_BYTE: Final = 2  # of the smallest types, two share a byte

# By message: the field numbers of the messages within, from onnx.proto.
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
}
_ONE_TENSOR: Final = ("attribute", 5)
_DIMS, _EXTERNAL_DATA, _DATA_LOCATION = 1, 13, 14
_DATA: Final = frozenset({4, 5, 6, 7, 9, 10, 11})
_VARINT, _LENGTH, _START_GROUP, _END_GROUP = 0, 2, 3, 4
_SIZES: Final = {1: 8, 5: 4}

# Lists of numbers that are not packed have one field for each number; runs of them are skipped at once.
_RUNS: Final = {
    tag: re.compile(b"(?:" + re.escape(bytes([tag])) + number + b")*", re.DOTALL)
    for tag, number in (
        (0x3D, b".{4}"),  # floats of an attribute
        (0x40, b"[\x80-\xff]*[\x00-\x7f]"),  # integers of an attribute
    )
}


class _TruncatedError(Exception):
    """A field ends beyond its message."""


def faulty_claim(serialised: bytes) -> str | None:
    """Return what a graph claims and may not; None if it claims nothing that it does not hold, or is no graph.

    Parameters
    ----------
    serialised : bytes
        An ONNX model.
    """
    try:
        return _faulty(memoryview(serialised), "model", 0)
    except (IndexError, _TruncatedError):  # as onnxruntime finds too, before it allocates anything
        return None


def _faulty(content: memoryview, message: str, depth: int) -> str | None:
    if depth > _MAX_DEPTH:
        return f"nests deeper than {_MAX_DEPTH} graphs"
    if message == "tensor":
        return _faulty_tensor(content)
    if message == "sparse":
        return "has a sparse tensor, whose dense form it does not hold"
    within, n_tensors = _FIELDS[message], 0
    for number, value in _fields(content):
        n_tensors += (message, number) == _ONE_TENSOR
        if n_tensors > 1:
            return "gives an attribute two tensors"  # which protobuf merges into one, of all their dimensions
        if number in within:
            if not isinstance(value, memoryview):
                return "has a number where a message belongs"
            found = _faulty(value, within[number], depth + (message != "node"))
            if found is not None:
                return found
    return None


def _faulty_tensor(content: memoryview) -> str | None:
    n_elements, n_bytes = 1, 0
    for number, value in _fields(content):
        if number == _DIMS:
            for size in [value] if isinstance(value, int) else _varints(value):
                n_elements *= size if size < 1 << 63 else 0  # negative sizes are refused by onnxruntime
        elif number in _DATA:
            n_bytes += 8 if isinstance(value, int) else len(value)
        elif number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
            return "keeps its weights in other files"
    if n_elements > _MAX_ELEMENTS_PER_BYTE * n_bytes:
        return f"declares a tensor of {_readable(n_elements)} numbers, and holds {n_bytes} bytes of them"
    return None


def _readable(n: int) -> str:
    return str(n) if n < 10**15 else f"10^{math.floor(math.log10(n))}"


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: an integer, or the bytes of a message, text or list.

    Raises
    ------
    _TruncatedError, IndexError : the bytes are no fields
    """
    at, end, n_groups = 0, len(content), 0
    while at < end:
        run = _RUNS.get(content[at])
        if run is not None and (match := run.match(content, at)) is not None and match.end() > at:
            at = match.end()
            continue
        tag, at = _varint(content, at)
        kind = tag & 7
        if kind in (_START_GROUP, _END_GROUP):  # of no field that ONNX has: what lies within is left alone
            n_groups += 1 if kind == _START_GROUP else -1
            if n_groups < 0:
                raise _TruncatedError
            continue
        value: int | memoryview
        if kind == _VARINT:
            value, at = _varint(content, at)
        else:
            size, at = _varint(content, at) if kind == _LENGTH else (_SIZES.get(kind, end), at)
            if size > end - at:
                raise _TruncatedError
            value, at = content[at : at + size], at + size
        if not n_groups:
            yield tag >> 3, value
    if n_groups:
        raise _TruncatedError


def _varints(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise _TruncatedError
