"""Every module says what it is for and what is public, and every public name is explained."""

import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import auricle
from auricle import errors
from auricle.errors import AuricleError

NEEDS_TORCH = {f"auricle.models.cnn.{name}" for name in ("augment", "network", "training")}
"""Modules that only the extra `cnn` can import."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module that can be imported here."""
    found = [name for _, name, _ in pkgutil.walk_packages(auricle.__path__, "auricle.")]
    has_torch = importlib.util.find_spec("torch") is not None
    return tuple(importlib.import_module(name) for name in found if has_torch or name not in NEEDS_TORCH)


@cache
def explained() -> dict[str, str]:
    """The docstring of what every module defines and makes public, and of the public methods of its classes."""
    return {name: inspect.getdoc(thing) or "" for module in modules() for name, thing in _public(module)}


def _public(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name, None)
        if getattr(thing, "__module__", None) != module.__name__ or not (
            inspect.isfunction(thing) or inspect.isclass(thing)
        ):
            continue
        yield f"{module.__name__}.{name}", thing
        if inspect.isclass(thing):
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", function


def _ends(text: str) -> bool:
    return text.split("\n\n", maxsplit=1)[0].rstrip().endswith((".", ":"))


def test_a_module_opens_with_a_sentence() -> None:
    assert len(modules()) > 150
    assert [module.__name__ for module in modules() if not _ends(module.__doc__ or "")] == []


def test_what_is_public_is_said_and_there() -> None:
    found = []
    for module in modules():
        public = getattr(module, "__all__", [])
        if not public and not str(module.__file__).endswith("__init__.py"):
            found.append(f"{module.__name__} must say in `__all__` what is public")
        found += [f"{module.__name__}.{name} is not there" for name in public if not hasattr(module, name)]
        found += [f"{module.__name__}.{name} is said twice" for name in set(public) if public.count(name) > 1]
    assert found == []


def test_every_public_name_is_explained() -> None:
    assert len(explained()) > 500
    assert [name for name, text in explained().items() if not _ends(text)] == []


def test_what_is_raised_is_an_error_of_the_tree() -> None:
    found = {
        name: re.search(r"^Raises\n-+\n(.*?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
        for name, text in explained().items()
    }
    raised = [
        (name, line)
        for name, match in found.items()
        if match
        for line in re.sub(r"(?m)^(\w[\w, ]*)\n +", r"\1 : ", match[1]).splitlines()  # a reason may follow on its own
        if not line.startswith(" ")
    ]
    assert len(raised) > 100
    assert [f"{name}: {line}" for name, line in raised if not _names_errors(line)] == []


def _names_errors(line: str) -> bool:
    """Whether a line reads ``OneError, OtherError : when``."""
    listed, colon, when = line.partition(" : ")
    kinds = [getattr(errors, name, None) for name in listed.split(", ")]
    return bool(colon and when) and all(isinstance(kind, type) and issubclass(kind, AuricleError) for kind in kinds)
