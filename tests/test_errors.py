"""The tree of errors: public, drawn in its module, with unique kinds and one JSON shape."""

import re
from collections.abc import Iterator

import pytest

from auricle import errors
from auricle.errors import AuricleError


def tree(root: type[AuricleError]) -> Iterator[type[AuricleError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


ALL = list(tree(AuricleError))


def test_every_class_is_public_and_defined_here() -> None:
    assert sorted(error.__name__ for error in ALL) == errors.__all__
    assert {error.__module__ for error in ALL} == {"auricle.errors"}


def test_the_drawing_of_the_tree_is_complete() -> None:
    drawn: list[tuple[int, str, str]] = [
        (len(match[1]) // 4, match[2], match[3].strip())
        for match in re.finditer(r"^    ([│ ├└─]*)(\w+Error)(.*)$", errors.__doc__ or "", re.MULTILINE)
    ]
    assert [name for _, name, _ in drawn] == [error.__name__ for error in ALL]
    for depth, name, text in drawn[1:]:
        error = getattr(errors, name)
        assert depth == len(error.__mro__) - len(AuricleError.__mro__)
        assert (error.__doc__ or "").partition("\n\n")[0].lower() == f"{text}.".lower()


def test_kinds_are_unique_words() -> None:
    kinds = [error.kind for error in ALL]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch("[a-z]+", kind) for kind in kinds)


@pytest.mark.parametrize("error", ALL)
def test_every_error_has_the_same_json_shape(error: type[AuricleError]) -> None:
    assert error("the requirement").as_json() == {"kind": error.kind, "message": "the requirement"}
