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


def test_every_class_is_public_and_lives_here() -> None:
    assert sorted(error.__name__ for error in ALL) == errors.__all__
    assert {error.__module__ for error in ALL} == {"auricle.errors"}


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: list[tuple[int, str, str]] = [
        (len(match[1]) // 4, match[2], match[3].strip())
        for match in re.finditer(r"^    ([│ ├└─]*)(\w+Error)(.*)$", errors.__doc__ or "", re.MULTILINE)
    ]
    assert [name for _, name, _ in drawn] == [error.__name__ for error in ALL]
    for depth, name, says in drawn[1:]:
        error = getattr(errors, name)
        assert depth == len(error.__mro__) - len(AuricleError.__mro__)
        assert (error.__doc__ or "").partition("\n\n")[0].lower() == f"{says}.".lower()


def test_kinds_are_unique_words() -> None:
    kinds = [error.kind for error in ALL]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch("[a-z]+", kind) for kind in kinds)


@pytest.mark.parametrize("error", ALL)
def test_an_error_has_one_shape_as_json(error: type[AuricleError]) -> None:
    assert error("what must hold").as_json() == {"kind": error.kind, "message": "what must hold"}
