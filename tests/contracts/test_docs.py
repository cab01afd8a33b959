"""The documents name what is there: every package, path, table, module and link in them exists."""

import pkgutil
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

from starlette.routing import Route, WebSocketRoute

from auricle.serving.app import ROUTERS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "auricle"
DOCUMENTS = [
    *sorted(set(ROOT.glob("[A-Z]*.md")) - {ROOT / "CHANGELOG.md"}),  # which tells of the past too
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
]
GUIDES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "docs" / "architecture.md"]
PACKAGES = sorted(file.parent.relative_to(SOURCES).as_posix() for file in SOURCES.glob("*/**/__init__.py"))

FILE = re.compile(r"(?<![\w./:-])\.?(?:[\w.-]+/)+[\w.-]+\.(?:py|md|toml|html|yaml|yml|txt)\b")
FOLDER = re.compile(
    r"(?:(?<=`)[\w-]+(?:/[\w-]+)*/(?=`))|(?<![\w./])(?:src|tests|docs|benchmarks)/(?:[\w-]+/)*(?![\w-])"
)
TABLE = re.compile(r"`(\w+)`\s+in\s+`([\w/.-]+\.py)`")
MODULE = re.compile(r"\bauricle(?:\.[a-z]\w*){2,}")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def source(path: str) -> str:
    """Return the text of a file below the repository or, where its path is written short, below the package."""
    return text_of(ROOT / path if (ROOT / path).exists() else SOURCES / path)


def test_every_path_exists() -> None:
    named = {
        (document, path)
        for document in DOCUMENTS
        for pattern in (FILE, FOLDER)
        for path in pattern.findall(text_of(document))
    }
    missing = [
        f"{document.name}: {path}"
        for document, path in sorted(named)
        if not any((start / path).exists() for start in (ROOT, SOURCES, document.parent))
    ]
    assert not missing, "\n".join(missing)


def test_every_link_leads_somewhere() -> None:
    links = [(document, link) for document in DOCUMENTS for link in LINK.findall(text_of(document))]
    assert [f"{document.name}: {link}" for document, link in links if not (document.parent / link).exists()] == []


def test_every_module_exists() -> None:
    named = {name for document in DOCUMENTS for name in MODULE.findall(text_of(document))}
    missing = []
    for name in sorted(named):
        module = name.rpartition(".")[0]
        if find_spec(module) is None or (find_spec(name) is None if is_package(module) else not has(name)):
            missing.append(name)
    assert not missing, "\n".join(missing)


def is_package(module: str) -> bool:
    return (SOURCES.parent / module.replace(".", "/")).is_dir()


def has(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except AttributeError:
        return False
    return True


def test_every_table_is_in_the_file_that_is_named() -> None:
    defined = r"(?m)^\s*(?:def |async def |class |)%s\b(?:\(|:| =)|^%s, "
    missing = []
    for document in GUIDES:
        found = TABLE.findall(text_of(document))
        assert found, document
        missing += [
            f"{table}: {path}" for table, path in found if not re.search(defined % (table, table), source(path))
        ]
    assert not missing, "\n".join(missing)


def test_every_package_is_in_the_architecture() -> None:
    text = text_of(GUIDES[2])
    assert [package for package in PACKAGES if f"`{package}/`" not in text] == []


def test_the_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = re.search(r"```layers\n(.*?)```", text_of(GUIDES[2]), re.DOTALL)
    assert drawn
    assert drawn[1].splitlines() == [layer.replace("auricle.", "") for layer in layers]


def test_every_decision_is_listed_and_numbered_once() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert sorted(re.findall(r"\((\d{4}-[\w-]+\.md)\)", text_of(folder / "README.md"))) == records
    assert [name[:4] for name in records] == [f"{number:04}" for number in range(1, len(records) + 1)]


def test_every_route_is_documented() -> None:
    text = text_of(ROOT / "docs" / "serving.md")
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route | WebSocketRoute)]
    ends = {route.path: [part for part in route.path.split("/") if not part.startswith("{")][-1] for route in routes}
    assert [path for path, end in ends.items() if f"/{end}" not in text] == []
