"""Every module says what it is for and what is public, and every public name is explained."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

import auricle
from auricle import errors
from auricle.errors import AuricleError

MODULES = [name for _, name, _ in pkgutil.walk_packages(auricle.__path__, "auricle.")]


EXTRAS = {f"auricle.models.cnn.{name}": "torch" for name in ("augment", "network", "training")}
"""Modules that only an extra can import, and what it installs."""


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    if request.param in EXTRAS:
        pytest.importorskip(EXTRAS[request.param], reason="it is the extra `cnn`")
    return importlib.import_module(request.param)


def explained(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module defines and makes public, and the public methods of its classes."""
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if getattr(thing, "__module__", None) != module.__name__ or not (
            inspect.isfunction(thing) or inspect.isclass(thing)
        ):
            continue
        yield name, thing
        if inspect.isclass(thing):
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{name}.{method}", function


def test_a_module_opens_with_a_sentence(module: ModuleType) -> None:
    first = (module.__doc__ or "").split("\n\n")[0]
    assert first.endswith((".", ":")), module.__name__


def test_what_is_public_is_said_and_there(module: ModuleType) -> None:
    if not module.__file__.endswith("__init__.py"):
        assert module.__all__, module.__name__
    public = getattr(module, "__all__", [])
    assert len(set(public)) == len(public)
    assert all(hasattr(module, name) for name in public)


def test_every_public_name_is_explained(module: ModuleType) -> None:
    for name, thing in explained(module):
        text = inspect.getdoc(thing) or ""
        assert text.split("\n\n")[0].rstrip().endswith((".", ":")), f"{module.__name__}.{name}"


def test_what_is_raised_is_an_error_of_the_tree(module: ModuleType) -> None:
    for name, thing in explained(module):
        found = re.search(r"^Raises\n-+\n(.*?)(?=\n\n|\Z)", inspect.getdoc(thing) or "", re.MULTILINE | re.DOTALL)
        for line in found[1].splitlines() if found else ():
            if line.startswith(" "):
                continue
            listed, colon, when = line.partition(" : ")
            assert colon, f"{module.__name__}.{name}: {line}"
            assert when, f"{module.__name__}.{name}: {line}"
            for error in listed.split(", "):
                assert issubclass(getattr(errors, error), AuricleError), f"{module.__name__}.{name}: {line}"
