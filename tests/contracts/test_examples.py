"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
from pathlib import Path

import auricle

SOURCES = Path(auricle.__file__).parent


def test_every_example_in_a_docstring_runs() -> None:
    paths = [path for path in sorted(SOURCES.rglob("*.py")) if ">>>" in path.read_text(encoding="utf-8")]
    assert paths
    names = [".".join(path.relative_to(SOURCES.parent).with_suffix("").parts) for path in paths]
    results = {name: doctest.testmod(importlib.import_module(name)) for name in names}
    assert [name for name, result in results.items() if result.failed or not result.attempted] == []
